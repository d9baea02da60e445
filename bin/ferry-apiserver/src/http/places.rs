//! Places of connections: whoever has said who they are keeps theirs; whoever has not has it until
//! somebody else comes.
//!
//! Anybody can open connections, so those on which nobody was let in yet have a share of the places
//! only, and the oldest of them that is idle makes room for the next one. A client that means it is
//! let in within milliseconds.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Limits;
use super::traffic::Traffic;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_strangers: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

/// Who has a place.
#[derive(Debug, Default)]
struct Taken {
    next: u64,
    known: usize,
    /// In the order in which they came.
    strangers: BTreeMap<u64, Stranger>,
}

/// A connection on which nobody was let in yet.
#[derive(Debug)]
struct Stranger {
    traffic: Arc<Traffic>,
    evicted: Arc<Notify>,
}

/// One place. It is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    is_known: AtomicBool,
    evicted: Arc<Notify>,
}

impl Places {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.connections,
            most_strangers: limits.strangers.clamp(1, limits.connections.max(1)),
            taken: Mutex::default(),
            freed: Notify::new(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody may come in: not all places belong to those who are known.
    pub(super) async fn some(&self) {
        self.until(|| (self.taken().known < self.most).then_some(())).await;
    }

    /// A place for a connection, which somebody may have to leave, once there is one.
    pub(super) async fn take(self: &Arc<Self>, traffic: &Arc<Traffic>) -> Place {
        self.until(|| self.try_take(traffic)).await
    }

    async fn until<T>(&self, is_so: impl Fn() -> Option<T>) -> T {
        loop {
            let mut freed = pin!(self.freed.notified());
            // What happens from here on is not missed.
            freed.as_mut().enable();
            if let Some(found) = is_so() {
                return found;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>, traffic: &Arc<Traffic>) -> Option<Place> {
        let mut taken = self.taken();
        if taken.known >= self.most {
            return None;
        }
        let strangers = taken.strangers.len();
        if strangers >= self.most_strangers || taken.known + strangers >= self.most {
            taken.evict();
        }
        let number = taken.next;
        taken.next += 1;
        let evicted = Arc::new(Notify::new());
        let stranger = Stranger { traffic: Arc::clone(traffic), evicted: Arc::clone(&evicted) };
        taken.strangers.insert(number, stranger);
        let is_known = AtomicBool::new(false);
        Some(Place { places: Arc::clone(self), number, is_known, evicted })
    }
}

impl Taken {
    /// The oldest idle stranger has to go; the oldest of all if each of them is being answered.
    fn evict(&mut self) {
        let idle = self.strangers.iter().find(|(_, stranger)| stranger.traffic.is_idle());
        let oldest = idle.or_else(|| self.strangers.iter().next()).map(|(number, _)| *number);
        if let Some(stranger) = oldest.and_then(|number| self.strangers.remove(&number)) {
            stranger.evicted.notify_one();
        }
    }
}

impl Place {
    /// Somebody was let in on the connection, so it may stay.
    pub(super) fn is_of_somebody_known(&self) {
        if self.is_known.load(Ordering::Relaxed) {
            return;
        }
        let mut taken = self.places.taken();
        // One that is being evicted is too late.
        if taken.strangers.remove(&self.number).is_some() {
            taken.known += 1;
            self.is_known.store(true, Ordering::Relaxed);
        }
    }

    /// Whether somebody was.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(Ordering::Relaxed)
    }

    /// Whoever has it has to go at once.
    pub(super) fn give_up(&self) {
        self.evicted.notify_one();
    }

    /// Waits until somebody else has the place, or it was given up.
    pub(super) async fn lost(&self) {
        self.evicted.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        if self.is_known.load(Ordering::Relaxed) {
            taken.known -= 1;
        } else {
            taken.strangers.remove(&self.number);
        }
        drop(taken);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn places(connections: usize, strangers: usize) -> Arc<Places> {
        Arc::new(Places::new(&Limits { connections, strangers, ..Limits::DEFAULT }))
    }

    fn take(places: &Arc<Places>, traffic: &Arc<Traffic>) -> Place {
        places.take(traffic).now_or_never().unwrap()
    }

    fn is_lost(place: &Place) -> bool {
        place.lost().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_idle_stranger_makes_room() {
        let places = places(10, 3);
        let traffic: Vec<_> = (0..6).map(|_| Arc::new(Traffic::default())).collect();
        let busy = traffic[0].begin();
        let taken: Vec<_> = traffic[..5].iter().map(|each| take(&places, each)).collect();
        let lost: Vec<_> = taken.iter().map(is_lost).collect();
        assert_eq!(lost, [false, true, true, false, false]);
        // Nobody is idle: the oldest goes.
        let _all_busy: Vec<_> = traffic.iter().map(Traffic::begin).collect();
        let newest = take(&places, &traffic[5]);
        assert!(is_lost(&taken[0]) && !is_lost(&newest));
        drop(busy);
    }

    #[test]
    fn whoever_is_known_stays_and_only_those_keep_others_out() {
        let places = places(3, 2);
        let traffic = Arc::new(Traffic::default());
        let known: Vec<_> = (0..2).map(|_| take(&places, &traffic)).collect();
        known.iter().for_each(Place::is_of_somebody_known);
        let stranger = take(&places, &traffic);
        let other = take(&places, &traffic);
        assert!(is_lost(&stranger) && !known.iter().any(is_lost));
        // Too late.
        stranger.is_of_somebody_known();
        assert!(places.some().now_or_never().is_some());
        other.is_of_somebody_known();
        assert!(places.some().now_or_never().is_none());
        assert!(places.take(&traffic).now_or_never().is_none());
        drop((stranger, other));
        assert!(places.some().now_or_never().is_some());
        drop(known);
        let left = places.taken();
        assert_eq!((left.known, left.strangers.len()), (0, 0));
    }
}
