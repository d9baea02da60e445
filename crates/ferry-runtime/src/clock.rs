//! The clocks of this machine: the one place where they are read.

use std::sync::OnceLock;
use std::time::{Duration, Instant as Monotonic, SystemTime, UNIX_EPOCH};

use ferry_units::Instant;

/// The clocks of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock(());

/// When the process first asked for the time.
static START: OnceLock<Monotonic> = OnceLock::new();

impl Clock {
    /// The clocks of this machine.
    pub fn system() -> Self {
        START.get_or_init(Monotonic::now);
        Self(())
    }

    /// The time since the process first asked for a clock; never goes back.
    pub fn now(self) -> Instant {
        let elapsed = START.get_or_init(Monotonic::now).elapsed();
        Instant::from_nanos(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX))
    }

    /// The time since 1970; zero if the host's clock stands before.
    pub fn wall(self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// Sleeps until `at`; returns at once if that is past.
    pub fn wait_until(self, at: Instant) {
        std::thread::sleep(at.since(self.now()));
    }
}
