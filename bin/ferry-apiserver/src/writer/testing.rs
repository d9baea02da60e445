//! Clusters for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_admission::Policies;
use ferry_registry::State;
use ferry_runtime::Clock;
use ferry_store::{Disk, Journal, Store, StoreOptions};
use tempfile::TempDir;

use crate::writer::{Cluster, Standby};

/// One with nothing in it, whose threads end with it.
pub(crate) fn empty_cluster(journal: impl Journal + 'static) -> Cluster {
    let (standby, state) = (Standby::start().unwrap(), State::default());
    let (cluster, _threads) =
        Cluster::start(standby, state, journal, Policies::default(), Clock::system(), |_| ());
    cluster
}

/// One on a disk that says that so many bytes are free, in a directory of its own.
pub(crate) fn cluster_on_a_disk(free: &Arc<AtomicU64>) -> (Cluster, TempDir) {
    let asked = Arc::clone(free);
    let disk = Disk::saying(move |_| Ok(asked.load(Ordering::SeqCst)));
    let dir = tempfile::tempdir().unwrap();
    let options = StoreOptions { disk, ..StoreOptions::default() };
    let (store, _) = Store::open(&dir.path().join("journal"), &options).unwrap();
    (empty_cluster(store), dir)
}
