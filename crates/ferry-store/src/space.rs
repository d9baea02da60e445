//! Is there room for a write? sled must not find out by itself.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::statvfs;

use crate::error::StoreError;
use crate::options::StoreOptions;
use crate::recent;

/// Each byte of an entry costs sled up to so many, for it rewrites a page of neighbours when a page is
/// split or consolidated.
const AMPLIFICATION: u64 = 4;

/// Of an entry that gets a file beside sled, each byte costs one. So much may be counted that way:
/// where no file can be begun sled takes the entry after all, which the smallest reserve has room for.
const BESIDE: u64 = 4 << 20;

/// Room is where so much could be written. A single small write needs less: so whoever waits for room
/// does not find himself without any at once.
const MARGIN: u64 = 256 << 10;

/// There is ample room where so much more is free than is left alone: the largest write that an API
/// server takes, 3 MiB, and some more. So it does not come and go with each write at the edge.
const AMPLE: u64 = 16 << 20;

/// What tells how many bytes of the file system of a path are free. Tests have others than the
/// operating system.
#[derive(Clone)]
pub struct Disk(Arc<Free>);

type Free = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

impl Disk {
    /// One that says what `free` says.
    pub fn saying(free: impl Fn(&Path) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(free))
    }

    fn free(&self, dir: &Path) -> Result<u64, StoreError> {
        (self.0)(dir).map_err(StoreError::io("examine", dir))
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::saying(|dir| {
            let stat = statvfs(dir)?;
            Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
        })
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Disk")
    }
}

/// Whether a journal has room for ordinary writes. It can be asked while somebody else writes.
#[derive(Clone, Debug)]
pub struct Room {
    dir: PathBuf,
    reserve: u64,
    disk: Disk,
}

impl Room {
    /// The room in `dir` of which `options` leave some alone.
    pub fn new(dir: &Path, options: &StoreOptions) -> Self {
        Self { dir: dir.to_owned(), reserve: options.reserve, disk: options.disk.clone() }
    }

    /// Refuses if not even a group of small writes would be taken.
    pub fn check(&self) -> Result<(), StoreError> {
        check(&self.disk, &self.dir, self.reserve, in_sled(MARGIN))
    }

    /// Refuses if there is not so much that any write would be taken. Whoever has found no room waits
    /// for this.
    pub fn check_ample(&self) -> Result<(), StoreError> {
        check(&self.disk, &self.dir, self.reserve, AMPLE)
    }
}

/// What `bytes` cost that sled takes.
pub(crate) const fn in_sled(bytes: u64) -> u64 {
    bytes.saturating_mul(AMPLIFICATION)
}

/// What an entry of `bytes` costs.
pub(crate) fn of_entry(bytes: u64) -> u64 {
    let beside = if bytes > recent::LARGEST as u64 { bytes.min(BESIDE) } else { 0 };
    beside.saturating_add(in_sled(bytes - beside))
}

/// Refuses if what costs so much would touch the reserve.
pub(crate) fn check(disk: &Disk, dir: &Path, reserve: u64, cost: u64) -> Result<(), StoreError> {
    let free = disk.free(dir)?;
    let needed = reserve.saturating_add(cost);
    if free < needed {
        return Err(StoreError::NoSpace { path: dir.to_owned(), free, needed });
    }
    Ok(())
}

/// What a directory and those in it occupy.
pub(crate) fn used(dir: &Path) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed since it was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // Linux counts blocks of 512 bytes whatever the file system's are.
        sum += metadata.blocks() * 512;
        if metadata.is_dir() {
            sum += used(&entry.path())?;
        }
    }
    Ok(sum)
}
