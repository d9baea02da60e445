//! The one place that reads a clock.

use std::sync::LazyLock;
use std::thread;
use std::time::{self, Duration, SystemTime};

use ferry_units::{Instant, WallTime};

/// When this process first read its clock.
static START: LazyLock<time::Instant> = LazyLock::new(time::Instant::now);

/// The clocks of this machine.
///
/// ```
/// use ferry_runtime::Clock;
/// use std::time::Duration;
///
/// let clock = Clock::system();
/// let soon = clock.now() + Duration::from_millis(2);
/// clock.wait_until(soon);
/// assert!(clock.now() >= soon);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Clock {
    /// The machine's own.
    pub fn system() -> Self {
        Self
    }

    /// Time that only moves forward (`CLOCK_MONOTONIC`), since the process first asked for it.
    pub fn now(self) -> Instant {
        let start = *START;
        Instant::from_nanos(nanos(time::Instant::now().saturating_duration_since(start)))
    }

    /// Time since 1970 by the calendar, for what another host is to compare. It may jump, in both
    /// directions; a clock that is set to before 1970 reads zero.
    pub fn wall(self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// The same as a point in time.
    pub fn calendar(self) -> WallTime {
        WallTime::BEGINNING.after(self.wall())
    }

    /// Sleeps until `at`. Returns at once if that is past.
    pub fn wait_until(self, at: Instant) {
        // Once is enough with today's `sleep`; nothing promises it.
        loop {
            let rest = at.since(self.now());
            if rest.is_zero() {
                return;
            }
            thread::sleep(rest);
        }
    }
}

/// The nanoseconds of a duration, up to 584 years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_only_moves_forward() {
        let clock = Clock::system();
        let mut last = clock.now();
        for _ in 0..1000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_wait_ends_when_its_time_has_come_and_not_before() {
        let clock = Clock::system();
        let begin = clock.now();
        clock.wait_until(begin + Duration::from_millis(5));
        assert!(clock.now().since(begin) >= Duration::from_millis(5));
        clock.wait_until(begin);
    }

    #[test]
    fn the_calendar_is_beyond_the_year_in_which_this_was_written() {
        let written = 1_735_689_600;
        assert!(Clock::system().wall() > Duration::from_secs(written));
        assert!(Clock::system().calendar().unix_seconds() > i64::try_from(written).unwrap());
    }
}
