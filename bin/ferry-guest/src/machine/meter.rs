//! How fast something went in the last second.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Instant};

/// A tenth of what is looked back at.
const SLOT: Duration = Duration::from_millis(100);

/// Ten whole tenths and the one that is under way.
const SLOTS: usize = 11;

/// What was done lately, by tenths of a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    began: Instant,
    /// The tenth that is under way, counted from the start of the clock.
    current: u64,
    /// Tenth `n` is in slot `n` modulo their number.
    slots: [u64; SLOTS],
}

impl Meter {
    /// Begins with nothing.
    pub(crate) fn new(now: Instant) -> Self {
        Self { began: now, current: tenth(now), slots: [0; SLOTS] }
    }

    /// `bytes` were done until `now`.
    pub(crate) fn add(&mut self, now: Instant, bytes: Bytes) {
        self.pass_to(now);
        let slot = &mut self.slots[index(self.current)];
        *slot = slot.saturating_add(bytes.get());
    }

    /// How fast it went in the second before `now`, or since it began.
    pub(crate) fn rate(&mut self, now: Instant) -> BytesPerSecond {
        self.pass_to(now);
        let whole = Instant::from_nanos(self.current.saturating_mul(nanos(SLOT)));
        let span = now.since(whole) + SLOT * 10;
        let bytes = Bytes::new(self.slots.iter().fold(0, |sum, slot| sum.saturating_add(*slot)));
        bytes.per(span.min(now.since(self.began))).unwrap_or_default()
    }

    fn pass_to(&mut self, now: Instant) {
        let now = tenth(now);
        let passed = now.saturating_sub(self.current).min(SLOTS as u64);
        for tenth in (now + 1).saturating_sub(passed)..=now {
            self.slots[index(tenth)] = 0;
        }
        self.current = self.current.max(now);
    }
}

fn tenth(now: Instant) -> u64 {
    now.nanos() / nanos(SLOT)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn index(tenth: u64) -> usize {
    usize::try_from(tenth % SLOTS as u64).expect("less than a dozen")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    proptest! {
        #[test]
        fn a_steady_rate_is_seen_at_any_time(start in 0..10_000_u64, length in 100..5_000_u64) {
            let mut meter = Meter::new(at(start));
            for milli in 0..length {
                meter.add(at(start + milli), Bytes::new(1_000));
            }
            let rate = meter.rate(at(start + length)).get();
            prop_assert!(rate.abs_diff(1_000_000) <= 20_000, "{rate}");
        }
    }

    #[test]
    fn what_is_over_is_forgotten_after_a_second() {
        let mut meter = Meter::new(at(0));
        meter.add(at(1_000), Bytes::from_mib(1));
        assert!(meter.rate(at(1_500)).get() > 0);
        assert_eq!(meter.rate(at(2_200)).get(), 0);
        assert_eq!(meter.rate(at(1_000_000)).get(), 0);
        assert_eq!(Meter::new(at(5)).rate(at(5)).get(), 0);
    }
}
