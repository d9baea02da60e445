//! Signals that ask a process to end.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Why signals cannot be handled.
#[derive(Debug, thiserror::Error)]
#[error("cannot handle signals")]
pub struct SignalError(#[from] io::Error);

/// Runs `act` once, on a thread of its own, when the process is asked to end.
///
/// # Errors
/// [`SignalError`] when Linux does not let it.
pub fn on_termination(act: impl FnOnce() + Send + 'static) -> Result<(), SignalError> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let wait = move || {
        if signals.forever().next().is_some() {
            act();
        }
    };
    thread::Builder::new().name("signals".to_owned()).stack_size(256 << 10).spawn(wait)?;
    Ok(())
}
