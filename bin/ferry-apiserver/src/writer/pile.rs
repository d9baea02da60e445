//! What is decided and waits for the disk, until it is worth the disk's while.
//!
//! A group costs nearly as much for one write as for fifty: threads that wake up, and syncs. So while
//! the threads that serve have more to do, the committer waits for more, for a moment; once one of them
//! finds nothing more to do, it begins. On a server that is not busy that is at once.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::writer::committer::Pending;

/// How many decided writes may wait for the disk. It bounds what a failing disk has to refuse.
const MOST: usize = 2048;

/// So many are a group, whoever else has more to do: twice as many save a twentieth.
const ENOUGH: usize = 128;

/// How long the committer waits at most for others to join a write: less than many disks take for a sync.
const PATIENCE: Duration = Duration::from_millis(1);

/// The writes that wait, in the order in which they were decided.
#[derive(Debug, Default)]
pub(super) struct Pile {
    heap: Mutex<Heap>,
    /// The committer waits for this.
    worth: Condvar,
    /// Whoever decides waits for this where too many wait already.
    room: Condvar,
    /// All threads that serve are busy, as far as is known.
    is_busy: AtomicBool,
}

#[derive(Debug, Default)]
struct Heap {
    items: Vec<Pending>,
    /// How many were taken last.
    last: usize,
    /// There is no reason to wait for another one.
    is_all: bool,
    /// Nothing more will come, or be taken.
    is_closed: bool,
}

/// Nobody makes decisions durable any more: the process is ending.
#[derive(Debug)]
pub(super) struct Closed;

impl Pile {
    fn heap(&self) -> MutexGuard<'_, Heap> {
        // What is in there is whole after each line.
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another one may be put on it.
    pub(super) fn wait_for_room(&self) {
        let full = |heap: &mut Heap| heap.items.len() >= MOST && !heap.is_closed;
        let heap = self.room.wait_while(self.heap(), full);
        drop(heap.unwrap_or_else(PoisonError::into_inner));
    }

    /// Puts one on it, without waiting.
    pub(super) fn put(&self, pending: Pending) -> Result<(), Closed> {
        let mut heap = self.heap();
        if heap.is_closed {
            return Err(Closed);
        }
        heap.items.push(pending);
        heap.is_all = false;
        let count = heap.items.len();
        drop(heap);
        if count == 1 || count == ENOUGH {
            self.worth.notify_one();
        }
        Ok(())
    }

    /// One of the threads that serve finds something to do.
    pub(super) fn one_is_busy(&self) {
        self.is_busy.store(true, Ordering::Relaxed);
    }

    /// One of them has nothing more to do.
    pub(super) fn one_is_idle(&self) {
        self.is_busy.store(false, Ordering::Relaxed);
        self.all_is_decided();
    }

    /// All that is known of is decided.
    pub(super) fn all_is_decided(&self) {
        if self.is_busy.load(Ordering::Relaxed) {
            return;
        }
        let mut heap = self.heap();
        if !heap.items.is_empty() {
            heap.is_all = true;
            drop(heap);
            self.worth.notify_one();
        }
    }

    /// Takes all, once that is worth it. `None` when there is nothing and nothing more comes.
    pub(super) fn take(&self) -> Option<Vec<Pending>> {
        let none = |heap: &mut Heap| heap.items.is_empty() && !heap.is_closed;
        let few = |heap: &mut Heap| {
            heap.items.len() < ENOUGH && heap.last > 1 && !heap.is_all && !heap.is_closed
        };
        let heap = self.worth.wait_while(self.heap(), none);
        let heap = heap.unwrap_or_else(PoisonError::into_inner);
        let heap = self.worth.wait_timeout_while(heap, PATIENCE, few);
        let (mut heap, _) = heap.unwrap_or_else(PoisonError::into_inner);
        let items = mem::take(&mut heap.items);
        heap.last = items.len();
        drop(heap);
        self.room.notify_all();
        (!items.is_empty()).then_some(items)
    }

    /// Nothing more comes. What is there can still be taken.
    pub(super) fn close(&self) {
        self.heap().is_closed = true;
        self.worth.notify_all();
        self.room.notify_all();
    }

    /// Nothing more is taken: whoever waits for it hears that.
    pub(super) fn abandon(&self) {
        self.close();
        let items = mem::take(&mut self.heap().items);
        // Whoever is told wakes up, and may want to look here.
        drop(items);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::writer::committer::Reply;

    fn pending(epoch: u64) -> Pending {
        Pending { epoch, change: None, reply: Reply::None }
    }

    fn taken(pile: &Pile) -> Option<Vec<u64>> {
        let items = pile.take()?;
        Some(items.into_iter().map(|item| item.epoch).collect())
    }

    #[test]
    fn what_has_piled_up_is_taken_together_and_in_order() {
        let pile = Pile::default();
        for round in 0..3 {
            // Busy or not, it is taken within a moment.
            if round == 1 {
                pile.one_is_busy();
            }
            for epoch in 0..5 {
                pile.put(pending(epoch)).unwrap();
            }
            assert_eq!(taken(&pile), Some(vec![0, 1, 2, 3, 4]));
        }
    }

    #[test]
    fn whoever_brings_too_many_waits_until_they_are_taken() {
        let pile = Pile::default();
        for _ in 0..MOST {
            pile.wait_for_room();
            pile.put(pending(0)).unwrap();
        }
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                pile.wait_for_room();
                pile.put(pending(1)).unwrap();
            });
            assert_eq!(pile.take().unwrap().len(), MOST);
            waiting.join().unwrap();
        });
        assert_eq!(taken(&pile), Some(vec![1]));
    }

    #[test]
    fn after_the_end_the_rest_is_taken() {
        let pile = Pile::default();
        pile.put(pending(1)).unwrap();
        pile.close();
        assert!(pile.put(pending(2)).is_err());
        assert_eq!(taken(&pile), Some(vec![1]));
        assert_eq!(taken(&pile), None);
        pile.wait_for_room();
    }

    #[test]
    fn whoever_waits_for_what_nobody_takes_hears_that() {
        let pile = Pile::default();
        let (reply, mut answer) = oneshot::channel();
        let reply = Reply::Action { reply, outcome: Ok(ferry_admission::ActionAnswer::Done) };
        pile.put(Pending { epoch: 1, change: None, reply }).unwrap();
        pile.abandon();
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        assert!(pile.take().is_none());
    }
}
