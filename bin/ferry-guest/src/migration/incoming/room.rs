//! The room for a guest: its memory while it arrives.
//!
//! ```text
//!   Loading ── every channel has sent its fence ──► Closed ──► Arriving ──► Over
//!     all receivers write                           nobody     receivers claim pages
//!                                                   writes     (post-copy only)
//! ```
//!
//! Memory can be given to the guest only when nobody else holds it, so a receiver that has come to
//! its fence lets go of it and waits here.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_memory::{Arrivals, Loading};
use ferry_units::PageCount;

/// The room for a guest.
pub(super) struct Room {
    stage: Mutex<Stage>,
    changed: Condvar,
    populated: Mutex<Duration>,
    pages: PageCount,
}

enum Stage {
    Loading(Arc<Loading>),
    Closed,
    Arriving(Arc<Arrivals>),
    Over,
}

impl Room {
    /// Room that was populated for so long already.
    pub(super) fn new(loading: Loading, populated: Duration) -> Self {
        let pages = loading.ram().pages();
        let stage = Mutex::new(Stage::Loading(Arc::new(loading)));
        Self { stage, changed: Condvar::new(), populated: Mutex::new(populated), pages }
    }

    /// How many pages of memory there are.
    pub(super) fn pages(&self) -> PageCount {
        self.pages
    }

    /// The memory, while the guest does not run.
    pub(super) fn loading(&self) -> Option<Arc<Loading>> {
        match &*self.lock() {
            Stage::Loading(loading) => Some(Arc::clone(loading)),
            Stage::Closed | Stage::Arriving(_) | Stage::Over => None,
        }
    }

    /// Takes the memory for the guest. `None` if somebody still writes to it, or has taken it.
    pub(super) fn close(&self) -> Option<Loading> {
        let mut stage = self.lock();
        match std::mem::replace(&mut *stage, Stage::Closed) {
            Stage::Loading(loading) => Arc::into_inner(loading),
            Stage::Closed | Stage::Arriving(_) | Stage::Over => None,
        }
    }

    /// The guest is made, and lacks pages.
    pub(super) fn arriving(&self, arrivals: Arc<Arrivals>) {
        self.enter(Stage::Arriving(arrivals));
    }

    /// Nothing arrives any more.
    pub(super) fn over(&self) {
        self.enter(Stage::Over);
    }

    /// Waits until it is known whether the guest lacks pages; `None` if it does not.
    pub(super) fn wait_for_arrivals(&self) -> Option<Arc<Arrivals>> {
        let mut stage = self.lock();
        loop {
            match &*stage {
                Stage::Arriving(arrivals) => return Some(Arc::clone(arrivals)),
                Stage::Over => return None,
                Stage::Loading(_) | Stage::Closed => {
                    stage = self.changed.wait(stage).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    /// Somebody has populated memory for so long.
    pub(super) fn add_populated(&self, took: Duration) {
        *self.populated.lock().unwrap_or_else(PoisonError::into_inner) += took;
    }

    /// How long memory was populated, by all receivers together.
    pub(super) fn populated(&self) -> Duration {
        *self.populated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: Stage) {
        *self.lock() = stage;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
