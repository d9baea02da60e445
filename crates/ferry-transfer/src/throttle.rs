//! How much to slow down a guest that writes faster than its pages can be sent (auto-converge).
//!
//! The rule and its parameters are QEMU's: when the guest has dirtied more than a share of what was
//! sent, its vCPUs rest for a first percentage of their time, then for more, step by step. QEMU
//! looks once a second at most, only between two passes, and waits for a second look before it acts,
//! so that it takes 27 s from 20 % to 99 %. This looks twice a second, also within a pass, and acts
//! at once: 4 s.

use std::time::Duration;

use ferry_units::{Bytes, Instant};

/// How long to watch before judging.
const PERIOD: Duration = Duration::from_millis(500);

/// How vCPUs are slowed down. All are percentages, 1 to 99 (the trigger to 100).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Slow down once this share of what was sent has been dirtied.
    pub trigger: u8,
    /// By how much at first.
    pub initial: u8,
    /// By how much more each time.
    pub increment: u8,
    /// By how much at most.
    pub max: u8,
    /// How large the last steps are.
    pub tail: Tail,
}

/// How large the last steps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// As large as the others.
    Even,
    /// No larger than seems to be needed.
    Slow,
}

/// Watches a guest, and slows it down.
#[derive(Clone, Debug)]
pub(crate) struct Throttle {
    percent: u8,
    since: Instant,
    dirtied: Bytes,
    sent: Bytes,
}

impl Throttle {
    pub(crate) fn new(now: Instant) -> Self {
        Self { percent: 0, since: now, dirtied: Bytes::ZERO, sent: Bytes::ZERO }
    }

    /// By how much vCPUs are slowed down, in percent.
    pub(crate) fn percent(&self) -> u8 {
        self.percent
    }

    /// So much was sent.
    pub(crate) fn sent(&mut self, bytes: Bytes) {
        self.sent += bytes;
    }

    /// So much was dirtied since this was last said. Decides anew if enough time has passed.
    // PARITY: migration/ram.c#migration_trigger_throttle
    pub(crate) fn dirtied(
        &mut self,
        bytes: Bytes,
        settings: Option<ThrottleSettings>,
        now: Instant,
    ) {
        self.dirtied += bytes;
        let Some(settings) = settings else {
            *self = Self::new(now);
            return;
        };
        if now.since(self.since) < PERIOD {
            return;
        }
        let allowed = u128::from(self.sent.get()) * u128::from(settings.trigger) / 100;
        let dirtied = u128::from(self.dirtied.get());
        if dirtied > allowed {
            self.percent = self.next(settings, allowed, dirtied);
        }
        *self = Self { percent: self.percent, ..Self::new(now) };
    }

    // PARITY: migration/ram.c#mig_throttle_guest_down
    fn next(&self, settings: ThrottleSettings, allowed: u128, dirtied: u128) -> u8 {
        if self.percent == 0 {
            return settings.initial.min(settings.max);
        }
        let step = match settings.tail {
            Tail::Even => settings.increment,
            Tail::Slow => {
                let now = u128::from(100 - self.percent.min(100));
                // Somebody dirtied something, so this divides by more than zero.
                let ideal = now * allowed / dirtied;
                let needed = u8::try_from(now.saturating_sub(ideal)).unwrap_or(u8::MAX);
                settings.increment.min(needed)
            }
        };
        self.percent.saturating_add(step).min(settings.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ThrottleSettings =
        ThrottleSettings { trigger: 50, initial: 20, increment: 10, max: 99, tail: Tail::Even };

    /// The percentages after periods in which so much was sent and dirtied.
    fn percents(settings: ThrottleSettings, periods: &[(u64, u64)]) -> Vec<u8> {
        let mut throttle = Throttle::new(Instant::from_nanos(0));
        (1..)
            .zip(periods)
            .map(|(number, (sent, dirtied))| {
                throttle.sent(Bytes::new(*sent));
                let now = Instant::from_nanos(number * 500_000_000);
                throttle.dirtied(Bytes::new(*dirtied), Some(settings), now);
                throttle.percent()
            })
            .collect()
    }

    #[test]
    fn parity_a_guest_that_dirties_too_much_is_slowed_down_step_by_step() {
        for (settings, periods, expected) in [
            (SETTINGS, &[(100, 50), (100, 51), (100, 51), (100, 50)][..], &[0, 20, 30, 30][..]),
            (SETTINGS, &[(100, 90); 10], &[20, 30, 40, 50, 60, 70, 80, 90, 99, 99]),
            (
                ThrottleSettings { initial: 5, increment: 25, max: 95, ..SETTINGS },
                &[(1, 9); 6],
                &[5, 30, 55, 80, 95, 95],
            ),
            // 52 dirtied where 50 are allowed: 4 of the 80 percent that are left are too much.
            (ThrottleSettings { tail: Tail::Slow, ..SETTINGS }, &[(100, 52); 2], &[20, 24]),
            (SETTINGS, &[(0, 1), (0, 0)], &[20, 20]),
        ] {
            assert_eq!(percents(settings, periods), expected, "{settings:?}");
        }
    }

    #[test]
    fn nothing_is_decided_before_a_period_is_over() {
        let mut throttle = Throttle::new(Instant::from_nanos(0));
        throttle.dirtied(Bytes::new(9), Some(SETTINGS), Instant::from_nanos(499_999_999));
        assert_eq!(throttle.percent(), 0);
        throttle.dirtied(Bytes::ZERO, Some(SETTINGS), Instant::from_nanos(500_000_000));
        assert_eq!(throttle.percent(), 20);
        throttle.dirtied(Bytes::ZERO, None, Instant::from_nanos(500_000_001));
        assert_eq!(throttle.percent(), 0);
    }
}
