//! What runs: a guest that knows what every byte of its memory and disks should be.
//!
//! ```text
//!   workload ──► plan ──► vCPU threads ──► memory (ferry-memory) and disks
//!                            │   ▲               │
//!               progress ◄───┘   │ control       │ verify: contents against tables
//!                  │             │               ▼
//!                  └──► state (save, restore) ◄── tables: 16 bits for each page and block
//! ```
//!
//! Everything that decides is a value without threads or clocks: contents, patterns,
//! paces, plans, tables and the device state. Around them are the threads, the files, and the orders
//! that pass between.

mod build;
mod chance;
mod coding;
mod content;
mod control;
mod dirty_rate;
mod disk;
mod entry;
mod error;
mod meter;
mod pacer;
mod pattern;
mod plan;
mod progress;
mod serial;
mod shared;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod vcpu;
mod verify;
mod workload;
mod zipf;

pub use coding::StateError;
pub use dirty_rate::{DirtyRate, DirtyRateError};
pub use disk::{Disk, DiskKind, DiskLog, DiskSpec};
pub use error::MachineError;
pub use serial::Serial;
pub use verify::Access;
pub use workload::WorkloadError;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use ferry_memory::{GuestMemory, MemoryError, Stopped};
use ferry_qmp::WorkloadText;
use ferry_qmp::words::{Fault, VerifyReport, VerifyScope, Workload, WorkloadInfo};
use ferry_runtime::Clock;
use ferry_units::{Bytes, BytesPerSecond, PageSize};

use build::shape;
use control::{Boot, First, Life};
use pacer::Throttle;
use progress::Progress;
use shared::{Cpu, Shared};
use state::{State, View};
use table::Table;
use workload::{Limits, check};

/// How a guest is made.
#[derive(Debug)]
pub struct MachineConfig {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// How many vCPUs it has.
    pub cpus: u32,
    /// What all its contents and choices are drawn from. That of a guest that arrives counts more.
    pub seed: u64,
    /// What it works on; that of a guest that arrives counts more.
    pub workload: Workload,
    /// How much of its memory it fills first, from the start, as an operating system that boots: as
    /// fast as it can, when it is let run.
    pub fill: Bytes,
    /// Its console.
    pub serial: Serial,
    /// The time.
    pub clock: Clock,
}

/// A guest: memory, vCPUs, disks. Clones are the same guest; when the last goes, its threads end.
#[derive(Clone)]
pub struct Machine {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The most vCPUs.
const MOST_CPUS: u32 = 1024;

/// How long to wait for threads that begin or end, which takes far less if they can.
const PATIENCE: Duration = Duration::from_secs(1);

impl Machine {
    /// A new guest. Its vCPUs begin when `memory` may run; the caller may hold it still. Blocks of
    /// `disks` that a guest of the same seed wrote are known again.
    ///
    /// `on_fault` is called by a vCPU that finds something wrong, which does nothing more then; it
    /// may stop the guest.
    ///
    /// # Errors
    /// What of `config` cannot be, [`MachineError::File`] and [`MachineError::Thread`].
    pub fn boot(
        config: MachineConfig,
        memory: GuestMemory,
        disks: Vec<Arc<Disk>>,
        on_fault: impl Fn(Fault) + Send + Sync + 'static,
    ) -> Result<Self, MachineError> {
        let shape = shape(&config, &memory, &disks)?;
        let limits = Limits { memory: shape.memory, cpus: shape.cpus, disks: disks.len() };
        check(&config.workload, limits)?;
        if config.fill > memory.ram().size() {
            let memory = memory.ram().size();
            return Err(MachineError::Fill { fill: config.fill, memory });
        }
        let blocks = disks.iter().enumerate().map(|(number, disk)| {
            let failed = |source| MachineError::File { path: disk.path().to_owned(), source };
            verify::adopt(number, disk, config.seed).map_err(failed)
        });
        let state = State {
            seed: config.seed,
            workload: config.workload.clone(),
            fill: PageSize::KIB_4.pages_in(config.fill),
            progress: (0..config.cpus).map(|cpu| Progress::new(config.seed, cpu)).collect(),
            pages: Table::never_written(shape.memory),
            blocks: blocks.collect::<Result<_, _>>()?,
        };
        let machine = Self::assemble(config, memory, disks, state, Box::new(on_fault));
        machine.introduce("boot");
        machine.start()
    }

    /// A guest that has arrived: everything about it but its memory and disks is in `state`, as
    /// [`save`](Self::save) wrote it. It goes on where it stood when `memory` may run.
    ///
    /// # Errors
    /// [`MachineError::State`] for a state that is none, or of a guest that is made differently;
    /// [`MachineError::Workload`] and [`MachineError::Thread`].
    pub fn restore(
        config: MachineConfig,
        memory: GuestMemory,
        disks: Vec<Arc<Disk>>,
        state: &[u8],
        on_fault: impl Fn(Fault) + Send + Sync + 'static,
    ) -> Result<Self, MachineError> {
        let shape = shape(&config, &memory, &disks)?;
        let state = State::restore(state, &shape)?;
        let machine = Self::assemble(config, memory, disks, state, Box::new(on_fault));
        machine.introduce("arrived");
        machine.start()
    }

