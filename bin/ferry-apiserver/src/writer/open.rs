//! Opening a cluster: its journal is read, its state is put together, its threads begin.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use ferry_admission::Policies;
use ferry_runtime::Clock;
use ferry_store::{Journal, Store, StoreOptions, StoreStats};

use crate::writer::{Cluster, Flush, Standby, Threads, recovered};

/// How often the writer looks for what has become due by the time alone. Events live for an hour; that
/// one goes some seconds late is nothing.
const TICK: Duration = Duration::from_secs(5);

/// How large the journal is, as of the last flush.
#[derive(Clone, Debug, Default)]
pub struct JournalSize(Arc<RwLock<StoreStats>>);

impl JournalSize {
    /// The figures.
    pub fn read(&self) -> StoreStats {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, stats: StoreStats) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = stats;
    }
}

/// Opens the cluster whose journal is in `dir`, which is made if it is not there. `flushed` hears how
/// long each flush took.
///
/// # Errors
/// When the journal is damaged, somebody else's, or of another version; the message says what to do.
pub fn open(
    standby: Standby,
    dir: &Path,
    clock: Clock,
    flushed: impl Fn(Duration) + Send + 'static,
) -> anyhow::Result<(Cluster, Threads, JournalSize)> {
    let begin = clock.now();
    let (store, journal) = Store::open(dir, &StoreOptions::default())?;
    let now = crate::http::wall_time(clock);
    let state = recovered(journal, now)?;
    let took = clock.now().since(begin);
    tracing::info!(objects = state.len(), revision = state.revision().0, ?took, "read the journal");
    let size = JournalSize::default();
    size.write(store.stats());
    let newest = size.clone();
    let observe = move |flush: Flush| {
        if let Some(stats) = flush.journal {
            newest.write(stats);
        }
        flushed(flush.took);
    };
    let (cluster, threads) =
        Cluster::start(standby, state, store, Policies::default(), clock, observe);
    tick(&cluster, clock).context("cannot start the thread that looks for what is due")?;
    Ok((cluster, threads, size))
}

/// Wakes the writer now and then, for as long as there is one.
fn tick(cluster: &Cluster, clock: Clock) -> std::io::Result<()> {
    let cluster = cluster.downgrade();
    let wake = move || {
        while cluster.tick() {
            clock.wait_until(clock.now() + TICK);
        }
    };
    thread::Builder::new().name("ticks".to_owned()).spawn(wake).map(drop)
}
