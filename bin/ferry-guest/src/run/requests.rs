//! What is asked of whoever supervises the guest, by those who must not wait for it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use ferry_qmp::words::{Fault, ShutdownCause};

/// Why the machine ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The guest was shut down, as `SHUTDOWN` has told.
    Shutdown(ShutdownCause),
    /// What the process was started for has failed.
    Failure(String),
}

/// What is asked for.
#[derive(Debug)]
pub(super) enum Request {
    /// A vCPU has found a wrong page or block.
    Panic(Fault),
    /// The guest has shut itself down.
    GuestShutdown,
    /// The machine ends.
    End(End),
}

/// Requests that wait. Those who ask are vCPUs, once each, and whoever ends the machine: there are
/// never many.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: Mutex<VecDeque<Request>>,
    asked: Condvar,
}

impl Requests {
    /// Asks for something. Never waits.
    pub(super) fn push(&self, request: Request) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
        self.asked.notify_one();
    }

    /// What was asked for first; waits for it.
    pub(super) fn next(&self) -> Request {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(request) = waiting.pop_front() {
                return request;
            }
            waiting = self.asked.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
