//! Where vCPUs stand still: the proof behind [`Stopped`](crate::Stopped).
//!
//! A thread is *inside* while it may write guest memory. It looks now and then whether somebody
//! wants it outside, which costs one load, and goes through the mutex only then. So whoever saw
//! everybody outside, with the mutex in hand, sees everything that they wrote; and whoever gets in
//! afterwards sees everything that was done meanwhile.
//!
//! This file is also compiled by `tests/orders.rs`, with loom's primitives for those of
//! [`sync`](crate::sync).

use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, Ordering, PoisonError};

/// The gate of one guest.
#[derive(Debug)]
pub(crate) struct Gate {
    count: Mutex<Count>,
    changed: Condvar,
    /// A copy of [`Count::stops`], to look at without the mutex. It is only a hint: a thread that
    /// misses it looks again at its next checkpoint, and whoever stops waits for that.
    wanted: AtomicU64,
}

#[derive(Debug)]
struct Count {
    /// Threads that are inside.
    inside: u64,
    /// How many want them outside.
    stops: u64,
}

impl Gate {
    /// A gate that lets everybody in.
    pub(crate) fn open() -> Self {
        let count = Mutex::new(Count { inside: 0, stops: 0 });
        Self { count, changed: Condvar::new(), wanted: AtomicU64::new(0) }
    }

    /// Goes in, once nobody wants threads outside.
    pub(crate) fn enter(&self) {
        let mut count = self.lock();
        while count.stops > 0 {
            count = self.wait(count);
        }
        count.inside += 1;
    }

    /// Goes out. Only who is inside may.
    pub(crate) fn leave(&self) {
        let mut count = self.lock();
        count.inside -= 1;
        if count.inside == 0 {
            self.changed.notify_all();
        }
    }

    /// Goes out and in again if somebody wants that.
    pub(crate) fn checkpoint(&self) {
        if self.wanted.load(Ordering::Relaxed) > 0 {
            self.leave();
            self.enter();
        }
    }

    /// Returns when all are outside, and keeps them there until [`resume`](Self::resume) was called
    /// as often as this. The caller must not be inside.
    pub(crate) fn stop(&self) {
        let mut count = self.lock();
        count.stops += 1;
        self.wanted.store(count.stops, Ordering::Relaxed);
        while count.inside > 0 {
            count = self.wait(count);
        }
    }

    /// Takes one [`stop`](Self::stop) back.
    pub(crate) fn resume(&self) {
        let mut count = self.lock();
        count.stops -= 1;
        self.wanted.store(count.stops, Ordering::Relaxed);
        if count.stops == 0 {
            self.changed.notify_all();
        }
    }

    // The counts are right whenever the mutex is free, so a thread that panicked elsewhere while
    // it was inside is no reason to stop all others.

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, count: MutexGuard<'a, Count>) -> MutexGuard<'a, Count> {
        self.changed.wait(count).unwrap_or_else(PoisonError::into_inner)
    }
}
