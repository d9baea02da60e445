//! Figures beside figures: what is left of them when the machine is a slower one.

use crate::results::Results;

/// A figure, and what it is divided by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) figure: &'static str,
    pub(crate) of: &'static str,
    pub(crate) value: f64,
}

/// Every ratio of which both figures were taken: of their medians, which were taken in turns.
pub(crate) fn ratios(pairs: &[(&'static str, &'static str)], results: &Results) -> Vec<Ratio> {
    let ratio = |&(figure, of): &(&'static str, &'static str)| {
        let value = results.median(figure)? / results.median(of)?;
        Some(Ratio { figure, of, value })
    };
    pairs.iter().filter_map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Measured, Unit};

    #[test]
    fn a_ratio_needs_both_figures() {
        let pairs = &[("bulk 2", "qemu default"), ("bulk 2", "yardstick")];
        let mut results = Results::default();
        results.add(Measured::new("bulk 2", Unit::GigabytesPerSecond, 6.0));
        assert_eq!(ratios(pairs, &results), []);
        results.add(Measured::new("qemu default", Unit::GigabytesPerSecond, 0.5));
        let expected = Ratio { figure: "bulk 2", of: "qemu default", value: 12.0 };
        assert_eq!(ratios(pairs, &results), [expected]);
    }
}
