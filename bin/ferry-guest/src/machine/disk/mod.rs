//! Disks: files of blocks of 4 KiB, which one process at a time may write.
//!
//! Blocks are counted with the words for pages. A guest opens its disks when it is made and takes the
//! right to write them when it runs, for a disk that two hosts share belongs to one of two guests at
//! a time. The right is an exclusive lock of the file, which Linux takes back from whoever dies.

mod file;
mod log;
mod stats;

pub use log::DiskLog;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use ferry_qmp::words::BlockDeviceStats;
use ferry_runtime::Clock;
use ferry_units::{Bytes, PageCount, PageRun, PageSet, PageSize};

use super::content::Place;
use super::error::MachineError;
use log::Logs;
use stats::{Operation, Stats};

/// What a disk is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSpec {
    /// Its file.
    pub path: PathBuf,
    /// Its size, a multiple of 4 KiB. A file that is missing or empty is made that large, of holes;
    /// any other must have it. Without one the file must be there.
    pub size: Option<Bytes>,
    /// Whose it is.
    pub kind: DiskKind,
}

/// Whose a disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiskKind {
    /// This host's: its contents move with the guest.
    Local,
    /// Both hosts': the right to write it moves.
    Shared,
}

/// A disk.
#[derive(Debug)]
pub struct Disk {
    id: String,
    spec: DiskSpec,
    blocks: PageCount,
    file: File,
    /// Whether this guest may write. Whoever writes holds it for reading, so whoever gives it up
    /// waits for what is on its way.
    right: RwLock<Right>,
    logs: Arc<Logs>,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Held,
    NotHeld,
}

impl Disk {
    /// Opens the disk `number`, counted from 0. It may be read then, and written once it is
    /// [taken](Self::take).
    ///
    /// # Errors
    /// [`MachineError::File`] and [`MachineError::DiskSize`].
    pub fn open(number: usize, spec: &DiskSpec) -> Result<Self, MachineError> {
        let failed = |source| MachineError::File { path: spec.path.clone(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(spec.size.is_some()).truncate(false);
        let file = options.open(&spec.path).map_err(failed)?;
        let length = Bytes::new(file.metadata().map_err(failed)?.len());
        let size = spec.size.unwrap_or(length);
        let refused = |found, accepted| {
            Err(MachineError::DiskSize { path: spec.path.clone(), found, accepted })
        };
        let blocks = PageSize::KIB_4.pages_in(size);
        if size.is_zero() || blocks.bytes(PageSize::KIB_4) != size || blocks.get() > Place::MOST {
            return refused(size, "a multiple of 4 KiB, at least one".to_owned());
        }
        if length.is_zero() {
            file.set_len(size.get()).map_err(failed)?;
        } else if length != size {
            return refused(length, format!("a size of {} bytes, or none", length.get()));
        }
        Ok(Self {
            id: format!("disk{number}"),
            spec: spec.clone(),
            blocks,
            file,
            right: RwLock::new(Right::NotHeld),
            logs: Arc::default(),
            stats: Stats::new(Clock::system()),
        })
    }

    /// What a guest calls it: `disk0` and so on.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.spec.path
    }

    /// How many blocks of 4 KiB it has.
    pub fn blocks(&self) -> PageCount {
        self.blocks
    }

    /// Whose it is.
    pub fn kind(&self) -> DiskKind {
        self.spec.kind
    }

    /// Takes the right to write, if it is not held already.
    ///
    /// # Errors
    /// [`MachineError::DiskBusy`] while another process, or another [`Disk`] of this one, holds it,
    /// and [`MachineError::File`].
    pub fn take(&self) -> Result<(), MachineError> {
        let mut right = self.right.write().unwrap_or_else(PoisonError::into_inner);
        if *right == Right::Held {
            return Ok(());
        }
        self.file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => MachineError::DiskBusy { path: self.spec.path.clone() },
            TryLockError::Error(source) => {
                MachineError::File { path: self.spec.path.clone(), source }
            }
        })?;
        *right = Right::Held;
        Ok(())
    }

    /// Gives the right to write up, after the writes that are on their way.
    pub fn release(&self) {
        let mut right = self.right.write().unwrap_or_else(PoisonError::into_inner);
        if *right == Right::Held {
            *right = Right::NotHeld;
            if let Err(error) = self.file.unlock() {
                tracing::warn!(disk = self.id, %error, "the lock of a disk stays until it is closed");
            }
        }
    }

    /// Whether the right to write is held.
    pub fn is_taken(&self) -> bool {
        *self.right.read().unwrap_or_else(PoisonError::into_inner) == Right::Held
    }

    /// Reads the blocks of `run`.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for blocks that are not there or a buffer of
    /// another length, and what Linux says.
    pub fn read(&self, run: PageRun, into: &mut [u8]) -> io::Result<()> {
        let offset = self.offset(run, Some(into.len()))?;
        self.stats.timed(Operation::Read, run, || self.file.read_exact_at(into, offset.get()))
    }

    /// Writes the blocks of `run`, and marks them in every log.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`PermissionDenied`](io::ErrorKind::PermissionDenied) unless the
    /// disk is [taken](Self::take). After an error any of the blocks may have been written.
    pub fn write(&self, run: PageRun, from: &[u8]) -> io::Result<()> {
        let offset = self.offset(run, Some(from.len()))?;
        self.change(run, || self.file.write_all_at(from, offset.get()))
    }

    /// Makes the blocks of `run` zero, as a hole where the file system can.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn zero(&self, run: PageRun) -> io::Result<()> {
        let offset = self.offset(run, None)?;
        self.change(run, || file::zero(&self.file, offset, run.bytes()))
    }

    /// The blocks that the file has anything for; all others are zero.
    ///
    /// # Errors
    /// What Linux says.
    pub fn allocated(&self) -> io::Result<PageSet> {
        file::allocated(&self.file, self.blocks)
    }

    /// Begins to follow writes, with nothing: a write that a reader who begins after this cannot see
    /// is in a later harvest.
    pub fn log(&self) -> DiskLog {
        DiskLog::new(&self.logs, self.blocks)
    }

    /// Has everything that was written reach the medium.
    ///
    /// # Errors
    /// What Linux says.
    pub fn flush(&self) -> io::Result<()> {
        self.stats.timed(Operation::Flush, PageRun::default(), || self.file.sync_data())
    }

    /// What happened on it.
    pub fn stats(&self) -> BlockDeviceStats {
        self.stats.get()
    }

    /// Writes by way of `write`, and then marks: whoever takes a mark and reads sees the data.
    fn change(&self, run: PageRun, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let right = self.right.read().unwrap_or_else(PoisonError::into_inner);
        match *right {
            Right::NotHeld => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("{} was not taken, so it must not be written", self.id),
            )),
            Right::Held => {
                let written = self.stats.timed(Operation::Write, run, write);
                // Also after an error: a part may have been written.
                self.logs.mark(run);
                written
            }
        }
    }

    fn offset(&self, run: PageRun, buffer: Option<usize>) -> io::Result<Bytes> {
        let fits = buffer.is_none_or(|length| length as u64 == run.bytes().get());
        let offset = PageSize::KIB_4.offset_of(run.first());
        let is_here = run.end().get() <= self.blocks.get();
        offset.filter(|_| fits && is_here).ok_or_else(|| {
            let text = format!("blocks {run} of {}, which has {}", self.id, self.blocks);
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
    }
}

#[cfg(test)]
mod tests;
