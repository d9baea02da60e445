//! Everything that a machine refuses.

use std::io;
use std::path::PathBuf;

use ferry_memory::MemoryError;
use ferry_units::{Bytes, PageCount};
use thiserror::Error;

use super::coding::StateError;
use super::dirty_rate::DirtyRateError;
use super::workload::WorkloadError;

/// Why a machine did not do what it was asked for.
#[derive(Debug, Error)]
pub enum MachineError {
    /// A workload that it cannot work on.
    #[error(transparent)]
    Workload(#[from] WorkloadError),

    /// The state of a guest that this machine cannot go on with.
    #[error("the device state cannot be restored")]
    State(#[from] StateError),

    /// Its memory.
    #[error("guest memory failed")]
    Memory(#[from] MemoryError),

    /// A measurement that cannot begin.
    #[error(transparent)]
    DirtyRate(#[from] DirtyRateError),

    /// A number of vCPUs that no guest has.
    #[error("{given} vCPUs: give it 1 to {most}, and a page of memory each")]
    Cpus {
        /// What was asked for.
        given: u32,
        /// The most.
        most: u32,
    },

    /// More disks than a guest can have.
    #[error("{given} disks: a guest has at most {most}")]
    Disks {
        /// What was asked for.
        given: usize,
        /// The most.
        most: usize,
    },

    /// More to fill than there is.
    #[error("{fill} of memory to fill at boot, of {memory} that there is; fill that much at most")]
    Fill {
        /// What was asked for.
        fill: Bytes,
        /// All memory.
        memory: Bytes,
    },

    /// A thread that Linux does not give.
    #[error("cannot start the thread of vCPU {cpu}")]
    Thread {
        /// For which vCPU.
        cpu: u32,
        /// What Linux said.
        source: io::Error,
    },

    /// A thread that Linux does not give.
    #[error("cannot start the thread that measures")]
    Measure {
        /// What Linux said.
        source: io::Error,
    },

    /// A file that cannot be opened or used.
    #[error("cannot use {}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What Linux said.
        source: io::Error,
    },

    /// A disk of a size that none has, or of another size than its file.
    #[error("{} has {found}; give the disk {accepted}", .path.display())]
    DiskSize {
        /// Its file.
        path: PathBuf,
        /// What it has or should have had.
        found: Bytes,
        /// What is accepted.
        accepted: String,
    },

    /// A disk that another process writes to.
    #[error("{} is in use by another guest; end that one first", .path.display())]
    DiskBusy {
        /// Its file.
        path: PathBuf,
    },

    /// A guest that stands still and has not got all of its memory, so it cannot be checked.
    #[error("{missing} have not arrived yet; let the guest run, or wait for them, to check it")]
    Incomplete {
        /// How many.
        missing: PageCount,
    },
}
