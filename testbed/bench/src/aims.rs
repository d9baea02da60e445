//! What was aimed at, and whether it was reached.

use crate::ratios::QEMU_BEST;
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
    value: fn(&Results) -> Option<f64>,
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

fn ratio(results: &Results, figure: &str, of: &str) -> Option<f64> {
    Some(results.median(figure)? / results.median(of)?)
}

/// Of QEMU where it is fastest.
fn of_best_qemu(results: &Results, figure: &str) -> Option<f64> {
    let best = QEMU_BEST.iter().filter_map(|each| results.median(each)).reduce(f64::max)?;
    Some(results.median(figure)? / best)
}

fn percent(results: &Results, figure: &str, of: &str) -> Option<f64> {
    ratio(results, figure, of).map(|ratio| ratio * 100.0)
}

macro_rules! aims {
    ($($what:literal: $limit:ident($number:literal) $unit:ident = $value:expr;)*) => {
        /// Every aim.
        pub(crate) const AIMS: &[Aim] = &[$(Aim {
            what: $what,
            limit: Limit::$limit($number),
            unit: Unit::$unit,
            value: $value,
        },)*];
    };
}

aims! {
    "bulk, 2 channels, destination populated, of the 2-stream yardstick":
        AtLeast(80.0) Percent = |all| percent(all, "bulk 2", "yardstick tcp 2");
    "the same, of QEMU at its best":
        AtLeast(2.0) Times = |all| of_best_qemu(all, "bulk 2");
    "the same, of QEMU by default":
        AtLeast(5.0) Times = |all| ratio(all, "bulk 2", "qemu default");
    "bulk, 2 channels, population inside the clock, of the 2-stream yardstick":
        AtLeast(50.0) Percent = |all| percent(all, "bulk 2 populating", "yardstick tcp 2");
    "bulk with TLS, 2 channels, of the TLS yardstick":
        AtLeast(80.0) Percent = |all| percent(all, "bulk 2 tls", "yardstick tls 2");
    "an untouched guest of 4 GiB":
        AtMost(100.0) Milliseconds = |all| all.median("untouched 4 GiB");
    "a guest of zeros":
        AtMost(100.0) Milliseconds = |all| all.median("zeros");
    "blackout, 100 MB hot set, limit 20 ms":
        AtMost(3.0) Milliseconds = |all| all.median("blackout hot 20 ms");
    "throttle for a guest that dirties 500 MB/s all over":
        AtMost(0.0) Percent = |all| all.median("throttle 500 MB/s");
    "post-copy blackout, fully dirty":
        AtMost(10.0) Milliseconds = |all| all.median("post-copy blackout");
    "post-copy fault under full push, half of them":
        AtMost(150.0) Microseconds = |all| all.median("post-copy fault p50");
    "post-copy fault under full push, 99 of 100":
        AtMost(2000.0) Microseconds = |all| all.median("post-copy fault p99");
    "what dirty tracking costs the guest's write rate":
        AtMost(10.0) Percent = |all| all.median("slowdown by tracking");
    "resident memory of a guest process beyond its guest's":
        AtMost(8.0) Mebibytes = |all| all.median("overhead");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;

    #[test]
    fn an_aim_is_reached_missed_or_not_measured() {
        let aim = AIMS[0];
        let mut results = Results::default();
        assert_eq!(aim.outcome(&results), Outcome::NotMeasured);
        let mut add = |figure: &str, value| {
            results.add(Measured::new(figure, Unit::GigabytesPerSecond, value));
            aim.outcome(&results)
        };
        assert_eq!(add("yardstick tcp 2", 10.0), Outcome::NotMeasured);
        assert_eq!(add("bulk 2", 7.9), Outcome::Missed);
        assert_eq!(add("bulk 2", 8.5), Outcome::Reached);
        let of_qemu = AIMS[1];
        for (figure, value, outcome) in
            [("qemu multifd 4", 4.0, Outcome::Reached), ("qemu multifd 2", 5.0, Outcome::Missed)]
        {
            results.add(Measured::new(figure, Unit::GigabytesPerSecond, value));
            assert_eq!(of_qemu.outcome(&results), outcome, "{figure}");
        }
        assert!(Limit::AtMost(3.0).is_kept_by(3.0) && !Limit::AtMost(3.0).is_kept_by(3.1));
    }
}