    /// Appends the device state: all about the guest but its memory and disks. Takes about 0.2 ms
    /// for each GiB of memory.
    ///
    /// # Errors
    /// [`MemoryError::AnotherGuest`] unless `stopped` is of this guest.
    pub fn save(&self, stopped: &Stopped, into: &mut Vec<u8>) -> Result<(), MachineError> {
        let shared = self.shared();
        if !std::ptr::eq(stopped.memory().ram(), shared.memory.ram()) {
            return Err(MemoryError::AnotherGuest.into());
        }
        let (orders, _) = shared.control.orders();
        // A vCPU that stands still may not have heard yet what changed.
        let progress: Vec<_> = (0..)
            .zip(&shared.cpus)
            .map(|(cpu, each)| {
                each.progress.get().told(orders.news, Progress::new(shared.seed, cpu))
            })
            .collect();
        let view = View {
            seed: shared.seed,
            workload: &orders.workload,
            fill: shared.fill,
            progress: &progress,
            pages: &shared.pages,
            blocks: &shared.blocks,
        };
        view.save(into);
        Ok(())
    }

    /// Its UUID.
    pub fn uuid(&self) -> &str {
        &self.shared().uuid
    }

    /// How many vCPUs it has.
    pub fn cpus(&self) -> u32 {
        u32::try_from(self.shared().cpus.len()).unwrap_or(u32::MAX)
    }

    /// Its memory.
    pub fn memory(&self) -> &GuestMemory {
        &self.shared().memory
    }

    /// Its disks.
    pub fn disks(&self) -> &[Arc<Disk>] {
        &self.shared().disks
    }

    /// What its contents are drawn from.
    pub fn seed(&self) -> u64 {
        self.shared().seed
    }

    /// Linux's numbers of the threads of its vCPUs.
    pub fn thread_ids(&self) -> Vec<i64> {
        self.shared().cpus.iter().map(Cpu::thread).collect()
    }

    /// Slows vCPUs down: after every millisecond of work each rests p / (1 - p) times as long, for
    /// `percent` of at most 99. 0 is off.
    pub fn throttle(&self, percent: u8) {
        self.shared().control.set_throttle(percent.min(Throttle::MOST));
    }

    /// The next vCPU that runs notes when that was. To be called while the guest stands still; a
    /// guest that was just made has done it.
    pub fn arm_first_instruction(&self) {
        self.shared().control.change(|orders| orders.first = First::Wanted);
    }

    /// When a vCPU first ran after that, in nanoseconds since 1970, if one did.
    pub fn first_instruction(&self) -> Option<u64> {
        self.wait_first_instruction(Duration::ZERO)
    }

    /// The same, after waiting for it for `at_most` so long.
    pub fn wait_first_instruction(&self, at_most: Duration) -> Option<u64> {
        match self.shared().control.wait_first(at_most) {
            First::Wanted => None,
            First::At(nanos) => Some(nanos),
        }
    }

    /// Whether it has filled what it fills first.
    pub fn is_booted(&self) -> bool {
        self.shared().control.orders().0.boot == Boot::Over
    }

    /// What it works on, and how that goes.
    pub fn workload(&self) -> WorkloadInfo {
        let shared = self.shared();
        let now = shared.clock.now();
        let rates = shared.cpus.iter().map(|cpu| cpu.rates(now));
        let sum = |sum: BytesPerSecond, rate: BytesPerSecond| {
            BytesPerSecond::new(sum.get().saturating_add(rate.get()))
        };
        let (memory_rate, disk_rate) = rates.fold(Default::default(), |(memory, disk), each| {
            (sum(memory, each.0), sum(disk, each.1))
        });
        let written = shared.cpus.iter().map(|cpu| Bytes::new(cpu.progress.get().written)).sum();
        let workload = Workload::clone(&shared.control.orders().0.workload);
        WorkloadInfo { workload, memory_rate, disk_rate, written }
    }

    /// How fast each vCPU really writes to memory, lately.
    pub fn vcpu_rates(&self) -> Vec<BytesPerSecond> {
        let now = self.shared().clock.now();
        self.shared().cpus.iter().map(|cpu| cpu.rates(now).0).collect()
    }

    /// Gives it something else to work on, which its vCPUs begin with at once.
    ///
    /// # Errors
    /// [`MachineError::Workload`].
    pub fn set_workload(&self, workload: Workload) -> Result<(), MachineError> {
        let shared = self.shared();
        let cpus = u32::try_from(shared.cpus.len()).unwrap_or(MOST_CPUS);
        let memory = shared.memory.ram().pages();
        check(&workload, Limits { memory, cpus, disks: shared.disks.len() })?;
        let line = format!("workload: {}", WorkloadText(&workload));
        shared.control.change(|orders| {
            orders.workload = Arc::new(workload);
            orders.news.workloads += 1;
        });
        shared.say(&line);
        Ok(())
    }

    /// Checks that every page and block has the content that it was last given.
    ///
    /// # Errors
    /// [`MachineError::Incomplete`] for a guest that stands still and waits for pages, and what
    /// memory or a disk says.
    pub fn verify(&self, scope: VerifyScope, access: Access) -> Result<VerifyReport, MachineError> {
        verify::verify(self.shared(), scope, access)
    }

    /// Begins its work again from the start, the boot included. Memory and disks keep what they
    /// hold.
    pub fn reset(&self) {
        self.shared().control.change(|orders| {
            orders.news.resets += 1;
            orders.boot = Boot::UnderWay;
        });
        self.shared().say("reset");
    }

    /// Says something on its console.
    pub fn say(&self, line: &str) {
        self.shared().say(line);
    }

    /// Ends the threads of its vCPUs and waits for them. One that stands still because somebody
    /// holds a [`Stopped`] is not waited for: it ends, without another instruction, when it is let
    /// go. A guest that has ended does not run again.
    pub fn end(&self) {
        let control = &self.shared().control;
        control.change(|orders| orders.life = Life::Ends);
        if control.wait_alive(0, PATIENCE) > 0 {
            return;
        }
        let threads = &self.inner.threads;
        for thread in threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("the thread of a vCPU panicked");
            }
        }
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.control.change(|orders| orders.life = Life::Ends);
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Machine").field(self.shared()).finish()
    }
}
