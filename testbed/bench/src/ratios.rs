//! Figures beside figures: what is left of them when the machine is a slower one.

use crate::results::Results;

/// A figure, and what it is divided by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ratio {
    pub(crate) figure: &'static str,
    pub(crate) of: &'static str,
    pub(crate) value: f64,
}

/// QEMU in its best configuration, whichever of these is faster here.
pub(crate) const QEMU_BEST: [&str; 2] = ["qemu multifd 2", "qemu multifd 4"];

const RATIOS: &[(&str, &str)] = &[
    ("yardstick tcp 2, memory to memory", "yardstick tcp 2"),
    ("bulk 1", "yardstick tcp 1"),
    ("bulk 2", "yardstick tcp 2"),
    ("bulk 4", "yardstick tcp 2"),
    ("bulk 2", "yardstick tcp 2, memory to memory"),
    ("bulk 2 populating", "yardstick tcp 2"),
    ("bulk 2 populating", "yardstick population"),
    ("bulk 1 tls", "yardstick tls 1"),
    ("bulk 2 tls", "yardstick tls 2"),
    ("bulk 2", "qemu multifd 2"),
    ("bulk 2", "qemu multifd 4"),
    ("bulk 2 populating", "qemu default, uncapped"),
    ("bulk 2", "qemu default, uncapped"),
    ("bulk 2", "qemu default"),
    ("bulk 2, source", "qemu multifd 2, source"),
    ("bulk 2, destination", "qemu multifd 2, destination"),
    ("blackout idle 300 ms, by events", "qemu idle 300 ms, blackout by events"),
    ("blackout idle 20 ms, by events", "qemu idle 20 ms, blackout by events"),
    ("write rate, followed", "write rate, not followed"),
    ("post-copy first second, after", "post-copy first second, before"),
];

/// Every ratio of which both figures were taken: of their medians, which were taken in turns.
pub(crate) fn ratios(results: &Results) -> Vec<Ratio> {
    let ratio = |&(figure, of): &(&'static str, &'static str)| {
        let value = results.median(figure)? / results.median(of)?;
        Some(Ratio { figure, of, value })
    };
    RATIOS.iter().filter_map(ratio).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Measured, Unit};

    #[test]
    fn a_ratio_needs_both_figures() {
        let mut results = Results::default();
        results.add(Measured::new("bulk 2", Unit::GigabytesPerSecond, 6.0));
        assert_eq!(ratios(&results), []);
        results.add(Measured::new("qemu default", Unit::GigabytesPerSecond, 0.5));
        let expected = Ratio { figure: "bulk 2", of: "qemu default", value: 12.0 };
        assert_eq!(ratios(&results), [expected]);
    }
}
