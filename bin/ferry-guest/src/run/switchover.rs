//! A guest that stands still for the end of its migration.

use std::sync::Arc;

use ferry_memory::Stopped;
use ferry_qmp::words::RunState;

use super::RunControl;

/// A guest that stands still for the end of its migration. Dropped without more, it is
/// [taken back](Self::take_back): a thread that panics leaves the guest running here.
#[derive(Debug)]
#[must_use = "the guest stands still as long as this exists"]
pub struct Switchover {
    run: Arc<RunControl>,
    /// `None` once it is over.
    stopped: Option<Stopped>,
    stopped_at: u64,
    before: RunState,
}

impl Switchover {
    pub(super) fn new(
        run: Arc<RunControl>,
        stopped: Stopped,
        stopped_at: u64,
        before: RunState,
    ) -> Self {
        Self { run, stopped: Some(stopped), stopped_at, before }
    }

    /// The proof that the guest stands still.
    pub fn stopped(&self) -> &Stopped {
        self.stopped.as_ref().expect("it is given up only with this")
    }

    /// When the guest was asked to stop, in nanoseconds since 1970: just now, or when it was stopped
    /// before.
    pub fn stopped_at(&self) -> u64 {
        self.stopped_at
    }

    /// Whether the guest was running until now.
    pub fn was_running(&self) -> bool {
        self.before == RunState::Running
    }

    /// The guest stays here, in the state of before; `RESUME` is told if it was running.
    pub fn take_back(self) {}

    /// The guest lives elsewhere now: it stays still here, in state `postmigrate`, until somebody
    /// explicitly wants it to run (`cont`).
    pub fn complete(mut self) {
        if let Some(stopped) = self.stopped.take() {
            self.run.moved_away(stopped);
        }
    }
}

impl Drop for Switchover {
    fn drop(&mut self) {
        if let Some(stopped) = self.stopped.take() {
            self.run.take_back(stopped);
        }
    }
}
