//! Waiting for something that is sure to come, up to a limit that only a broken program reaches.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long anything may take. Generous: the machine may have other things to do.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How often to look. Only for what nobody tells: sockets that appear, processes that end.
const PAUSE: Duration = Duration::from_millis(2);

/// Looks until there is something, and returns it.
///
/// # Errors
/// What `look` fails with, and `what` was waited for in vain when [`LIMIT`] is over.
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {LIMIT:?} in vain: {what}");
        }
        thread::sleep(PAUSE);
    }
}
