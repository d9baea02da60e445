//! A disk that is full: a testbed on a small file system of its own, and a file that takes all of it.
//!
//! Nobody's real disk is ever filled: a file system must be small, so that it is there for this.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ferry_units::Bytes;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::Dir;
use crate::size_text;

/// The largest file system that is filled: whoever has a larger one may need it.
const LARGEST: Bytes = Bytes::from_gib(1);

/// The file that takes what is free, in the testbed's directory.
const FILE: &str = "ballast";

/// A file system in memory, of a size, that a directory is on. It goes with this value.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Puts `path`, which is there, on one.
    pub(crate) fn mount(path: &Path, size: Bytes) -> Result<Self> {
        let options = format!("size={},mode=700", size.get());
        let options = std::ffi::CString::new(options).context("options of a mount")?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("ferry", path, "tmpfs", flags, Some(options.as_c_str())).with_context(|| {
            format!(
                "a disk of {} for {} (only root may mount one)",
                size_text(size),
                path.display()
            )
        })?;
        Ok(Self { path: path.to_owned() })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nobody is left who could use it; a shell that stands in it keeps its own view.
        if let Err(error) = unmount(&self.path, UnmountFlags::DETACH) {
            eprintln!("the disk at {} stays mounted: {error}", self.path.display());
        }
    }
}

/// Leaves nothing free where the testbed is.
pub(crate) fn fill(dir: &Dir) -> Result<()> {
    let failed = || format!("filling the disk of {}", dir.path().display());
    let found = statvfs(dir.path()).with_context(failed)?;
    let size = Bytes::new(found.f_blocks.saturating_mul(found.f_frsize));
    if size > LARGEST {
        bail!(
            "{} is on a file system of {size}, which may be needed: give the testbed a disk of its own of \
             at most {LARGEST}",
            dir.path().display()
        );
    }
    let file = OpenOptions::new().append(true).create(true).open(dir.path().join(FILE));
    let file = file.with_context(failed)?;
    // Somebody may free or take some meanwhile; after a few rounds there is nothing left to take.
    loop {
        let free = statvfs(dir.path()).with_context(failed)?;
        let free = free.f_bfree.saturating_mul(free.f_frsize);
        if free == 0 {
            return Ok(());
        }
        let length = file.metadata().with_context(failed)?.len();
        match fallocate(&file, FallocateFlags::empty(), length, free) {
            Ok(()) | Err(Errno::INTR) => {}
            Err(Errno::NOSPC) => return Ok(()),
            Err(error) => return Err(error).with_context(failed),
        }
    }
}

/// Ends a [`fill`].
pub(crate) fn free(dir: &Dir) -> Result<()> {
    let path = dir.path().join(FILE);
    // Emptied first: what somebody has open takes its space for as long as he has.
    let emptied = OpenOptions::new().write(true).truncate(true).open(&path);
    match emptied.and_then(|_| fs::remove_file(&path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_small_disk_is_filled_and_it_is_freed_again() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let found = statvfs(dir.path()).unwrap();
        if found.f_blocks * found.f_frsize > LARGEST.get() {
            let error = fill(&dir).unwrap_err().to_string();
            assert!(error.contains("which may be needed"), "{error}");
        }
        match Disk::mount(dir.path(), Bytes::from_mib(4)) {
            Ok(_disk) => {
                fs::write(dir.path().join("before"), [1; 4096]).unwrap();
                fill(&dir).unwrap();
                let error = fs::write(dir.path().join("after"), [1; 4096]).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                // As a process that is being started does for a moment.
                let _held = fs::File::open(dir.path().join(FILE)).unwrap();
                free(&dir).unwrap();
                fs::write(dir.path().join("after"), [1; 4096]).unwrap();
            }
            // A user who may not mount is told so.
            Err(error) => assert!(error.to_string().contains("only root may"), "{error:#}"),
        }
        assert!(!dir.path().join("before").exists(), "the disk has gone");
    }
}
