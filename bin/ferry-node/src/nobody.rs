//! Nobody keeps guests yet: every order is refused.

use ferry_reconcile::guest::{GuestReport, Order};
use ferry_rpc::{GuestName, Progress};
use tokio::sync::watch;

use crate::cluster::Keeper;

/// Keeps none.
pub(crate) struct Nobody(watch::Sender<u64>);

impl Default for Nobody {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Keeper for Nobody {
    fn reports(&self) -> Vec<GuestReport> {
        Vec::new()
    }

    fn order(&self, order: Order) {
        tracing::warn!(?order, "nobody keeps guests");
    }

    fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn progress(&self) -> Vec<(GuestName, Progress)> {
        Vec::new()
    }
}
