//! Whether to stop the guest or to send once more what it has written meanwhile.
//!
//! That what is left would cross within the limit is no reason to use the limit up. Passes go on while
//! each leaves much less than the one before. A guest that writes about as fast as pages cross leaves
//! as much each time; its vCPUs then rest for three quarters of their time, a few milliseconds in
//! turn, and what is left falls. So one long standstill becomes many short ones, which together are
//! no longer than the one that was allowed.

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Instant};

use crate::estimate::Estimate;
use crate::settings::Settings;

/// Passes that are made although the limit would be kept, to stand still for less. Each halves what
/// is left or is the last, so more would not matter.
const POLISHES: u32 = 8;

/// So little is left that another pass is not worth it.
const NOTHING_MUCH: Duration = Duration::from_micros(500);

/// How it went while the limit could be kept already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Polish {
    passes: u32,
    /// What was left when that was last reckoned.
    left: Option<Bytes>,
    /// Since when vCPUs rest.
    tapers_since: Option<Instant>,
}

/// For how much of their time vCPUs rest at the end, in percent.
const TAPER: u8 = 75;

impl Polish {
    /// Whether the limit could be kept when that was last reckoned.
    pub(super) fn is_under_way(self) -> bool {
        self.passes > 0
    }

    /// For how much of their time vCPUs should rest, in percent.
    pub(super) fn taper(self) -> u8 {
        if self.tapers_since.is_some() { TAPER } else { 0 }
    }
}

/// Whether to stop the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Another pass.
    Again,
    /// Now.
    Stop,
}

/// Judges what is left after a pass. Returns also how long the guest would stand still.
///
/// The limit is kept if all that happens while the guest stands still fits into it. What takes the
/// same time however little is left is no reason to go on for ever: a quarter of the limit is always
/// there for pages.
pub(super) fn judge(
    polish: &mut Polish,
    left: Bytes,
    state: Bytes,
    estimate: &Estimate,
    settings: &Settings,
    now: Instant,
) -> (Verdict, Duration) {
    let rate = pace(estimate, settings);
    let fixed = estimate.fixed().saturating_add(Estimate::crossing(state, rate));
    let crossing = Estimate::crossing(left, rate);
    let expected = fixed.saturating_add(crossing);
    let before = polish.left.replace(left);
    if left.is_zero() {
        return (Verdict::Stop, expected);
    }
    let limit = settings.downtime_limit;
    if crossing > limit.saturating_sub(fixed).max(limit / 4) {
        (polish.passes, polish.tapers_since) = (0, None);
        return (Verdict::Again, expected);
    }
    polish.passes += 1;
    let falls = before.is_none_or(|before| left.get() / 3 < before.get() / 4);
    if crossing <= NOTHING_MUCH || polish.passes > POLISHES {
        return (Verdict::Stop, expected);
    }
    let verdict = match polish.tapers_since {
        None => {
            polish.tapers_since = (!falls).then_some(now);
            Verdict::Again
        }
        // They rest for less than this time.
        Some(since) if falls && now.since(since) <= limit => Verdict::Again,
        Some(_) => Verdict::Stop,
    };
    (verdict, expected)
}

/// How fast the last pages are going to cross.
fn pace(estimate: &Estimate, settings: &Settings) -> Option<BytesPerSecond> {
    let limit = settings.switchover_bandwidth.or(settings.bandwidth);
    match (estimate.bandwidth(), limit) {
        // What somebody promises counts more than what was measured.
        (_, Some(limit)) if settings.switchover_bandwidth.is_some() => Some(limit),
        (Some(measured), Some(limit)) => Some(measured.min(limit)),
        (measured, limit) => measured.or(limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Bytes = Bytes::from_gib(1);

    fn measured() -> Estimate {
        let mut estimate = Estimate::default();
        let took = Duration::from_secs(1);
        estimate.pass(RATE, Bytes::ZERO, took, crate::estimate::Arrival::Sent);
        estimate
    }

    fn limit(milliseconds: u64) -> Settings {
        Settings { downtime_limit: Duration::from_millis(milliseconds), ..Settings::default() }
    }

    /// The verdicts on what is left after one pass and the next, in MiB, at 1 GiB/s.
    fn verdicts(settings: &Settings, left: &[u64]) -> Vec<Verdict> {
        let mut polish = Polish::default();
        let judge = |(number, left): (u64, &u64)| {
            let now = Instant::from_nanos(number * 10_000_000);
            judge(&mut polish, Bytes::from_mib(*left), Bytes::ZERO, &measured(), settings, now).0
        };
        (0..).zip(left).map(judge).collect()
    }

    #[test]
    fn the_guest_stops_when_what_is_left_fits_and_does_not_fall_any_more() {
        use Verdict::{Again, Stop};
        for (limit, left, expected) in [
            // Nothing to send.
            (300, &[0][..], &[Stop][..]),
            // Too much, then little enough and as much again: vCPUs rest, and it helps or does not.
            (300, &[400, 100, 100, 100], &[Again, Again, Again, Stop]),
            (300, &[400, 100, 100, 20, 0], &[Again, Again, Again, Again, Stop]),
            // They do not rest for longer than the guest might stand still.
            (20, &[18, 17, 12, 8, 5], &[Again, Again, Again, Again, Stop]),
            // It falls: the guest stands still for less if it falls further.
            (300, &[100, 50, 20, 9, 4, 0], &[Again, Again, Again, Again, Again, Stop]),
            // It falls at once, and then no further.
            (300, &[400, 1, 1, 1], &[Again, Again, Again, Stop]),
            // It never does.
            (20, &[400, 300, 400, 300], &[Again; 4]),
            // It falls for ever, but not with us.
            (
                300,
                &[200, 140, 98, 68, 47, 32, 22, 15, 10],
                &[Again, Again, Again, Again, Again, Again, Again, Again, Stop],
            ),
            // A limit below what cannot be helped.
            (0, &[1, 0], &[Again, Stop]),
        ] {
            assert_eq!(verdicts(&super::tests::limit(limit), left), expected, "{limit} {left:?}");
        }
    }

    #[test]
    fn the_limit_of_bandwidth_counts_in_the_blackout_unless_another_is_promised() {
        let slow = BytesPerSecond::from_mib(100);
        let settings = Settings { bandwidth: Some(slow), ..limit(300) };
        let judged = |settings: &Settings| {
            let (left, now) = (Bytes::from_mib(50), Instant::default());
            judge(&mut Polish::default(), left, Bytes::ZERO, &measured(), settings, now).1
        };
        assert!(judged(&settings) > Duration::from_millis(500));
        let promised =
            Settings { switchover_bandwidth: Some(BytesPerSecond::from_mib(5000)), ..settings };
        assert!(judged(&promised) < Duration::from_millis(15));
    }
}
