//! Places of connections: whoever has said who they are keeps theirs while they use it; whoever has not
//! has it until somebody else comes.
//!
//! Anybody can open connections, so those on which nobody was let in yet have a share of the places
//! only, and the oldest of them that is idle makes room for the next one. A client that means it is
//! let in within milliseconds.
//!
//! Where all places belong to those who are known, the one that has had nothing under way for longest
//! makes room, so that nobody keeps others out by doing nothing. Its client connects again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Limits;
use super::traffic::{Resting, Traffic};

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_strangers: usize,
    taken: Mutex<Taken>,
    freed: Arc<Resting>,
}

/// Who has a place.
#[derive(Debug, Default)]
struct Taken {
    next: u64,
    known: BTreeMap<u64, Holder>,
    /// On which nobody was let in yet, in the order in which they came.
    strangers: BTreeMap<u64, Holder>,
}

/// A connection that has a place.
#[derive(Debug)]
struct Holder {
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
            freed: Arc::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The traffic of a connection that is to have a place.
    pub(super) fn traffic(&self) -> Traffic {
        Traffic::new(&self.freed)
    }

    /// Waits until somebody may come in: not all places belong to those who are known and busy.
    pub(super) async fn some(&self) {
        let may = || {
            let taken = self.taken();
            (taken.known.len() < self.most || taken.longest_idle().is_some()).then_some(())
        };
        self.freed.until(may).await;
    }

    /// A place for a connection, which somebody may have to leave, once there is one.
    pub(super) async fn take(self: &Arc<Self>, traffic: &Arc<Traffic>) -> Place {
        self.freed.until(|| self.try_take(traffic)).await
    }

    fn try_take(self: &Arc<Self>, traffic: &Arc<Traffic>) -> Option<Place> {
        let mut taken = self.taken();
        let strangers = taken.strangers.len();
        let is_full = taken.known.len() + strangers >= self.most;
        if strangers >= self.most_strangers || is_full && strangers > 0 {
            taken.evict_stranger();
        } else if is_full {
            taken.evict_known()?;
        }
        let number = taken.next;
        taken.next += 1;
        let evicted = Arc::new(Notify::new());
        let stranger = Holder { traffic: Arc::clone(traffic), evicted: Arc::clone(&evicted) };
        taken.strangers.insert(number, stranger);
        let is_known = AtomicBool::new(false);
        Some(Place { places: Arc::clone(self), number, is_known, evicted })
    }
}

impl Taken {
    /// The oldest idle stranger has to go; the oldest of all if each of them is being answered.
    fn evict_stranger(&mut self) {
        let idle = self.strangers.iter().find(|(_, stranger)| stranger.traffic.is_idle());
        let oldest = idle.or_else(|| self.strangers.iter().next()).map(|(number, _)| *number);
        if let Some(stranger) = oldest.and_then(|number| self.strangers.remove(&number)) {
            stranger.evicted.notify_one();
        }
    }

    /// Whoever is known and has done nothing for longest has to go. Nobody who has a watch open.
    fn evict_known(&mut self) -> Option<()> {
        let longest = self.longest_idle()?;
        let known = self.known.remove(&longest)?;
        known.evicted.notify_one();
        Some(())
    }

    fn longest_idle(&self) -> Option<u64> {
        let idle =
            self.known.iter().filter_map(|(number, it)| Some((it.traffic.idle_since()?, *number)));
        idle.min().map(|(_, number)| number)
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
        if let Some(holder) = taken.strangers.remove(&self.number) {
            taken.known.insert(self.number, holder);
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
        taken.known.remove(&self.number);
        taken.strangers.remove(&self.number);
        drop(taken);
        self.places.freed.tell();
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
        let traffic: Vec<_> = (0..6).map(|_| Arc::new(places.traffic())).collect();
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
    fn whoever_is_known_and_busy_stays_and_only_those_keep_others_out() {
        let places = places(3, 2);
        let traffic = Arc::new(places.traffic());
        let busy = traffic.begin();
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
        assert_eq!((left.known.len(), left.strangers.len()), (0, 0));
        drop(busy);
    }

    #[test]
    fn whoever_is_known_and_idle_for_longest_makes_room_when_there_is_no_other() {
        let places = places(3, 2);
        let traffic: Vec<_> = (0..5).map(|_| Arc::new(places.traffic())).collect();
        let known: Vec<_> = traffic[..3]
            .iter()
            .map(|each| {
                let place = take(&places, each);
                place.is_of_somebody_known();
                place
            })
            .collect();
        // The first was the last to have something under way, and the second still has.
        let _watch = traffic[1].begin();
        drop(traffic[0].begin());
        let next = take(&places, &traffic[3]);
        assert_eq!(known.iter().map(is_lost).collect::<Vec<_>>(), [false, false, true]);
        // A stranger makes room before anybody who is known.
        let other = take(&places, &traffic[4]);
        assert!(is_lost(&next) && !known[..2].iter().any(is_lost));
        other.is_of_somebody_known();
        let busy = traffic[4].begin();
        let _last = take(&places, &traffic[3]);
        assert!(is_lost(&known[0]) && !is_lost(&known[1]) && !is_lost(&other));
        drop(busy);
    }

    #[test]
    fn whoever_waits_for_a_place_hears_of_one_that_falls_idle() {
        let places = places(1, 1);
        let traffic = Arc::new(places.traffic());
        let only = take(&places, &traffic);
        only.is_of_somebody_known();
        let watch = traffic.begin();
        let newer = Arc::new(places.traffic());
        let mut some = Box::pin(places.some());
        let mut waiting = Box::pin(places.take(&newer));
        assert!((&mut some).now_or_never().is_none() && (&mut waiting).now_or_never().is_none());
        drop(watch);
        assert!(some.now_or_never().is_some() && waiting.now_or_never().is_some());
        assert!(is_lost(&only));
    }
}
