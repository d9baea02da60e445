//! How long the guest would stand still if it were stopped now.
//!
//! What really happens while it does: its vCPUs reach a safe point, the last marks are taken, what
//! is dirty crosses together with the state of its devices, the other side answers, is told to run,
//! and does. All but the crossing takes the same time however little is dirty.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond};

/// What nobody measures beforehand: stopping vCPUs, saving and loading devices, waking threads.
const REST: Duration = Duration::from_micros(400);

/// A pass with less says little about the network: it fits into the buffers of the sockets.
const LEAST: Bytes = Bytes::from_mib(8);

/// What was measured so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Estimate {
    /// What passes have sent, and how long they took; older ones count half with each newer one.
    sent: u64,
    took: Duration,
    harvest: Duration,
    round_trip: Duration,
}

impl Estimate {
    /// A pass has sent so much.
    pub(crate) fn pass(&mut self, bytes: Bytes, took: Duration) {
        let is_first = self.sent == 0;
        if (bytes >= LEAST || is_first) && !bytes.is_zero() {
            self.sent = (self.sent / 2).saturating_add(bytes.get());
            self.took = (self.took / 2).saturating_add(took);
        }
    }

    /// A harvest took so long.
    pub(crate) fn harvest(&mut self, took: Duration) {
        self.harvest = took;
    }

    /// A question and its answer took so long.
    pub(crate) fn round_trip(&mut self, took: Duration) {
        self.round_trip = took;
    }

    /// How much crosses in a second, if that is known.
    pub(crate) fn bandwidth(&self) -> Option<BytesPerSecond> {
        Bytes::new(self.sent).per(self.took).filter(|rate| rate.get() > 0)
    }

    /// What takes the same time however little is dirty: the last harvest, and three messages.
    pub(crate) fn fixed(&self) -> Duration {
        let messages = self.round_trip.saturating_mul(3) / 2;
        REST.saturating_add(self.harvest).saturating_add(messages)
    }

    /// How long `bytes` take to cross at `rate`; forever at an unknown one.
    pub(crate) fn crossing(bytes: Bytes, rate: Option<BytesPerSecond>) -> Duration {
        match rate {
            _ if bytes.is_zero() => Duration::ZERO,
            None => Duration::MAX,
            Some(rate) => bytes.transfer_time(rate).unwrap_or(Duration::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_and_large_passes_count_most() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.bandwidth(), None);
        let second = Duration::from_secs(1);
        estimate.pass(Bytes::from_mib(100), second);
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(100)));
        // 8 KiB in no time: they are in a buffer.
        estimate.pass(Bytes::from_kib(8), Duration::from_nanos(1));
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(100)));
        estimate.pass(Bytes::from_mib(250), second);
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(200)));
    }

    #[test]
    fn nothing_crosses_in_no_time_whatever_is_known() {
        let rate = Some(BytesPerSecond::from_mib(1));
        for (bytes, rate, time) in [
            (Bytes::ZERO, None, Duration::ZERO),
            (Bytes::from_mib(2), rate, Duration::from_secs(2)),
            (Bytes::new(1), None, Duration::MAX),
        ] {
            assert_eq!(Estimate::crossing(bytes, rate), time);
        }
    }
}
