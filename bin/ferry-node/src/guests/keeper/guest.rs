//! What everybody else sees of a guest and can tell its keeper.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use ferry_reconcile::guest::{GuestReport, GuestSpec};
use tokio::sync::{mpsc, watch};

use super::Ask;
use crate::guests::wishes::Mailbox;

/// A guest, from outside.
#[derive(Debug)]
pub(in crate::guests) struct Guest {
    pub(in crate::guests) spec: GuestSpec,
    pub(in crate::guests) dir: PathBuf,
    pub(in crate::guests) mailbox: Mailbox,
    pub(in crate::guests) asks: mpsc::Sender<Ask>,
    shown: Mutex<Shown>,
    seen: watch::Sender<bool>,
    forgotten: AtomicBool,
}

/// What is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shown {
    pub(super) report: GuestReport,
    pub(super) pid: Option<u32>,
}

impl Guest {
    pub(super) fn new(
        spec: GuestSpec,
        dir: PathBuf,
        asks: mpsc::Sender<Ask>,
        shown: Shown,
    ) -> Self {
        Self {
            spec,
            dir,
            mailbox: Mailbox::default(),
            asks,
            shown: Mutex::new(shown),
            seen: watch::Sender::new(false),
            forgotten: AtomicBool::new(false),
        }
    }

    /// What is known of it.
    pub(in crate::guests) fn report(&self) -> GuestReport {
        self.shown().report.clone()
    }

    /// The number of its process, if it has one.
    pub(in crate::guests) fn pid(&self) -> Option<u32> {
        self.shown().pid
    }

    /// Waits until its keeper has looked at it once.
    pub(in crate::guests) async fn wait_seen(&self) {
        let mut seen = self.seen.subscribe();
        // The keeper is gone, and nothing will be seen.
        let _gone = seen.wait_for(|seen| *seen).await;
    }

    /// Whether nothing is left of it.
    pub(in crate::guests) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Acquire)
    }

    pub(super) fn forget(&self) {
        self.forgotten.store(true, Ordering::Release);
        self.be_seen();
    }

    pub(super) fn be_seen(&self) {
        self.seen.send_replace(true);
    }

    /// Shows something else. True if it is something else.
    pub(super) fn show(&self, shown: Shown) -> bool {
        let mut before = self.shown();
        let is_other = *before != shown;
        *before = shown;
        is_other
    }

    fn shown(&self) -> std::sync::MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
