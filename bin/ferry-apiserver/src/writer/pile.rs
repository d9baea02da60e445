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

/// A journal has a backlog worked off once nobody has written for so long: more than most take between
/// one write and the next, and than a thousand watchers take to hear of one.
const QUIET: Duration = Duration::from_millis(10);

/// What there is to do for whoever makes writes durable.
#[derive(Debug)]
pub(super) enum Task {
    /// These are to be made so.
    Writes(Vec<Pending>),
    /// Nobody waits for anything: a good moment for the journal's backlog.
    Backlog,
}

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
    backlog: Backlog,
    /// Nothing more will come, or be taken.
    is_closed: bool,
}

/// What the journal has to do in a quiet moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Backlog {
    #[default]
    None,
    /// Something, and somebody has just written.
    Fresh,
    /// Something, and nobody has written since it was last looked.
    Seen,
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

    /// A write has left the journal with a backlog, whichever way it went. Nobody is woken by the
    /// second one of them and those after it.
    pub(super) fn leave_backlog(&self) {
        let before = mem::replace(&mut self.heap().backlog, Backlog::Fresh);
        if before == Backlog::None {
            self.worth.notify_one();
        }
    }

    /// Takes all, once that is worth it, or what is left for a quiet moment. `None` when there is
    /// nothing and nothing more comes.
    pub(super) fn take(&self) -> Option<Task> {
        let none = |heap: &mut Heap| heap.items.is_empty() && !heap.is_closed;
        let idle = |heap: &mut Heap| none(heap) && heap.backlog == Backlog::None;
        let quiet = |heap: &mut Heap| none(heap) && heap.backlog == Backlog::Seen;
        let few = |heap: &mut Heap| {
            heap.items.len() < ENOUGH && heap.last > 1 && !heap.is_all && !heap.is_closed
        };
        let mut heap = self.heap();
        loop {
            heap = self.worth.wait_while(heap, idle).unwrap_or_else(PoisonError::into_inner);
            if !none(&mut heap) {
                break;
            }
            heap.backlog = Backlog::Seen;
            let waited = self.worth.wait_timeout_while(heap, QUIET, quiet);
            let (found, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            heap = found;
            if timeout.timed_out() {
                heap.backlog = Backlog::None;
                return Some(Task::Backlog);
            }
        }
        let heap = self.worth.wait_timeout_while(heap, PATIENCE, few);
        let (mut heap, _) = heap.unwrap_or_else(PoisonError::into_inner);
        let items = mem::take(&mut heap.items);
        heap.last = items.len();
        drop(heap);
        self.room.notify_all();
        (!items.is_empty()).then_some(Task::Writes(items))
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
        match pile.take()? {
            Task::Writes(items) => Some(items.into_iter().map(|item| item.epoch).collect()),
            Task::Backlog => panic!("nobody has left any"),
        }
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
            assert_eq!(taken(&pile).unwrap().len(), MOST);
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
    fn a_backlog_is_taken_when_nothing_else_is_there() {
        let pile = Pile::default();
        pile.leave_backlog();
        pile.put(pending(1)).unwrap();
        assert_eq!(taken(&pile), Some(vec![1]));
        // Whoever writes meanwhile puts it off, which is not for ever.
        pile.leave_backlog();
        assert!(matches!(pile.take(), Some(Task::Backlog)));
        // It was one for all of them.
        pile.put(pending(2)).unwrap();
        assert_eq!(taken(&pile), Some(vec![2]));
        pile.leave_backlog();
        pile.close();
        assert!(pile.take().is_none(), "whoever ends is not kept waiting for it");
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
