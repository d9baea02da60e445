//! What the threads of a guest have in common.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ferry_memory::GuestMemory;
use ferry_qmp::words::Fault;
use ferry_runtime::Clock;
use ferry_units::{Bytes, BytesPerSecond, Instant, PageCount};

use super::control::{Boot, Control};
use super::disk::Disk;
use super::meter::Meter;
use super::pattern::Lane;
use super::progress::{Progress, Published};
use super::serial::Serial;
use super::table::Table;

/// A guest, without its threads.
pub(crate) struct Shared {
    pub(crate) name: String,
    pub(crate) uuid: String,
    pub(crate) seed: u64,
    /// How many pages are filled at boot.
    pub(crate) fill: PageCount,
    pub(crate) serial: Serial,
    pub(crate) clock: Clock,
    pub(crate) memory: GuestMemory,
    pub(crate) disks: Vec<Arc<Disk>>,
    /// What pages hold.
    pub(crate) pages: Table,
    /// What the blocks of each disk hold.
    pub(crate) blocks: Vec<Table>,
    pub(crate) control: Arc<Control>,
    pub(crate) cpus: Vec<Cpu>,
    pub(crate) on_fault: Box<dyn Fn(Fault) + Send + Sync>,
}

/// What everybody knows about a vCPU.
#[derive(Debug)]
pub(crate) struct Cpu {
    pub(crate) progress: Published,
    /// Linux's number of its thread; 0 until that runs.
    thread: AtomicI64,
    meters: Mutex<Meters>,
}

/// How fast a vCPU writes.
#[derive(Clone, Copy, Debug)]
struct Meters {
    memory: Meter,
    disk: Meter,
}

impl Cpu {
    pub(crate) fn new(progress: Progress, now: Instant) -> Self {
        let published = Published::default();
        published.set(progress);
        let meters = Mutex::new(Meters { memory: Meter::new(now), disk: Meter::new(now) });
        Self { progress: published, thread: AtomicI64::new(0), meters }
    }

    /// So much was written until `now`.
    pub(crate) fn count(&self, now: Instant, memory: Bytes, disk: Bytes) {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        meters.memory.add(now, memory);
        meters.disk.add(now, disk);
    }

    /// How fast it wrote to memory and to disks in the last second.
    pub(crate) fn rates(&self, now: Instant) -> (BytesPerSecond, BytesPerSecond) {
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        (meters.memory.rate(now), meters.disk.rate(now))
    }

    pub(crate) fn set_thread(&self, id: i64) {
        self.thread.store(id, Ordering::Relaxed);
    }

    pub(crate) fn thread(&self) -> i64 {
        self.thread.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// The vCPUs as lanes.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = Lane> {
        let cpus = u32::try_from(self.cpus.len()).expect("there are few vCPUs");
        (0..cpus).map(move |cpu| Lane { cpu, cpus })
    }

    /// Says something on the serial console.
    pub(crate) fn say(&self, text: &str) {
        self.serial.line(self.clock.now(), text);
    }

    /// Whether all vCPUs have filled what they fill first.
    pub(crate) fn is_filled(&self) -> bool {
        self.lanes()
            .zip(&self.cpus)
            .all(|(lane, cpu)| cpu.progress.get().filled >= lane.count(self.fill.get()))
    }

    /// A vCPU has filled what it fills first; the last says so.
    pub(crate) fn end_of_boot(&self) {
        let is_last = self.control.change(|orders| {
            let is_last = orders.boot == Boot::UnderWay && self.is_filled();
            if is_last {
                orders.boot = Boot::Over;
            }
            is_last
        });
        if is_last {
            self.say("booted");
        }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn wall(&self) -> u64 {
        u64::try_from(self.clock.wall().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.name)
            .field("seed", &self.seed)
            .field("memory", &self.memory)
            .field("disks", &self.disks)
            .finish_non_exhaustive()
    }
}
