//! What was acknowledged, apart from the data.
//!
//! sled takes a damaged end of its file for a write that a crash has torn, and drops it. Only
//! somebody who remembers that the write was acknowledged can tell the two apart. This file remembers
//! the newest entry, in two slots that take turns, so that a torn slot leaves the other.
//!
//! It is written after the data are synced, and is itself synced every [`SYNC_EVERY`] appends: it never
//! claims too much, it is exact after a killed process, and after a power cut it lags a little.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::engine;
use crate::error::StoreError;

/// A sync of its own would make a lone append half as long again. One in 32 costs a hundredth, and a
/// power cut together with a damaged file goes unnoticed for at most so many appends.
const SYNC_EVERY: u32 = 32;

/// Slots are a page apart, so that one write cannot tear both.
const SLOT: u64 = 4096;

const MAGIC: [u8; 8] = *b"ferrymrk";

const LENGTH: usize = 8 + 8 + 8 + 8 + 4 + 4;

/// The newest entry that was acknowledged. Position 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) revision: u64,
    pub(crate) position: u64,
    pub(crate) chain: u32,
}

/// The file.
#[derive(Debug)]
pub(crate) struct Mark {
    file: File,
    path: PathBuf,
    turn: u64,
    unsynced: u32,
}

impl Mark {
    /// Makes the file for an empty journal; it appears whole or not at all.
    pub(crate) fn create(path: &Path, unfinished: &Path) -> Result<(), StoreError> {
        let write = || -> std::io::Result<()> {
            let file = File::create(unfinished)?;
            for turn in 0..2 {
                file.write_all_at(&encode(turn, Acknowledged::default()), turn * SLOT)?;
            }
            file.set_len(2 * SLOT)?;
            file.sync_all()?;
            std::fs::rename(unfinished, path)
        };
        write().map_err(StoreError::io("create", path))?;
        path.parent().map_or(Ok(()), engine::sync)
    }

    /// Reads the newer of the slots that are whole.
    pub(crate) fn open(path: &Path) -> Result<(Self, Acknowledged), StoreError> {
        let open = File::options().read(true).write(true).open(path);
        let file = open.map_err(StoreError::io("open", path))?;
        let slots = (0..2).filter_map(|slot| {
            let mut bytes = [0; LENGTH];
            file.read_exact_at(&mut bytes, slot * SLOT).ok()?;
            decode(&bytes)
        });
        let Some((turn, acknowledged)) = slots.max_by_key(|(turn, _)| *turn) else {
            let what = "neither of its slots is whole".to_owned();
            return Err(StoreError::Damaged { path: path.to_owned(), what });
        };
        Ok((Self { file, path: path.to_owned(), turn, unsynced: 0 }, acknowledged))
    }

    /// Remembers an entry that is on the disk.
    pub(crate) fn write(&mut self, acknowledged: Acknowledged) -> Result<(), StoreError> {
        self.turn += 1;
        let at = self.turn % 2 * SLOT;
        let write = self.file.write_all_at(&encode(self.turn, acknowledged), at);
        write.map_err(StoreError::io("write", &self.path))?;
        self.unsynced += 1;
        if self.unsynced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Makes the file durable.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io("sync", &self.path))?;
        self.unsynced = 0;
        Ok(())
    }
}

fn encode(turn: u64, acknowledged: Acknowledged) -> [u8; LENGTH] {
    let Acknowledged { revision, position, chain } = acknowledged;
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.extend(MAGIC);
    bytes.extend(turn.to_le_bytes());
    bytes.extend(revision.to_le_bytes());
    bytes.extend(position.to_le_bytes());
    bytes.extend(chain.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes.try_into().expect("the fields are as long as their sum")
}

fn decode(bytes: &[u8; LENGTH]) -> Option<(u64, Acknowledged)> {
    let (body, checksum) = bytes.split_last_chunk()?;
    let (magic, rest) = body.split_first_chunk()?;
    if *magic != MAGIC || crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let (turn, rest) = rest.split_first_chunk()?;
    let (revision, rest) = rest.split_first_chunk()?;
    let (position, chain) = rest.split_first_chunk()?;
    let acknowledged = Acknowledged {
        revision: u64::from_le_bytes(*revision),
        position: u64::from_le_bytes(*position),
        chain: u32::from_le_bytes(chain.try_into().ok()?),
    };
    Some((u64::from_le_bytes(*turn), acknowledged))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: u64) -> Acknowledged {
        Acknowledged { revision: position * 10, position, chain: 5 }
    }

    #[test]
    fn the_newer_slot_that_is_whole_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acknowledged");
        Mark::create(&path, &dir.path().join("new")).unwrap();
        let (mut mark, found) = Mark::open(&path).unwrap();
        assert_eq!(found, Acknowledged::default());
        for position in 1..100 {
            mark.write(at(position)).unwrap();
            assert_eq!(Mark::open(&path).unwrap().1, at(position));
        }
        let file = File::options().write(true).open(&path).unwrap();
        file.write_all_at(b"torn", mark.turn % 2 * SLOT).unwrap();
        assert_eq!(Mark::open(&path).unwrap().1, at(98));
        file.write_all_at(b"torn", (mark.turn + 1) % 2 * SLOT).unwrap();
        let error = Mark::open(&path).unwrap_err().to_string();
        assert!(error.contains("acknowledged is damaged: neither"), "{error}");
    }
}
