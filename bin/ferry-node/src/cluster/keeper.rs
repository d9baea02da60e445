//! Whoever keeps the guests, as the cluster's side sees it.

use ferry_reconcile::guest::{GuestReport, Order};
use ferry_rpc::{GuestName, Progress};
use tokio::sync::watch;

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
