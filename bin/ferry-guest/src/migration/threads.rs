//! Threads of migrations.

use std::thread::{self, JoinHandle};

/// Stack of a thread that keeps nothing on it.
const STACK: usize = 256 << 10;

/// Starts a thread. Without one there is no migration, but there is a guest.
pub(super) fn spawn(
    name: String,
    run: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).stack_size(STACK).spawn(run)
}
