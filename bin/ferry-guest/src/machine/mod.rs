//! A stand-in for what runs, until the real one is here.

#![allow(dead_code, clippy::needless_pass_by_value, clippy::unwrap_used)]

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::{fmt, thread};

use ferry_memory::{GuestMemory, Stopped};
use ferry_qmp::words::{
    BlockDeviceStats, CalcDirtyRate, DirtyRateInfo, DirtyRateMeasureMode, DirtyRateStatus, Empty,
    Fault, Milliseconds, TimeUnit, VerifyReport, VerifyScope, Workload, WorkloadInfo,
    WorkloadPattern,
};
use ferry_runtime::Clock;
use ferry_units::{Bytes, BytesPerSecond, PageCount, PageSize};

/// Why a machine does not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A workload that nobody knows.
    #[error("workload {0:?}: give it idle")]
    Workload(String),
    /// A disk.
    #[error("disk {path}", path = .path.display())]
    Disk {
        /// Its file.
        path: PathBuf,
        /// What Linux said.
        source: io::Error,
    },
}

/// Where lines of the serial console go.
#[derive(Debug)]
pub struct Serial(Option<std::fs::File>);

impl Serial {
    /// To a file, or nowhere.
    pub fn open(path: Option<&Path>) -> Result<Self, MachineError> {
        let open = |path: &Path| {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
            file.map_err(|source| MachineError::Disk { path: path.to_owned(), source })
        };
        path.map(open).transpose().map(Self)
    }
}

/// How verification reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The guest runs.
    Running,
    /// It stands still.
    Still,
}

/// What a machine is.
#[derive(Debug)]
pub struct MachineConfig {
    /// Name.
    pub name: String,
    /// Identity.
    pub uuid: String,
    /// vCPUs.
    pub cpus: u32,
    /// Seed.
    pub seed: u64,
    /// Workload.
    pub workload: Workload,
    /// Filled first.
    pub fill: Bytes,
    /// Console.
    pub serial: Serial,
    /// Clock.
    pub clock: Clock,
}

/// What runs.
#[derive(Clone)]
pub struct Machine(Arc<Inner>);

struct Inner {
    memory: GuestMemory,
    disks: Vec<Arc<Disk>>,
    seed: u64,
    clock: Clock,
    threads: Mutex<Vec<i64>>,
    first: AtomicU64,
    armed: AtomicBool,
    resets: AtomicU64,
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine").finish_non_exhaustive()
    }
}

/// Reads a workload.
pub fn parse_workload(text: &str) -> Result<Workload, MachineError> {
    match text {
        "idle" => Ok(idle()),
        other => Err(MachineError::Workload(other.to_owned())),
    }
}

fn idle() -> Workload {
    Workload {
        pattern: WorkloadPattern::Idle(Empty {}),
        rate: None,
        working_set: None,
        read_share: None,
        contents: None,
    }
}

impl Machine {
    /// Boots.
    pub fn boot(
        config: MachineConfig,
        memory: GuestMemory,
        disks: Vec<Arc<Disk>>,
        _on_fault: impl Fn(Fault) + Send + Sync + 'static,
    ) -> Result<Self, MachineError> {
        let inner = Arc::new(Inner {
            memory,
            disks,
            seed: config.seed,
            clock: config.clock,
            threads: Mutex::new(Vec::new()),
            first: AtomicU64::new(0),
            armed: AtomicBool::new(false),
            resets: AtomicU64::new(0),
        });
        for number in 0..config.cpus {
            let inner = Arc::clone(&inner);
            let pause = Arc::new((Mutex::new(()), Condvar::new()));
            let work = move || loop {
                let mut running = inner.memory.enter();
                if inner.armed.swap(false, Ordering::Relaxed) {
                    let now = u64::try_from(inner.clock.wall().as_nanos()).unwrap_or(u64::MAX);
                    inner.first.store(now, Ordering::Relaxed);
                }
                running.checkpoint();
                running.outside(|| {
                    let held = pause.0.lock().unwrap();
                    drop(pause.1.wait_timeout(held, std::time::Duration::from_millis(5)).unwrap());
                });
            };
            let builder = thread::Builder::new().name(format!("CPU {number}/ferry"));
            builder.stack_size(256 << 10).spawn(work).expect("threads can be made");
        }
        Ok(Self(inner))
    }

