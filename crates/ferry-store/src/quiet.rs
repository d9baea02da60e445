//! Panics of sled as errors.
//!
//! sled asserts about what it reads from the disk. Such a panic is caught, and its message becomes
//! part of an error instead of a trace on standard error. Panics elsewhere are reported as ever.

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;
use std::thread;

/// How sled's threads are named. What they say reaches the caller as an error of its own.
const THREADS: &str = "sled-io-";

thread_local! {
    /// While sled runs here: what it said when it panicked.
    static LISTENING: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs what may panic.
pub(crate) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !heard(info) {
                before(info);
            }
        }));
    });
    LISTENING.set(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    let said = LISTENING.take().unwrap_or_default();
    result.map_err(|_| format!("sled panicked: {said}"))
}

fn heard(info: &PanicHookInfo<'_>) -> bool {
    let listening = LISTENING.try_with(|listening| {
        let mut listening = listening.try_borrow_mut().ok()?;
        let said = listening.as_mut()?;
        info.payload_as_str().unwrap_or("no message").clone_into(said);
        Some(())
    });
    let is_sleds = || thread::current().name().is_some_and(|name| name.starts_with(THREADS));
    matches!(listening, Ok(Some(()))) || is_sleds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(catch(|| 1), Ok(1));
        let caught = catch(|| panic!("so {}", "sorry"));
        assert_eq!(caught, Err::<(), _>("sled panicked: so sorry".to_owned()));
        assert!(LISTENING.take().is_none());
    }
}
