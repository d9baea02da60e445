//! The two places that every write passes: where it is decided, and where it is made durable.
//!
//! Each has a thread of its own, so that the next writes are decided while the disk is busy. Whoever
//! writes alone goes through both itself: it would wait for three threads to wake up, which takes
//! longer than the rest.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, TryLockError};

use ferry_registry::Admission;
use ferry_store::Journal;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;
use tokio::task::block_in_place;

use crate::allocator::make_room;
use crate::writer::committer::{Committer, Pending};
use crate::writer::decider::{Decider, Order, Work};
use crate::writer::pile::{Pile, Task};
use crate::writer::published::{Flush, Published};

/// So many orders leave objects that need less memory than [`make_room`] has ready, mostly.
const ORDERS_IN_ROOM: u32 = 32;

/// Both places. What was decided earlier is durable earlier.
pub(super) struct Desk<A, J, O> {
    published: Arc<Published>,
    decider: Mutex<Decider<A>>,
    /// What was decided there, and waits to go on here.
    pile: Arc<Pile>,
    committer: Mutex<Committer<J, O>>,
}

/// Carries out orders for those who bring them.
pub(super) trait Clerk: fmt::Debug + Send + Sync {
    /// Carries out an order at once, if nothing else is under way. What it returns is left for the
    /// threads.
    fn at_once(&self, order: Order) -> Option<Order>;
}

impl<A: Admission, J: Journal, O: Fn(Flush)> Desk<A, J, O> {
    pub(super) fn new(
        published: Arc<Published>,
        decider: Decider<A>,
        pile: Arc<Pile>,
        committer: Committer<J, O>,
    ) -> Self {
        let (decider, committer) = (Mutex::new(decider), Mutex::new(committer));
        Self { published, decider, pile, committer }
    }

    /// Decides until nobody can ask any more.
    pub(super) fn decide(&self, mut orders: mpsc::Receiver<Order>) {
        let _nothing_more = AtEnd(|| self.pile.close());
        // What was cut off by the end of the process before goes on.
        let mut next = Some(Order { work: Work::Chores });
        let mut count: u32 = 0;
        while let Some(order) = next {
            count = count.wrapping_add(1);
            if count.is_multiple_of(ORDERS_IN_ROOM) {
                make_room();
            }
            // Whoever panicked in there has left half a decision behind.
            let Ok(mut decider) = self.decider.lock() else { return };
            // One order may come to many writes, as when a namespace is deleted.
            let mut hand_on = |pending| {
                self.pile.wait_for_room();
                self.pile.put(pending)
            };
            let done = decider.carry_out(order, &mut hand_on);
            if done.and_then(|()| decider.do_chores(&mut hand_on)).is_err() {
                return;
            }
            drop(decider);
            if orders.is_empty() {
                self.pile.all_is_decided();
            }
            next = orders.blocking_recv();
        }
    }

    /// Makes durable what was decided, until nobody decides any more.
    pub(super) fn commit(&self) {
        let _nothing_more = AtEnd(|| self.pile.abandon());
        while let Some(task) = self.pile.take() {
            match task {
                Task::Writes(decided) => {
                    let Ok(mut committer) = self.committer.lock() else { return };
                    self.make_durable(&mut committer, decided);
                }
                Task::Backlog => match self.committer.try_lock() {
                    Ok(mut committer) => committer.work_off(),
                    // Whoever writes alone, on a slow disk, which is not quiet.
                    Err(TryLockError::WouldBlock) => self.pile.leave_backlog(),
                    Err(TryLockError::Poisoned(_)) => return,
                },
            }
        }
    }

    fn make_durable(&self, committer: &mut Committer<J, O>, decided: Vec<Pending>) {
        committer.commit_all(decided.into_iter());
        if committer.has_backlog() {
            self.pile.leave_backlog();
        }
    }
}

/// Does something when a thread ends, however that comes.
struct AtEnd<F: Fn()>(F);

impl<F: Fn()> Drop for AtEnd<F> {
    fn drop(&mut self) {
        self.0();
    }
}

impl<A, J, O> Clerk for Desk<A, J, O>
where
    A: Admission + Send,
    J: Journal,
    O: Fn(Flush) + Send,
{
    fn at_once(&self, order: Order) -> Option<Order> {
        // Looked at first, so that the decider finds its place free where many write.
        if !self.published.is_quiet() || !may_wait() {
            return Some(order);
        }
        let Ok(mut decider) = self.decider.try_lock() else { return Some(order) };
        // Taken before anything is decided, so that nobody overtakes. It may have a backlog to work off,
        // for which the threads can wait.
        let Ok(mut committer) = self.committer.try_lock() else { return Some(order) };
        // Nothing is decided meanwhile, so that this stays true.
        if !self.published.is_quiet() {
            return Some(order);
        }
        let mut group = Vec::new();
        let Ok(()) = decider.carry_out(order, &mut |pending| {
            group.push(pending);
            Ok::<_, Infallible>(())
        });
        let left = (!decider.has_no_chores()).then_some(Order { work: Work::Chores });
        let writes = group.iter().any(|pending| pending.change.is_some());
        drop(decider);
        let commit = || self.make_durable(&mut committer, group);
        if writes {
            block_in_place(commit);
        } else {
            commit();
        }
        left
    }
}

/// Whether this thread can wait for the disk while others do its work.
fn may_wait() -> bool {
    Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

impl<A, J, O> fmt::Debug for Desk<A, J, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("published", &self.published).finish_non_exhaustive()
    }
}
