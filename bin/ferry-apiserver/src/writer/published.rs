//! What readers see: the state as it is on the disk, and word of what has changed in it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use ferry_admission::Authorizer;
use ferry_api::Kind;
use ferry_registry::{Change, Revision, State};
use ferry_runtime::Clock;
use ferry_store::{Room, StoreStats};
use ferry_units::WallTime;
use tokio::sync::watch;

use crate::writer::storage::Storage;

/// Kinds of which every change may change who may do what.
const ACCESS_CONTROL: [Kind; 4] =
    [Kind::ClusterRole, Kind::ClusterRoleBinding, Kind::Role, Kind::RoleBinding];

/// A group of changes that was made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flush {
    /// How many changes.
    pub changes: usize,
    /// How long the journal took.
    pub took: Duration,
    /// How large it is now, if it was asked; it is once in a while.
    pub journal: Option<StoreStats>,
}

/// The state that readers see, and what is known beside it.
#[derive(Debug)]
pub(super) struct Published {
    state: RwLock<State>,
    authorizer: RwLock<Arc<Authorizer>>,
    /// One for each kind, in the order of [`Kind::ALL`].
    news: Vec<watch::Sender<Revision>>,
    /// The attempt that is under way: it rises each time the journal has failed.
    epoch: AtomicU64,
    /// How many orders are decided and neither done nor refused.
    on_their_way: AtomicUsize,
    /// Whether the last of them had a flush of its own.
    was_alone: AtomicBool,
    clock: Clock,
    storage: Storage,
}

impl Published {
    pub(super) fn new(state: State, clock: Clock, room: Room) -> Self {
        let news = Kind::ALL.iter().map(|kind| watch::Sender::new(state.last_change(*kind)));
        Self {
            news: news.collect(),
            authorizer: RwLock::new(Arc::new(Authorizer::compile(&state))),
            state: RwLock::new(state.without_chores()),
            epoch: AtomicU64::new(0),
            on_their_way: AtomicUsize::new(0),
            was_alone: AtomicBool::new(false),
            clock,
            storage: Storage::new(room, clock),
        }
    }

    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        // Applying a change cannot fail, so a reader that panicked is all that can have poisoned it.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn authorizer(&self) -> Arc<Authorizer> {
        Arc::clone(&self.authorizer.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn watch(&self, kind: Kind) -> watch::Receiver<Revision> {
        self.news[kind as usize].subscribe()
    }

    pub(super) fn now(&self) -> WallTime {
        let seconds = i64::try_from(self.clock.wall().as_secs()).unwrap_or(i64::MAX);
        WallTime::from_unix_seconds(seconds).expect("no clock of this machine is in the year 9999")
    }

    pub(super) fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What was decided in the present epoch will never be.
    pub(super) fn begin_next_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::Release);
    }

    /// One more order is decided.
    pub(super) fn one_is_decided(&self) {
        self.on_their_way.fetch_add(1, Ordering::AcqRel);
    }

    /// A group of so many is done, or refused.
    pub(super) fn are_done(&self, count: usize) {
        self.was_alone.store(count == 1, Ordering::Relaxed);
        self.on_their_way.fetch_sub(count, Ordering::AcqRel);
    }

    /// Whether all that was decided is done, and whoever writes next is probably alone again: the
    /// first of many would only keep the others waiting.
    pub(super) fn is_quiet(&self) -> bool {
        self.on_their_way.load(Ordering::Acquire) == 0 && self.was_alone.load(Ordering::Relaxed)
    }

    /// Shows changes that are on the disk, and tells whoever watches their kinds.
    pub(super) fn publish(&self, changes: impl IntoIterator<Item = (Change, WallTime)>) {
        let mut newest = [None; Kind::ALL.len()];
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for (change, now) in changes {
                newest[change.object().key.kind as usize] = Some(change.revision);
                state.apply(change, now);
            }
        }
        if ACCESS_CONTROL.iter().any(|kind| newest[*kind as usize].is_some()) {
            let compiled = Arc::new(Authorizer::compile(&*self.state()));
            *self.authorizer.write().unwrap_or_else(PoisonError::into_inner) = compiled;
        }
        for (sender, revision) in self.news.iter().zip(newest) {
            if let Some(revision) = revision {
                sender.send_replace(revision);
            }
        }
    }
}
