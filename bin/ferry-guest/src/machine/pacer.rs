//! How much of its work a vCPU may do by now, for a rate; and when it rests, for a throttle.
//!
//! Both are functions of a time that they are given: the vCPU's own, which stands still while the
//! guest does.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Instant};

/// What is done at once, and how long a vCPU waits at least for more.
const SLICE: Duration = Duration::from_millis(1);

/// What a vCPU may be behind and catch up; what is beyond is forgotten.
const BACKLOG: Duration = Duration::from_millis(100);

/// Without a limit: how much before the clock is looked at again: some 100 µs.
const UNPACED: Bytes = Bytes::from_kib(128);

/// A rate that work is held to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacer {
    pace: Pace,
    since: Instant,
    /// What was done since.
    done: Bytes,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as it can.
    Unlimited,
    /// At this rate; at zero nothing is done.
    At(BytesPerSecond),
}

/// What a vCPU may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// So much, and then ask again.
    Now(Bytes),
    /// Nothing until then.
    At(Instant),
    /// Nothing ever.
    Never,
}

impl Pacer {
    /// Begins `now`.
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, since: now, done: Bytes::ZERO }
    }

    /// What may be done `now`, in units of `unit`, of which each is done whole.
    pub(crate) fn due(&mut self, now: Instant, unit: Bytes) -> Due {
        let rate = match self.pace {
            Pace::Unlimited => return Due::Now(UNPACED),
            Pace::At(rate) => rate,
        };
        // When what was done, and one unit more, is due.
        let due_after = |bytes: Bytes| bytes.transfer_time(rate).map(|time| self.since + time);
        let Some(next) = due_after(self.done + unit) else { return Due::Never };
        if next > now {
            return Due::At(next.max(now + SLICE));
        }
        if now.since(next) > BACKLOG {
            (self.since, self.done) = (now, Bytes::ZERO);
            return Due::Now(unit);
        }
        let allowed = rate.over(now.since(self.since)).saturating_sub(self.done);
        let most = rate.over(SLICE);
        // One of a slice is the least, so a rate can be high for its unit without being lost.
        Due::Now(allowed.min(if most < unit { unit } else { most }))
    }

    /// So much was done.
    pub(crate) fn did(&mut self, bytes: Bytes) {
        self.done += bytes;
    }
}

/// How auto-converge slows a vCPU down.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Throttle {
    /// Since when it has been at work.
    since: Instant,
}

impl Throttle {
    /// The most that a vCPU can be throttled, in percent.
    pub(crate) const MOST: u8 = 99;

    /// After so much work a vCPU rests. QEMU has ten times as much, so that its rests are felt.
    const WORK: Duration = Duration::from_millis(1);

    /// Begins to work `now`.
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now }
    }

    /// How long to rest now at `percent`, if it is time. Rests do not count as time.
    // PARITY: migration/cpu-throttle.c#cpu_throttle_thread
    pub(crate) fn rest(&mut self, percent: u8, now: Instant) -> Option<Duration> {
        if percent == 0 || now.since(self.since) < Self::WORK {
            return None;
        }
        self.since = now;
        let percent = u32::from(percent.min(Self::MOST));
        Some(Self::WORK * percent / (100 - percent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: Bytes = Bytes::from_kib(4);

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    /// What is done in `span` by somebody who does what is due at once and waits as he is told.
    fn done_in(pacer: &mut Pacer, span: Duration) -> (u64, u64) {
        let (mut now, end) = (at(0), at(0) + span);
        let (mut done, mut asked) = (0, 0);
        while now < end {
            asked += 1;
            match pacer.due(now, PAGE) {
                Due::Now(bytes) => {
                    let bytes = Bytes::new(bytes.get().div_ceil(4096) * 4096);
                    pacer.did(bytes);
                    done += bytes.get();
                }
                Due::At(then) => {
                    assert!(then > now);
                    now = then;
                }
                Due::Never => break,
            }
        }
        (done, asked)
    }

    proptest! {
        #[test]
        fn a_rate_is_kept_to_a_slice(rate in 4_096_u64..4 << 30) {
            let pace = Pace::At(BytesPerSecond::new(rate));
            let (done, asked) = done_in(&mut Pacer::new(pace, at(0)), Duration::from_secs(2));
            let slack = rate / 500 + 2 * 4_096;
            prop_assert!(done.abs_diff(2 * rate) <= slack, "{done} of {}", 2 * rate);
            // Waiting is in slices, not page by page.
            prop_assert!(asked < 9_000, "{asked}");
        }
    }

    #[test]
    fn what_is_long_past_is_not_made_up_for() {
        let mut pacer = Pacer::new(Pace::At(BytesPerSecond::from_mib(100)), at(0));
        let after_a_stop = at(60_000_000_000);
        assert_eq!(pacer.due(after_a_stop, PAGE), Due::Now(PAGE));
        pacer.did(PAGE);
        assert!(matches!(pacer.due(after_a_stop, PAGE), Due::At(_)));
    }

    #[test]
    fn a_rate_of_zero_is_nothing_and_none_is_everything() {
        let mut nothing = Pacer::new(Pace::At(BytesPerSecond::new(0)), at(0));
        assert_eq!(nothing.due(at(u64::MAX), PAGE), Due::Never);
        let mut everything = Pacer::new(Pace::Unlimited, at(0));
        assert_eq!(everything.due(at(0), PAGE), Due::Now(UNPACED));
    }

    #[test]
    fn parity_a_throttle_of_p_percent_leaves_the_rest_to_work() {
        for (percent, rest) in [(0, None), (20, Some(250)), (50, Some(1_000)), (99, Some(99_000))] {
            let mut throttle = Throttle::new(at(0));
            assert_eq!(throttle.rest(percent, at(999_999)), None);
            let rest = rest.map(Duration::from_micros);
            assert_eq!(throttle.rest(percent, at(1_000_000)), rest, "{percent}");
            let again = throttle.rest(percent, at(1_999_999));
            assert_eq!(again, None, "{percent}");
        }
        let mut throttle = Throttle::new(at(0));
        assert_eq!(throttle.rest(u8::MAX, at(1_000_000)), Some(Duration::from_millis(99)));
    }
}
