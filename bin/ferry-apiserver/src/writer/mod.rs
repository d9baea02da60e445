//! The one writer: every change of the cluster's objects, in one order.
//!
//! ```text
//!  handlers ──Order──► decider ──Pending──► committer ──► Published ──► readers, watches
//!   (tasks)   queue    a thread   pile      a thread      a lock        (tasks)
//!                      decide on            journal,
//!                      what will be         then apply and answer
//! ```
//!
//! Where both are idle, a handler goes through both places itself (`desk`).
//!
//! The *decider* keeps a state that runs ahead: it contains what is decided and not yet on the disk.
//! So the next write is decided, and knows of all before it, while the disk is busy. The *committer*
//! takes what has piled up, makes it durable at once, applies it to the *published* state and only
//! then answers. What readers and watches see is always on the disk, and a client that has its answer
//! finds its own write.
//!
//! # When the journal fails
//!
//! Nothing of the group is published. All that was decided on top of it was decided on something
//! that never happened, so it is refused as well, with the same message; and the decider begins
//! again from the published state. An epoch tells both threads apart what belongs to which attempt.

mod chance;
mod chores;
mod committer;
mod decider;
mod desk;
mod open;
mod pile;
mod published;
mod records;
#[cfg(test)]
mod space_tests;
mod storage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod threads;

use std::sync::{Arc, RwLockReadGuard};

use ferry_admission::{Action, ActionAnswer, Authorizer};
use ferry_api::Kind;
use ferry_registry::{Admission, Refusal, Request, Revision, State, User};
use ferry_runtime::Clock;
use ferry_store::Journal;
use ferry_units::WallTime;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use crate::api::{Backend, Trouble, Written};
use committer::Committer;
use decider::{Decider, Order, Work};
use desk::{Clerk, Desk};
pub use open::{JournalSize, open};
use pile::Pile;
pub use published::Flush;
use published::Published;
pub use records::{RecoveryError, recovered};
pub use threads::{Standby, Threads};

/// How many writes may wait to be decided. More than clients that write at once in the largest test;
/// whoever comes later waits with its answer, not in memory.
const MOST_WAITING_ORDERS: usize = 1024;

/// The cluster's objects: what they are, and the way to change them.
#[derive(Clone, Debug)]
pub struct Cluster {
    published: Arc<Published>,
    /// Gone before the threads hear that nobody writes any more: they close the journal.
    clerk: Arc<dyn Clerk>,
    orders: mpsc::Sender<Order>,
}

/// Hears what the threads that serve do, so that writes are made durable together while more are to
/// come, and at once when none are.
#[derive(Clone, Debug)]
pub struct Idleness(Arc<Pile>);

impl Idleness {
    /// One of them has nothing more to do.
    pub fn begins(&self) {
        self.0.one_is_idle();
    }

    /// One of them goes on.
    pub fn ends(&self) {
        self.0.one_is_busy();
    }
}

impl Cluster {
    /// Begins to serve `state`, whose changes go to `journal` first. `observe` hears of each group
    /// that was made durable.
    pub fn start(
        standby: Standby,
        state: State,
        journal: impl Journal + 'static,
        admission: impl Admission + Send + 'static,
        clock: Clock,
        observe: impl Fn(Flush) + Send + 'static,
    ) -> (Self, Threads) {
        let pile = standby.pile;
        let published = Arc::new(Published::new(state, clock, journal.room()));
        let (orders, waiting) = mpsc::channel(MOST_WAITING_ORDERS);
        let decider = Decider::new(Arc::clone(&published), admission);
        let committer = Committer::new(Arc::clone(&published), journal, observe);
        let (shown, between) = (Arc::clone(&published), Arc::clone(&pile));
        let clerk = Arc::new(Desk::new(shown, decider, between, committer));
        let desk = Arc::clone(&clerk);
        let deciding = standby.decider.begin(move || desk.decide(waiting));
        let desk = Arc::clone(&clerk);
        let committing = standby.committer.begin(move || desk.commit());
        let threads = Threads { decider: deciding, committer: committing };
        (Self { published, clerk, orders }, threads)
    }

    fn downgrade(&self) -> WeakCluster {
        WeakCluster(self.orders.downgrade())
    }

    async fn order(&self, work: Work) -> Result<(), Refusal> {
        let order = Order { work };
        // Nobody is overtaken who waits already.
        let is_idle = self.orders.capacity() == self.orders.max_capacity();
        let left = if is_idle { self.clerk.at_once(order) } else { Some(order) };
        match left {
            None => Ok(()),
            Some(order) => self.orders.send(order).await.map_err(|_| stopping()),
        }
    }
}

/// A cluster that does not keep its threads alive.
struct WeakCluster(mpsc::WeakSender<Order>);

impl WeakCluster {
    /// Has the writer look for what has become due by the time alone, such as Events that expire.
    /// Says whether there still is a writer.
    fn tick(&self) -> bool {
        // A writer that is busy looks for itself, after each write.
        self.0.upgrade().is_some_and(|orders| match orders.try_send(Order { work: Work::Tick }) {
            Ok(()) | Err(TrySendError::Full(_)) => true,
            Err(TrySendError::Closed(_)) => false,
        })
    }
}

impl Backend for Cluster {
    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.published.state()
    }

    async fn write(&self, request: Request) -> Result<Written, Refusal> {
        let (reply, answer) = oneshot::channel();
        let request = Arc::new(request);
        self.order(Work::Write { request: Arc::clone(&request), reply }).await?;
        let written = answer.await.map_err(|_| stopping())?;
        // A hundred blocks of memory, which go back most easily where they came from: a thread that
        // frees what others have allocated gets in their way each time.
        drop(request);
        written
    }

    async fn act(&self, user: User, action: Action) -> Result<ActionAnswer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(Work::Act { user, action: Box::new(action), reply }).await?;
        answer.await.map_err(|_| stopping())?
    }

    fn watch(&self, kind: Kind) -> watch::Receiver<Revision> {
        self.published.watch(kind)
    }

    fn authorizer(&self) -> Arc<Authorizer> {
        self.published.authorizer()
    }

    fn now(&self) -> WallTime {
        self.published.now()
    }

    fn trouble(&self) -> Option<Trouble> {
        self.published.storage().trouble()
    }
}

fn stopping() -> Refusal {
    Refusal::Unavailable { message: "the server is stopping; try again later".to_owned() }
}
