//! Whoever keeps the guests, as the cluster's side sees it.

use ferry_reconcile::guest::{GuestReport, MigrationReport, Order};
use ferry_rpc::{GuestName, Progress};
use tokio::sync::watch;

use crate::guests::Guests;

/// Keeps guests: takes orders, and reports.
pub(crate) trait Keeper: Send + Sync + 'static {
    /// All guests, as they are now.
    fn reports(&self) -> Vec<GuestReport>;

    /// Takes an order. It is carried out later, and shows in the reports; the same one may come again.
    fn order(&self, order: Order);

    /// Rises with each change of a report.
    fn subscribe(&self) -> watch::Receiver<u64>;

    /// How those guests get on that leave this node at the moment.
    fn progress(&self) -> Vec<(GuestName, Progress)>;
}

impl Keeper for Guests {
    fn reports(&self) -> Vec<GuestReport> {
        self.reports()
    }

    fn order(&self, order: Order) {
        self.order(order);
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.subscribe()
    }

    fn progress(&self) -> Vec<(GuestName, Progress)> {
        let leaving = self.reports().into_iter().filter_map(|report| match report.migration? {
            MigrationReport::Leaving(leaving) => {
                leaving.end.is_none().then_some(leaving.migration_uid)
            }
            MigrationReport::Arriving(_) => None,
        });
        leaving
            .filter_map(|migration| {
                let story = self.watch_story(&migration)?;
                let story = story.borrow();
                Some((story.guest.clone(), story.last.clone()))
            })
            .collect()
    }
}
