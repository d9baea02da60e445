//! What is under way on a connection, and until when it may be.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::unread::Unread;

/// When an answer ends that goes on for long, whoever reads it. It travels with the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndsAt(pub Instant);

/// What time it is for timers, which is what tests stop.
pub(crate) fn now() -> Instant {
    sleep(Duration::ZERO).deadline()
}

/// Counts whenever some connection has nothing more under way, so that it is known which came to rest
/// first.
static RESTS: AtomicU64 = AtomicU64::new(0);

/// What is under way on a connection.
#[derive(Debug)]
pub(super) struct Traffic {
    under_way: AtomicUsize,
    /// The last time that nothing more was under way; at first, when it came.
    rest: AtomicU64,
    /// Hears of that.
    resting: Arc<Resting>,
    begun: AtomicU64,
    /// When answers under way end, and of which request each is.
    ends: Mutex<BTreeSet<(Instant, u64)>>,
    /// One more has been said.
    end_said: Notify,
    leaving: Notify,
    unread: Arc<Unread>,
}

/// Those who wait until a connection has nothing under way. Mostly there are none, and nobody is told.
#[derive(Debug, Default)]
pub(super) struct Resting {
    waiting: AtomicUsize,
    notify: Notify,
}

impl Resting {
    /// Waits until something is so, which is looked at again whenever it may have become so.
    pub(super) async fn until<T>(&self, is_so: impl Fn() -> Option<T>) -> T {
        if let Some(found) = is_so() {
            return found;
        }
        let _waiting = Waiting::new(&self.waiting);
        loop {
            let mut told = pin!(self.notify.notified());
            // What happens from here on is not missed.
            told.as_mut().enable();
            if let Some(found) = is_so() {
                return found;
            }
            told.await;
        }
    }

    /// It may have become so.
    pub(super) fn tell(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.notify.notify_waiters();
        }
    }
}

/// Counts as one who waits until this is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::SeqCst);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Traffic {
    /// That of a new connection. Whoever waits for one that has nothing under way hears of it.
    pub(super) fn new(resting: &Arc<Resting>) -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            rest: AtomicU64::new(RESTS.fetch_add(1, Ordering::Relaxed)),
            resting: Arc::clone(resting),
            begun: AtomicU64::new(0),
            ends: Mutex::default(),
            end_said: Notify::new(),
            leaving: Notify::new(),
            unread: Arc::default(),
        }
    }

    /// Since when nothing is under way, in no unit of time; nothing if something is.
    pub(super) fn idle_since(&self) -> Option<u64> {
        self.is_idle().then(|| self.rest.load(Ordering::Relaxed))
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay { traffic: Arc::clone(self), number, end: None }
    }

    /// How many requests there have been.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether there is none now.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way() == 0
    }

    /// How many there are now.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// The connection is to end, after the answers under way.
    pub(super) fn leave(&self) {
        self.leaving.notify_one();
    }

    /// Waits until that is so.
    pub(super) async fn is_to_leave(&self) {
        self.leaving.notified().await;
    }

    /// The answers that wait for a reader.
    pub(super) fn unread(&self) -> &Arc<Unread> {
        &self.unread
    }

    /// When the first of the answers under way ends for which that is known.
    pub(super) fn first_end(&self) -> Option<Instant> {
        self.ends().first().map(|(end, _)| *end)
    }

    /// Waits until that may have changed.
    pub(super) async fn end_said(&self) {
        self.end_said.notified().await;
    }

    fn ends(&self) -> MutexGuard<'_, BTreeSet<(Instant, u64)>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request is under way for as long as this lives.
#[derive(Debug)]
pub(super) struct UnderWay {
    traffic: Arc<Traffic>,
    number: u64,
    end: Option<Instant>,
}

impl UnderWay {
    /// Its answer ends then.
    pub(super) fn ends_at(&mut self, EndsAt(end): EndsAt) {
        self.end = Some(end);
        self.traffic.ends().insert((end, self.number));
        self.traffic.end_said.notify_one();
    }

    /// Whether it is known when its answer ends.
    pub(super) const fn has_end(&self) -> bool {
        self.end.is_some()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(end) = self.end {
            self.traffic.ends().remove(&(end, self.number));
        }
        let traffic = &self.traffic;
        traffic.rest.store(RESTS.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        // In this order whoever begins to wait meanwhile sees it, or is told.
        if traffic.under_way.fetch_sub(1, Ordering::SeqCst) == 1 {
            traffic.resting.tell();
        }
    }
}
