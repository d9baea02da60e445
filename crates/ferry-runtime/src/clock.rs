//! The only place where a clock is read; everybody else is given the time.

use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime};

use ferry_units::Instant;

/// When this process first asked for the time.
static START: OnceLock<std::time::Instant> = OnceLock::new();

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock;

impl Clock {
    /// The clocks of the machine that this process runs on.
    pub fn system() -> Self {
        START.get_or_init(std::time::Instant::now);
        Self
    }

    /// How long ago this process first asked for the time, on a clock that only moves forward.
    pub fn now(self) -> Instant {
        let passed = START.get_or_init(std::time::Instant::now).elapsed();
        Instant::from_nanos(u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// How long ago 1970 began, as far as this machine knows; zero before that.
    pub fn wall(self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
    }

    /// Sleeps until `at`; returns at once if that is past.
    pub fn wait_until(self, at: Instant) {
        loop {
            let left = at.since(self.now());
            if left.is_zero() {
                return;
            }
            thread::sleep(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_it_should_and_no_sooner() {
        let clock = Clock::system();
        let at = clock.now() + Duration::from_millis(2);
        clock.wait_until(at);
        assert!(clock.now() >= at);
        clock.wait_until(Instant::default());
        assert!(clock.wall() > Duration::from_secs(1_700_000_000));
    }
}
