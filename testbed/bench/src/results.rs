//! Figures that were taken several times.

use std::collections::BTreeMap;

/// In what a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// 10^9 bytes a second.
    GigabytesPerSecond,
    /// Seconds on a processor for each GiB.
    CpuSecondsPerGib,
    Milliseconds,
    Microseconds,
    Mebibytes,
    MebibytesPerSecond,
    /// So many a second.
    PerSecond,
    /// A share of another figure, in percent.
    Percent,
    /// A number of times another figure.
    Times,
    /// So many.
    Count,
}

impl Unit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::GigabytesPerSecond => "GB/s",
            Self::CpuSecondsPerGib => "cpu s/GiB",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Mebibytes => "MiB",
            Self::MebibytesPerSecond => "MiB/s",
            Self::PerSecond => "/s",
            Self::Percent => "%",
            Self::Times => "x",
            Self::Count => "",
        }
    }
}

/// A figure that was taken once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) figure: String,
    pub(crate) unit: Unit,
    pub(crate) value: f64,
}

impl Measured {
    pub(crate) fn new(figure: impl Into<String>, unit: Unit, value: f64) -> Self {
        Self { figure: figure.into(), unit, value }
    }
}

/// A figure that was taken several times.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Samples {
    pub(crate) unit: Unit,
    values: Vec<f64>,
}

impl Samples {
    /// The one in the middle, or between the two that are.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.sorted()[0]
    }

    pub(crate) fn most(&self) -> f64 {
        self.sorted()[self.values.len() - 1]
    }

    pub(crate) fn count(&self) -> usize {
        self.values.len()
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }
}

/// Every figure, in the order in which they were first taken, and what could not be taken.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Results {
    samples: BTreeMap<String, Samples>,
    order: Vec<String>,
    failures: Vec<String>,
}

impl Results {
    pub(crate) fn add(&mut self, measured: Measured) {
        let Measured { figure, unit, value } = measured;
        let samples = self.samples.entry(figure.clone()).or_insert_with(|| {
            self.order.push(figure);
            Samples { unit, values: Vec::new() }
        });
        assert_eq!(samples.unit, unit, "a figure has one unit");
        samples.values.push(value);
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.failures.push(what);
    }

    pub(crate) fn failures(&self) -> &[String] {
        &self.failures
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Samples)> {
        self.order.iter().map(|figure| (figure.as_str(), &self.samples[figure]))
    }

    /// The median of a figure, if it was taken.
    pub(crate) fn median(&self, figure: &str) -> Option<f64> {
        self.samples.get(figure).map(Samples::median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle() {
        for (values, median) in [
            (&[3.0][..], 3.0),
            (&[9.0, 1.0], 5.0),
            (&[9.0, 1.0, 2.0], 2.0),
            (&[4.0, 1.0, 2.0, 100.0], 3.0),
        ] {
            let mut results = Results::default();
            for value in values {
                results.add(Measured::new("x", Unit::Count, *value));
            }
            assert!((results.median("x").unwrap() - median).abs() < 1e-9, "{values:?}");
        }
        assert_eq!(Results::default().median("x"), None);
    }

    #[test]
    fn figures_stay_in_the_order_in_which_they_came() {
        let mut results = Results::default();
        for figure in ["b", "a", "b"] {
            results.add(Measured::new(figure, Unit::Count, 1.0));
        }
        let all: Vec<_> =
            results.all().map(|(figure, samples)| (figure, samples.count())).collect();
        assert_eq!(all, [("b", 2), ("a", 1)]);
    }
}
