//! What was aimed at, and whether it was reached.

use crate::results::{Results, Unit};

/// On which side of its limit a figure should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Limit {
    fn is_kept_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
        }
    }
}

/// An aim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aim {
    pub(crate) what: &'static str,
    pub(crate) limit: Limit,
    pub(crate) unit: Unit,
    pub(crate) value: fn(&Results) -> Option<f64>,
}

/// What has become of an aim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Reached,
    Missed,
    NotMeasured,
}

impl Outcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Missed => "MISSED",
            Self::NotMeasured => "not measured",
        }
    }
}

impl Aim {
    pub(crate) fn value(&self, results: &Results) -> Option<f64> {
        (self.value)(results)
    }

    pub(crate) fn outcome(&self, results: &Results) -> Outcome {
        match self.value(results) {
            Some(value) if self.limit.is_kept_by(value) => Outcome::Reached,
            Some(_) => Outcome::Missed,
            None => Outcome::NotMeasured,
        }
    }
}

/// A median beside another.
pub(crate) fn ratio(results: &Results, figure: &str, of: &str) -> Option<f64> {
    Some(results.median(figure)? / results.median(of)?)
}

/// The same in percent.
pub(crate) fn percent(results: &Results, figure: &str, of: &str) -> Option<f64> {
    ratio(results, figure, of).map(|ratio| ratio * 100.0)
}

/// A table of aims: what, its limit, its unit, and how it comes from the figures.
macro_rules! aims {
    ($($what:literal: $limit:ident($number:literal) $unit:ident = $value:expr;)*) => {
        &[$($crate::aims::Aim {
            what: $what,
            limit: $crate::aims::Limit::$limit($number),
            unit: $crate::results::Unit::$unit,
            value: $value,
        },)*]
    };
}

pub(crate) use aims;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;

    #[test]
    fn an_aim_is_reached_missed_or_not_measured() {
        let aims: &[Aim] = aims! {
            "fast": AtLeast(80.0) Percent = |all| percent(all, "ours", "theirs");
        };
        let mut results = Results::default();
        assert_eq!(aims[0].outcome(&results), Outcome::NotMeasured);
        let mut add = |figure: &str, value| {
            results.add(Measured::new(figure, Unit::GigabytesPerSecond, value));
            aims[0].outcome(&results)
        };
        assert_eq!(add("theirs", 10.0), Outcome::NotMeasured);
        assert_eq!(add("ours", 7.9), Outcome::Missed);
        assert_eq!(add("ours", 8.5), Outcome::Reached);
        assert!(Limit::AtMost(3.0).is_kept_by(3.0) && !Limit::AtMost(3.0).is_kept_by(3.1));
    }
}
