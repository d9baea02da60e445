//! When what happened in a migration that is sent.

use std::time::Duration;

use ferry_units::Instant;

/// When what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) began: Option<Instant>,
    /// When pages could be sent.
    pub(super) set_up: Option<Instant>,
    pub(super) ended: Option<Instant>,
    /// The last instruction here, in nanoseconds since 1970.
    pub(super) stopped_at: Option<u64>,
    /// The first instruction at the destination, in nanoseconds since 1970 of its clock.
    pub(super) resumed_at: Option<u64>,
}

impl Times {
    pub(super) fn setup(&self) -> Duration {
        span(self.began, self.set_up)
    }

    pub(super) fn total(&self, now: Instant) -> Duration {
        span(self.began, self.ended.or(Some(now)))
    }

    /// How long the guest stood still. The clocks are those of two hosts.
    pub(super) fn blackout(&self) -> Option<Duration> {
        let nanos = self.resumed_at?.saturating_sub(self.stopped_at?);
        Some(Duration::from_nanos(nanos))
    }
}

fn span(from: Option<Instant>, to: Option<Instant>) -> Duration {
    match (from, to) {
        (Some(from), Some(to)) => to.since(from),
        (_, _) => Duration::ZERO,
    }
}
