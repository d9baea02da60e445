//! What a program does when it is told to end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use thiserror::Error;

/// Linux does not let the program look after its signals.
#[derive(Debug, Error)]
pub enum SignalError {
    /// A handler cannot be installed.
    #[error("cannot handle SIGTERM, SIGINT and SIGHUP")]
    Register(#[source] io::Error),
    /// There can be no thread that waits for them.
    #[error("cannot start the thread that waits for signals")]
    Thread(#[source] io::Error),
}

/// Runs `act` once, on a thread of its own, when SIGTERM, SIGINT or SIGHUP comes first. One that
/// comes later, when whatever `act` does takes too long for somebody, ends the process at once as
/// if nobody handled it.
///
/// # Errors
/// [`SignalError`], and `act` will never run.
pub fn on_termination(act: impl FnOnce() + Send + 'static) -> Result<(), SignalError> {
    const ENDINGS: [i32; 3] = [SIGTERM, SIGINT, SIGHUP];
    let is_ending = Arc::new(AtomicBool::new(false));
    for signal in ENDINGS {
        flag::register_conditional_default(signal, Arc::clone(&is_ending))
            .map_err(SignalError::Register)?;
    }
    let mut signals = Signals::new(ENDINGS).map_err(SignalError::Register)?;
    let wait = move || {
        if signals.forever().next().is_some() {
            is_ending.store(true, Ordering::SeqCst);
            act();
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(wait);
    thread.map(drop).map_err(SignalError::Thread)
}
