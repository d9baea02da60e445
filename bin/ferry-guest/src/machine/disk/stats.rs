//! What happened on a disk, counted as `query-blockstats` tells it.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ferry_qmp::words::BlockDeviceStats;
use ferry_runtime::Clock;
use ferry_units::{Bytes, Instant, PageRun, PageSize};

/// The counters of one disk.
#[derive(Debug)]
pub(super) struct Stats {
    clock: Clock,
    counters: Mutex<Counters>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    stats: BlockDeviceStats,
    last: Option<Instant>,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Read,
    Write,
    Flush,
}

impl Stats {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, counters: Mutex::default() }
    }

    /// Does `operation` by way of `act` and counts it.
    pub(super) fn timed(
        &self,
        operation: Operation,
        run: PageRun,
        act: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let begin = self.clock.now();
        let result = act();
        let end = self.clock.now();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.last = Some(end);
        let took = nanos(end.since(begin));
        match &result {
            Ok(()) => counters.stats.count(operation, run, took),
            Err(_) => counters.stats.count_failure(operation),
        }
        result
    }

    pub(super) fn get(&self) -> BlockDeviceStats {
        let counters = *self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let idle_time_ns = counters.last.map(|last| nanos(self.clock.now().since(last)));
        BlockDeviceStats { idle_time_ns, ..counters.stats }
    }
}

trait Count {
    fn count(&mut self, operation: Operation, run: PageRun, took: u64);
    fn count_failure(&mut self, operation: Operation);
}

impl Count for BlockDeviceStats {
    fn count(&mut self, operation: Operation, run: PageRun, took: u64) {
        match operation {
            Operation::Read => {
                self.rd_operations += 1;
                self.rd_bytes += run.bytes();
                self.rd_total_time_ns += took;
            }
            Operation::Write => {
                self.wr_operations += 1;
                self.wr_bytes += run.bytes();
                self.wr_total_time_ns += took;
                let end = PageSize::KIB_4.offset_of(run.end()).unwrap_or(Bytes::ZERO);
                self.wr_highest_offset = self.wr_highest_offset.max(end);
            }
            Operation::Flush => {
                self.flush_operations += 1;
                self.flush_total_time_ns += took;
            }
        }
    }

    fn count_failure(&mut self, operation: Operation) {
        match operation {
            Operation::Read => self.failed_rd_operations += 1,
            Operation::Write => self.failed_wr_operations += 1,
            Operation::Flush => self.failed_flush_operations += 1,
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
