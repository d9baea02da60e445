//! What a program does when it is told to end.

use std::fs;
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

/// What ends the program.
const ENDINGS: [i32; 3] = [SIGTERM, SIGINT, SIGHUP];

/// What does not if whoever started the program has had it ignored: `nohup` does that to be left
/// alone when its terminal goes, and a shell to what it runs in the background.
const IGNORABLE: [i32; 2] = [SIGINT, SIGHUP];

/// Runs `act` once, on a thread of its own, when SIGTERM, SIGINT or SIGHUP comes first. One that
/// comes later, when whatever `act` does takes too long for somebody, ends the process at once as
/// if nobody handled it. SIGINT and SIGHUP stay ignored if they were when the program began.
///
/// # Errors
/// [`SignalError`], and `act` will never run.
pub fn on_termination(act: impl FnOnce() + Send + 'static) -> Result<(), SignalError> {
    // Without /proc nothing is known to be ignored, and all of them end the program as usual.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let endings = endings(&status);
    let is_ending = Arc::new(AtomicBool::new(false));
    for signal in &endings {
        flag::register_conditional_default(*signal, Arc::clone(&is_ending))
            .map_err(SignalError::Register)?;
    }
    let mut signals = Signals::new(&endings).map_err(SignalError::Register)?;
    let wait = move || {
        if signals.forever().next().is_some() {
            is_ending.store(true, Ordering::SeqCst);
            act();
        }
    };
    let thread = thread::Builder::new().name("signals".to_owned()).spawn(wait);
    thread.map(drop).map_err(SignalError::Thread)
}

/// The signals that end a process of which Linux says `status`.
fn endings(status: &str) -> Vec<i32> {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    let ignored = ignored.unwrap_or(0);
    let is_ignored = |signal: i32| IGNORABLE.contains(&signal) && ignored >> (signal - 1) & 1 == 1;
    ENDINGS.into_iter().filter(|signal| !is_ignored(*signal)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_from_the_beginning_ends_nothing() {
        for (status, expected) in [
            ("SigIgn:\t0000000000000000\n", &[SIGTERM, SIGINT, SIGHUP][..]),
            ("SigBlk:\t0000000000000003\nSigIgn:\t0000000000000001\n", &[SIGTERM, SIGINT]),
            ("SigIgn:\t0000000000001002\n", &[SIGTERM, SIGHUP]),
            // Somebody has to be able to end it.
            ("SigIgn:\tffffffffffffffff\n", &[SIGTERM]),
            ("SigIgn:\tnonsense\n", &[SIGTERM, SIGINT, SIGHUP]),
            ("", &[SIGTERM, SIGINT, SIGHUP]),
        ] {
            assert_eq!(endings(status), expected, "{status}");
        }
    }
}
