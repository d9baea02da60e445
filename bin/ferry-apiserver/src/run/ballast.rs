//! Space that is set aside while there is plenty, and let go of when a start finds none.
//!
//! A start has to write a little before anybody can be served: sled's snapshot of its pages, who holds
//! the lock, where the server listens. On a full disk it could not, and whoever is to make space with
//! it would be locked out. So there is a file in the data directory that is only there to be removed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ferry_store::StoreOptions;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// What a start writes, with 10,000 objects less than 1 MiB, and the first deletions by which somebody
/// makes space.
const NEEDED: u64 = 4 << 20;

/// How much is set aside: deletions are taken with more than the last reserve, and some thousands of
/// them are to fit.
const SIZE: u64 = StoreOptions::LAST_RESERVE + 4 * NEEDED;

/// With less than this free, a start might not get through, or no deletion after it.
const LEAST_FREE: u64 = StoreOptions::LAST_RESERVE + NEEDED;

/// On a smaller file system it would be a good part of all there is.
const SMALLEST: u64 = 16 * SIZE;

/// The file in a data directory.
#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(super) fn of(dir: &Path) -> Self {
        Self { path: dir.join("ballast") }
    }

    /// Lets go of it where little is `free`. Says whether it did.
    pub(super) fn drop_if_needed(&self, free: u64) -> bool {
        free < LEAST_FREE && fs::remove_file(&self.path).is_ok()
    }

    /// Sets the space aside where much is free on a file system that is not small, if it is not
    /// already. It is a precaution: without
    /// it the server runs as well.
    pub(super) fn keep(&self, space: Space) {
        let is_there = fs::metadata(&self.path).is_ok_and(|file| file.len() >= SIZE);
        let is_little = space.free < StoreOptions::RESERVE + SIZE || space.all < SMALLEST;
        if is_there || is_little {
            return;
        }
        if let Err(error) = self.set_aside() {
            // Half of it would be of no use and in the way.
            let _removed = fs::remove_file(&self.path);
            tracing::debug!(%error, "no space is set aside for a start on a full disk");
        }
    }

    fn set_aside(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let file: File =
            options.write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        // A hole would be no space.
        fallocate(&file, FallocateFlags::empty(), 0, SIZE)?;
        Ok(())
    }
}

/// How large a file system is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Space {
    /// Bytes that are free.
    pub(super) free: u64,
    /// Bytes that there are.
    pub(super) all: u64,
}

impl Space {
    /// That of `dir`; plenty if it does not say.
    pub(super) fn of(dir: &Path) -> Self {
        statvfs(dir).map_or(Self { free: u64::MAX, all: u64::MAX }, |stat| Self {
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
            all: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_there_while_there_is_space_and_goes_when_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::of(dir.path());
        let size = || fs::metadata(dir.path().join("ballast")).map_or(0, |file| file.len());
        let plenty = Space { free: u64::MAX, all: u64::MAX };
        for little in [
            Space { free: StoreOptions::RESERVE + SIZE - 1, all: u64::MAX },
            Space { free: SMALLEST - 1, all: SMALLEST - 1 },
        ] {
            ballast.keep(little);
            assert_eq!(size(), 0, "there is too little to set some aside");
        }
        assert!(!ballast.drop_if_needed(0), "there is nothing to let go of");
        ballast.keep(plenty);
        assert_eq!(size(), SIZE);
        assert!(!ballast.drop_if_needed(LEAST_FREE));
        assert!(ballast.drop_if_needed(LEAST_FREE - 1));
        assert_eq!(size(), 0);
        // What it leaves is enough for a deletion.
        const { assert!(SIZE >= LEAST_FREE + NEEDED) };
        // Half of one is none.
        fs::write(dir.path().join("ballast"), "half").unwrap();
        ballast.keep(plenty);
        assert_eq!(size(), SIZE);
    }
}
