//! Is there room for a write? sled must not find out by itself.

use std::io;
use std::path::Path;

use rustix::fs::statvfs;

use crate::error::StoreError;

/// Each byte of an entry costs sled up to so many, for it rewrites a page of neighbours when a page is
/// split or consolidated.
const AMPLIFICATION: u64 = 4;

/// Refuses if writing `bytes` would touch the reserve.
pub(crate) fn check(dir: &Path, reserve: u64, bytes: u64) -> Result<(), StoreError> {
    let stat = statvfs(dir).map_err(io::Error::from).map_err(StoreError::io("examine", dir))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let needed = reserve.saturating_add(bytes.saturating_mul(AMPLIFICATION));
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
