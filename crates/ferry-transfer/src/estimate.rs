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

/// The same for a pass of which it was awaited that the destination has read it.
const LEAST_READ: Bytes = Bytes::from_kib(256);

/// What is known of the bytes of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// They were sent.
    Sent,
    /// The destination has read them.
    Read,
}

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
    /// A pass has sent so much, and named so much besides that was zero.
    ///
    /// Zeros are found as fast as memory is read, so a pass that found little else says nothing of
    /// the network. If nothing else is known, all of it counts: that promises too much, but what
    /// follows from it is a pass that is measured well, and not one that never ends.
    pub(crate) fn pass(&mut self, bytes: Bytes, zeros: Bytes, took: Duration, arrival: Arrival) {
        let least = match arrival {
            Arrival::Sent => LEAST,
            Arrival::Read => LEAST_READ,
        };
        let is_first = self.sent == 0;
        let counted = match (zeros > bytes, is_first) {
            (true, true) => bytes + zeros,
            (true, false) => Bytes::ZERO,
            (false, _) => bytes,
        };
        if (counted >= least || is_first) && !counted.is_zero() {
            self.sent = (self.sent / 2).saturating_add(counted.get());
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
        let pass = |estimate: &mut Estimate, bytes, took| {
            estimate.pass(bytes, Bytes::ZERO, took, Arrival::Sent);
        };
        pass(&mut estimate, Bytes::from_mib(100), second);
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(100)));
        // 8 KiB in no time: they are in a buffer.
        pass(&mut estimate, Bytes::from_kib(8), Duration::from_nanos(1));
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(100)));
        pass(&mut estimate, Bytes::from_mib(250), second);
        assert_eq!(estimate.bandwidth(), Some(BytesPerSecond::from_mib(200)));
    }

    #[test]
    fn zeros_say_nothing_of_the_network_unless_nothing_else_does() {
        let mut estimate = Estimate::default();
        let (second, little) = (Duration::from_secs(1), Bytes::from_kib(4));
        estimate.pass(little, Bytes::from_gib(1), second, Arrival::Sent);
        let promised = estimate.bandwidth().unwrap();
        assert!(promised >= BytesPerSecond::from_mib(1024), "{promised}");
        // Then a pass that was read to its end tells what the network really does.
        for _ in 0..8 {
            estimate.pass(Bytes::from_mib(1), Bytes::ZERO, second, Arrival::Read);
        }
        assert!(estimate.bandwidth().unwrap() < BytesPerSecond::from_mib(6));
        estimate.pass(little, Bytes::from_gib(1), second, Arrival::Read);
        assert!(estimate.bandwidth().unwrap() < BytesPerSecond::from_mib(6));
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
