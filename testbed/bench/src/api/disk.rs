//! What a directory takes of the disk, and how fast the disk makes durable what is appended.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferry_units::Bytes;

use crate::results::{Measured, Unit};

/// In what `stat(2)` counts, whatever the file system's own blocks are.
const BLOCK: u64 = 512;

/// What one append of the yardstick is: a ConfigMap.
const PIECE: usize = 1024;

/// The log that it goes through again and again. It is written once before, since a file that grows
/// waits for the file system's own journal, and thereby for everybody else's files.
const LOG: usize = 16 << 20;

/// How long the yardstick takes.
const SPAN: Duration = Duration::from_millis(300);

/// What is allocated for the files below a directory.
pub(super) fn allocated(dir: &Path) -> Result<Bytes> {
    let mut all = Bytes::ZERO;
    for entry in fs::read_dir(dir).with_context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        // A file may be removed while one looks.
        let Ok(metadata) = entry.metadata() else { continue };
        let bytes = if metadata.is_dir() {
            allocated(&entry.path())?
        } else {
            Bytes::new(metadata.blocks() * BLOCK)
        };
        all += bytes;
    }
    Ok(all)
}

/// What no journal that groups so many writers can exceed: one append for all of them, made
/// durable in space that the log already has, and nothing else.
pub(super) fn yardstick(writers: u32) -> Result<Vec<Measured>> {
    let dir = tempfile::tempdir().context("a directory for a log")?;
    let log = File::create(dir.path().join("log")).context("a log")?;
    log.write_all_at(&vec![0; LOG], 0).context("space for a log")?;
    log.sync_all()?;
    let group = vec![0x5a; PIECE * writers as usize];
    let places = (0..LOG as u64).step_by(group.len()).cycle();
    let start = Instant::now();
    let mut appended: u32 = 0;
    for place in places.take_while(|_| start.elapsed() < SPAN) {
        log.write_all_at(&group, place)?;
        log.sync_data()?;
        appended += writers;
    }
    let rate = f64::from(appended) / start.elapsed().as_secs_f64();
    Ok(vec![Measured::new(format!("yardstick append {writers}"), Unit::PerSecond, rate)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_takes_what_its_files_take() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(allocated(dir.path()).unwrap(), Bytes::ZERO);
        fs::create_dir(dir.path().join("below")).unwrap();
        let file = File::create(dir.path().join("below/file")).unwrap();
        file.write_all_at(&[1; 10_000], 0).unwrap();
        file.sync_all().unwrap();
        // Whole blocks of the file system, of whatever size.
        let found = allocated(dir.path()).unwrap();
        assert!(found >= Bytes::new(10_000) && found < Bytes::from_mib(1), "{found:?}");
    }
}
