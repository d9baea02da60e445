//! How long many things took: half of them, 99 of 100, all.

use std::time::Duration;

use crate::results::{Measured, Unit};

/// Times, in any order.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies {
    sorted: Vec<Duration>,
}

impl From<Vec<Duration>> for Latencies {
    fn from(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self { sorted: times }
    }
}

impl Latencies {
    pub(super) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// What so many of a hundred do not exceed; zero where there is none.
    pub(super) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.count() * percent).div_ceil(100).max(1);
        self.sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub(super) fn most(&self) -> Duration {
        self.percentile(100)
    }

    /// Half of them and 99 of 100, as figures.
    pub(super) fn figures(&self, of: &str) -> [Measured; 2] {
        [50, 99].map(|percent| {
            let value = milliseconds(self.percentile(percent));
            Measured::new(format!("{of}, p{percent}"), Unit::Milliseconds, value)
        })
    }
}

pub(super) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let times = |millis: &[u64]| {
            Latencies::from(
                millis.iter().map(|&each| Duration::from_millis(each)).collect::<Vec<_>>(),
            )
        };
        let hundred: Vec<u64> = (1..=100).rev().collect();
        for (of, percent, millis) in [
            (&[][..], 50, 0),
            (&[7], 50, 7),
            (&[7], 99, 7),
            (&[9, 1], 50, 1),
            (&hundred, 50, 50),
            (&hundred, 99, 99),
            (&hundred, 100, 100),
        ] {
            let found = times(of).percentile(percent);
            assert_eq!(found, Duration::from_millis(millis), "{percent} of {of:?}");
        }
    }
}
