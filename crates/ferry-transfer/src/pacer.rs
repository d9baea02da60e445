//! How fast pages may be sent, over all channels together.
//!
//! Bytes are charged before they are sent: each charge moves the moment from which more may be sent.
//! Somebody who comes late may catch up, but not by more than [`BURST`], so a pause is not paid back
//! in one rush.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Instant};

/// How much of a pause may be caught up: enough for a thread that woke up late on a busy host, and
/// little enough that no tenth of a second has more than a third above the limit.
const BURST: Duration = Duration::from_millis(25);

/// What one grant may take of the limit, so that small rates are smooth too.
const SLICE: Duration = Duration::from_millis(5);

/// Keeps a rate.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    rate: Option<BytesPerSecond>,
    /// From when on more may be sent.
    free_at: Instant,
}

impl Pacer {
    /// No limit for `None`.
    pub(crate) fn new(rate: Option<BytesPerSecond>, now: Instant) -> Self {
        Self { rate, free_at: now }
    }

    /// Changes the limit; what was charged under the old one is paid.
    pub(crate) fn set_rate(&mut self, rate: Option<BytesPerSecond>, now: Instant) {
        if self.rate != rate {
            *self = Self::new(rate, now);
        }
    }

    /// When more may be sent, if that is not now.
    pub(crate) fn blocked_until(&self, now: Instant) -> Option<Instant> {
        (self.rate.is_some() && now < self.free_at).then_some(self.free_at)
    }

    /// How many bytes to grant at once, at most; `None` if that does not matter.
    pub(crate) fn slice(&self) -> Option<Bytes> {
        self.rate.map(|rate| rate.over(SLICE))
    }

    /// So many bytes are going to be sent.
    pub(crate) fn charge(&mut self, bytes: Bytes, now: Instant) {
        let Some(rate) = self.rate else { return };
        let earliest = now.nanos().saturating_sub(nanos(BURST));
        let start = self.free_at.nanos().max(earliest);
        self.free_at = Instant::from_nanos(start.saturating_add(cost(bytes, rate)));
    }

    /// So many of the bytes that were charged are not sent.
    pub(crate) fn refund(&mut self, bytes: Bytes) {
        let Some(rate) = self.rate else { return };
        self.free_at = Instant::from_nanos(self.free_at.nanos().saturating_sub(cost(bytes, rate)));
    }
}

/// How long `bytes` take.
fn cost(bytes: Bytes, rate: BytesPerSecond) -> u64 {
    bytes.transfer_time(rate).map_or(u64::MAX, nanos)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: u64 = 4096;

    /// Sends as fast as the pacer lets, by a thread that is late by up to `lateness` each time it
    /// waits, and returns when how many bytes were sent.
    fn send(rate: u64, lateness: &[u64], span: Duration) -> Vec<(u64, u64)> {
        let mut now = Instant::from_nanos(1_000_000);
        let mut pacer = Pacer::new(Some(BytesPerSecond::new(rate)), now);
        let end = now.nanos() + nanos(span);
        let mut sent = Vec::new();
        for late in lateness.iter().cycle() {
            if let Some(until) = pacer.blocked_until(now) {
                now = Instant::from_nanos(until.nanos() + late);
                continue;
            }
            if now.nanos() >= end {
                return sent;
            }
            let pages = (pacer.slice().unwrap().get() / PAGE).clamp(1, 256);
            pacer.charge(Bytes::new(pages * PAGE), now);
            sent.push((now.nanos(), pages * PAGE));
        }
        sent
    }

    fn within(sent: &[(u64, u64)], from: u64, span: Duration) -> u64 {
        let to = from + nanos(span);
        sent.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, bytes)| bytes).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_rate_is_kept_by_a_thread_that_is_late_now_and_then(
            rate in 4_000_000..4_000_000_000_u64,
            lateness in prop::collection::vec(0..15_000_000_u64, 1..20),
            start in 0..1_000_000_000_u64,
        ) {
            let sent = send(rate, &lateness, Duration::from_secs(4));
            let two = Duration::from_secs(2);
            let expected = rate * 2;
            let got = within(&sent, 1_000_000 + start, two);
            let tolerance = expected * 3 / 100;
            prop_assert!(got.abs_diff(expected) < tolerance, "{got} of {expected}");
            for window in 0..30 {
                let from = 1_000_000 + window * 100_000_000;
                let burst = within(&sent, from, Duration::from_millis(100));
                prop_assert!(burst < rate / 5, "{burst} at {window}");
            }
        }
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let now = Instant::from_nanos(0);
        let mut pacer = Pacer::new(None, now);
        pacer.charge(Bytes::new(u64::MAX), now);
        assert_eq!((pacer.blocked_until(now), pacer.slice()), (None, None));
    }

    #[test]
    fn what_was_not_sent_is_given_back() {
        let now = Instant::from_nanos(0);
        let mut pacer = Pacer::new(Some(BytesPerSecond::new(1000)), now);
        pacer.charge(Bytes::new(500), now);
        assert_eq!(pacer.blocked_until(now), Some(Instant::from_nanos(500_000_000)));
        pacer.refund(Bytes::new(500));
        assert_eq!(pacer.blocked_until(now), None);
    }

    #[test]
    fn a_new_limit_holds_at_once() {
        let now = Instant::from_nanos(0);
        let mut pacer = Pacer::new(Some(BytesPerSecond::new(1)), now);
        pacer.charge(Bytes::new(1_000_000), now);
        pacer.set_rate(Some(BytesPerSecond::new(1000)), now);
        assert_eq!(pacer.blocked_until(now), None);
    }
}
