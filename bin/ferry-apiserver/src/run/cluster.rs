//! The cluster behind the API: its journal read, its threads started, and what is due in it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use ferry_admission::Policies;
use ferry_registry::State;
use ferry_runtime::Clock;
use ferry_store::{
    Compaction, Journal, Record, Snapshot, Store, StoreError, StoreOptions, StoreStats,
};
use tokio::time;

use crate::http::{Stopping, wall_time};
use crate::metrics::Metrics;
use crate::writer::{Cluster, Threads, recovered};

/// How often it is looked whether something is due by the time alone: Events that are an hour old.
/// They live for a few seconds longer, at most.
const TICK: Duration = Duration::from_secs(10);

/// A cluster that is open.
pub(super) struct Opened {
    pub(super) cluster: Arc<Cluster>,
    pub(super) threads: Threads,
    pub(super) size: Arc<Size>,
}

/// How large the journal is, for whoever asks from another thread.
#[derive(Debug, Default)]
pub(super) struct Size {
    bytes: AtomicU64,
    records: AtomicU64,
}

/// A journal that tells its size.
struct Sized<J> {
    journal: J,
    size: Arc<Size>,
}

/// Opens the journal in `dir`, or makes one, and starts what writes to it.
pub(super) fn open(dir: &Path, metrics: &Arc<Metrics>, clock: Clock) -> anyhow::Result<Opened> {
    let (store, journal) = Store::open(dir, &StoreOptions::default())?;
    let state = recovered(journal, wall_time(clock))?;
    tell(&state, clock);
    let size = Arc::new(Size::default());
    size.read(&store.stats());
    let journal = Sized { journal: store, size: Arc::clone(&size) };
    let metrics = Arc::clone(metrics);
    let observe = move |flush: crate::writer::Flush| metrics.flushed(flush.took);
    let (cluster, threads) = Cluster::start(state, journal, Policies::default(), clock, observe)
        .context("cannot start the threads that write")?;
    Ok(Opened { cluster: Arc::new(cluster), threads, size })
}

fn tell(state: &State, clock: Clock) {
    let micros = clock.now().since(ferry_units::Instant::default()).as_micros();
    tracing::info!(objects = state.len(), revision = %state.revision(), micros, "read the journal");
}

/// Looks now and then for what is due, until the server ends.
pub(super) async fn keep_time(cluster: Arc<Cluster>, mut stopping: Stopping) {
    let mut interval = time::interval(TICK);
    interval.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.begun() => return,
            _ = interval.tick() => cluster.tick().await,
        }
    }
}

impl Size {
    /// Bytes on the disk.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Writes that the journal can repeat.
    pub(super) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    fn read(&self, stats: &StoreStats) {
        self.bytes.store(stats.bytes_on_disk, Ordering::Relaxed);
        let records = u64::try_from(stats.log_records).unwrap_or(u64::MAX);
        self.records.store(records, Ordering::Relaxed);
    }
}

impl<J: Journal> Journal for Sized<J> {
    fn append(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        let appended = self.journal.append(batch);
        self.size.read(&self.journal.stats());
        appended
    }

    fn log_since(&mut self, revision: u64) -> Result<Vec<Record>, StoreError> {
        self.journal.log_since(revision)
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.journal.snapshot()
    }

    fn compact(&mut self, budget: u64) -> Result<Compaction, StoreError> {
        self.journal.compact(budget)
    }

    fn stats(&self) -> StoreStats {
        self.journal.stats()
    }
}
