//! Orders that are not carried out yet. There is at most one of each kind, so whoever gives them again
//! and again fills nothing, and a keeper that is busy loses none.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_reconcile::guest::{Listen, Migrate, Order};
use ferry_units::WallTime;
use tokio::sync::Notify;

/// What a keeper is to do.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    wishes: Mutex<Wishes>,
    arrived: Notify,
}

/// One wish of each kind.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) listen: Option<Listen>,
    pub(super) migrate: Option<Migrate>,
    /// The migration that is to be called off.
    pub(super) abort: Option<String>,
    pub(super) run: Option<Running>,
    pub(super) shut_down: Option<WallTime>,
    pub(super) ending: Option<Ending>,
}

/// Whether a guest is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Running {
    Yes,
    No,
}

/// How much of a guest is to go. The second includes the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ending {
    /// Its process.
    Kill,
    /// Its files, once its process is gone.
    Forget,
}

impl Mailbox {
    /// Takes an order in.
    pub(super) fn put(&self, order: Order) {
        let mut wishes = self.lock();
        match order {
            // The keeper is there, which is all that these ask for.
            Order::Start(_) | Order::Await(_) => return,
            Order::Listen(listen) => wishes.listen = Some(listen),
            Order::Migrate(migrate) => wishes.migrate = Some(migrate),
            Order::Abort { migration_uid, .. } => wishes.abort = Some(migration_uid),
            Order::Pause { .. } => wishes.run = Some(Running::No),
            Order::Resume { .. } => wishes.run = Some(Running::Yes),
            Order::ShutDown { until, .. } => wishes.shut_down = Some(until),
            Order::Kill { .. } => wishes.ending = wishes.ending.max(Some(Ending::Kill)),
            Order::Forget { .. } => wishes.ending = Some(Ending::Forget),
        }
        drop(wishes);
        self.arrived.notify_one();
    }

    /// The wishes, for whoever takes out what it carries out.
    pub(super) fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something was put in since this was last waited for.
    pub(super) async fn wait(&self) {
        self.arrived.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_wish_of_a_kind_counts_and_an_end_is_not_taken_back() {
        let mailbox = Mailbox::default();
        let pod_uid = "p".to_owned();
        for order in [
            Order::Pause { pod_uid: pod_uid.clone() },
            Order::Forget { pod_uid: pod_uid.clone() },
            Order::Kill { pod_uid: pod_uid.clone() },
            Order::Resume { pod_uid },
        ] {
            mailbox.put(order);
        }
        let wishes = mailbox.lock();
        assert_eq!((wishes.run, wishes.ending), (Some(Running::Yes), Some(Ending::Forget)));
    }
}