    /// Memory.
    pub fn memory(&self) -> &GuestMemory {
        &self.0.memory
    }
    /// Disks.
    pub fn disks(&self) -> &[Arc<Disk>] {
        &self.0.disks
    }
    /// Seed.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }
    /// Threads.
    pub fn thread_ids(&self) -> Vec<i64> {
        self.0.threads.lock().unwrap().clone()
    }
    /// Arms.
    pub fn arm_first_instruction(&self) {
        self.0.first.store(0, Ordering::Relaxed);
        self.0.armed.store(true, Ordering::Relaxed);
    }
    /// First instruction.
    pub fn first_instruction(&self) -> Option<u64> {
        Some(self.0.first.load(Ordering::Relaxed)).filter(|&at| at > 0)
    }
    /// The same, after a while.
    pub fn wait_first_instruction(&self, at_most: std::time::Duration) -> Option<u64> {
        self.0.clock.wait_until(self.0.clock.now() + at_most);
        self.first_instruction()
    }
    /// Says it.
    pub fn say(&self, _line: &str) {}
    /// Saves.
    pub fn save(&self, _stopped: &Stopped, _into: &mut Vec<u8>) -> Result<(), MachineError> {
        Ok(())
    }
    /// Workload.
    pub fn workload(&self) -> WorkloadInfo {
        WorkloadInfo {
            workload: idle(),
            memory_rate: BytesPerSecond::new(0),
            disk_rate: BytesPerSecond::new(0),
            written: Bytes::ZERO,
        }
    }
    /// Sets it.
    pub fn set_workload(&self, _workload: Workload) -> Result<(), MachineError> {
        Ok(())
    }
    /// Verifies.
    pub fn verify(
        &self,
        _scope: VerifyScope,
        _access: Access,
    ) -> Result<VerifyReport, MachineError> {
        Ok(VerifyReport {
            pages: self.0.memory.ram().pages(),
            blocks: 0,
            wrong: 0,
            faults: Vec::new(),
            duration: Milliseconds(0),
        })
    }
    /// Resets.
    pub fn reset(&self) {
        self.0.resets.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a disk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// File.
    pub path: PathBuf,
    /// Size.
    pub size: Option<Bytes>,
    /// Kind.
    pub kind: DiskKind,
}

/// Whose a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskKind {
    /// Moves with the guest.
    Local,
    /// Both see it.
    Shared,
}

/// A disk.
#[derive(Debug)]
pub struct Disk {
    id: String,
    path: PathBuf,
    blocks: PageCount,
    kind: DiskKind,
}

impl Disk {
    /// Opens.
    pub fn open(number: usize, spec: &DiskSpec) -> Result<Self, MachineError> {
        let failed = |source| MachineError::Disk { path: spec.path.clone(), source };
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true).create(spec.size.is_some());
        let file = options.open(&spec.path).map_err(failed)?;
        if let Some(size) = spec.size {
            file.set_len(size.get()).map_err(failed)?;
        }
        let size = Bytes::new(file.metadata().map_err(failed)?.len());
        let blocks = PageSize::KIB_4.pages_in(size);
        Ok(Self { id: format!("disk{number}"), path: spec.path.clone(), blocks, kind: spec.kind })
    }
    /// Id.
    pub fn id(&self) -> &str {
        &self.id
    }
    /// Path.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Blocks.
    pub fn blocks(&self) -> PageCount {
        self.blocks
    }
    /// Kind.
    pub fn kind(&self) -> DiskKind {
        self.kind
    }
    /// Takes.
    pub fn take(&self) -> Result<(), MachineError> {
        Ok(())
    }
    /// Whether it is taken.
    pub fn is_taken(&self) -> bool {
        true
    }
    /// Releases.
    pub fn release(&self) {}
    /// Flushes.
    pub fn flush(&self) -> io::Result<()> {
        Ok(())
    }
    /// Stats.
    pub fn stats(&self) -> BlockDeviceStats {
        BlockDeviceStats::default()
    }
}

/// How fast it writes.
#[derive(Debug)]
pub struct DirtyRate;

impl DirtyRate {
    /// None.
    pub fn new(_clock: Clock) -> Self {
        Self
    }
    /// Status.
    pub fn status(&self) -> DirtyRateStatus {
        DirtyRateStatus::Unstarted
    }
    /// Starts.
    pub fn start(&self, _machine: &Machine, _command: &CalcDirtyRate) -> Result<(), MachineError> {
        Ok(())
    }
    /// Info.
    pub fn info(&self, unit: TimeUnit) -> DirtyRateInfo {
        DirtyRateInfo {
            dirty_rate: None,
            status: DirtyRateStatus::Unstarted,
            start_time: 0,
            calc_time: 0,
            calc_time_unit: unit,
            sample_pages: 0,
            mode: DirtyRateMeasureMode::PageSampling,
            vcpu_dirty_rate: None,
        }
    }
}
