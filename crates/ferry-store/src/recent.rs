//! The newest entries, in a file of their own until they go to sled together.
//!
//! Writing to sled wakes its seven threads, twice for each flush, and one that waits for it: some
//! twenty switches between threads, a fifth of a millisecond where they are cheap and one or two where they
//! are not, such as in a virtual machine inside another. An entry of a few kilobytes is not worth that.
//! So it is appended here with one write and one sync, and when the file is full, all that is in it
//! goes to sled as one batch. It is read again for that: what is kept in memory until then would leave
//! holes between what is kept for long.
//!
//! ```text
//! sequence 8 | position 8 | removed ranges 4 | length of the entry 4 | start 8, end 8 … | entry | crc 4
//! ```
//!
//! Numbers are little-endian. The checksum is a CRC-32 that goes on from the one before it in the file.
//! Sequence numbers rise for ever, and sled keeps, in the same batch, the last one that went there. So
//! nothing has to be deleted: what has a number that is not due, or the checksum of another beginning,
//! is left from before or was never acknowledged. A write may share a sector with the end of the one
//! before: disks write a sector whole or not at all. Space is there from the beginning, so that a sync has nothing but data to write.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::engine;
use crate::entry::checksum;
use crate::error::StoreError;

/// How much fits: some forty entries with an object each. With less sled is written to more often; with
/// more it takes longer, and whoever writes meanwhile waits for it, and more memory.
const SIZE: usize = 64 << 10;

/// Entries beyond this go elsewhere: to write them twice would take longer.
pub(crate) const LARGEST: usize = SIZE / 2;

/// And at most so many writes. The places of large entries are short, and a thousand of them would keep
/// whoever brings the next one waiting for as long as everything else together.
const MOST: usize = 128;

const HEADER: usize = 8 + 8 + 4 + 4;
const CRC: usize = 4;

/// What one append does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// Where the entry stands.
    pub(crate) position: u64,
    /// The entry.
    pub(crate) entry: Vec<u8>,
    /// Pieces of entries that are gone.
    pub(crate) remove: Vec<Range<u64>>,
}

/// The file, and what is known of what is in it and not in sled.
#[derive(Debug)]
pub(crate) struct Recent {
    file: File,
    path: PathBuf,
    /// Where the entries stand in the journal, in rising order.
    positions: Vec<u64>,
    /// The number of the last write that went to sled.
    settled: u64,
    /// Where the next one begins.
    end: usize,
    /// The checksum of what stands before that.
    checksum: u32,
}

impl Recent {
    /// Opens the file, or makes one; none if there is no room for that. `settled` is the number of the
    /// last write that went to sled. What is found is on the disk when this returns.
    pub(crate) fn open(
        path: &Path,
        unfinished: &Path,
        settled: u64,
    ) -> Result<Option<Self>, StoreError> {
        let file = match File::options().read(true).write(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => match create(path, unfinished) {
                Err(error) if engine::is_full(&error) => return Ok(None),
                created => created.map_err(StoreError::io("create", path))?,
            },
            opened => opened.map_err(StoreError::io("open", path))?,
        };
        let path = path.to_owned();
        let mut recent = Self { file, path, positions: Vec::new(), settled, end: 0, checksum: 0 };
        let bytes = recent.bytes(SIZE).map_err(StoreError::io("read", &recent.path))?;
        while let Some(found) = decode(&bytes[recent.end..], recent.due(), recent.checksum) {
            recent.positions.push(found.write.position);
            recent.end += found.size;
            recent.checksum = found.checksum;
        }
        if recent.end > 0 {
            // Somebody was killed, perhaps, before it was synced, or a sync has failed, after which Linux
            // takes for written what is not. It is to be on the disk before anybody builds on it.
            let again = recent.file.write_all_at(&bytes[..recent.end], 0);
            let synced = again.and_then(|()| recent.file.sync_data());
            synced.map_err(StoreError::io("sync", &recent.path))?;
        }
        Ok(Some(recent))
    }

    /// The beginning of the file, as far as there is one.
    fn bytes(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; most];
        let mut length = 0;
        while length < most {
            match self.file.read_at(&mut bytes[length..], length as u64)? {
                0 => break,
                count => length += count,
            }
        }
        bytes.truncate(length);
        Ok(bytes)
    }

    /// The number of the next write.
    fn due(&self) -> u64 {
        self.settled + self.positions.len() as u64 + 1
    }

    /// Whether a write is to go here, and not to sled with all that is here.
    pub(crate) fn takes(&self, write: &Write) -> bool {
        is_small(write) && self.positions.len() < MOST && self.end + size(write) <= SIZE
    }

    /// Takes a write. It is on the disk when this returns.
    pub(crate) fn append(&mut self, write: &Write) -> Result<(), String> {
        let (bytes, checksum) = encode(self.due(), write, self.checksum);
        let done = self.file.write_all_at(&bytes, self.end as u64);
        done.and_then(|()| self.file.sync_data())
            .map_err(|error| format!("cannot write {}: {error}", self.path.display()))?;
        self.positions.push(write.position);
        self.end += bytes.len();
        self.checksum = checksum;
        Ok(())
    }

    /// Whether little more fits, so that it is worth sled's while.
    pub(crate) fn is_half_full(&self) -> bool {
        2 * self.end >= SIZE || 2 * self.positions.len() >= MOST
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// How long it is: what sled will be given with the next write that is not taken.
    pub(crate) fn size(&self) -> u64 {
        self.end as u64
    }

    /// What is here, oldest first.
    pub(crate) fn writes(&self) -> Result<Vec<Write>, String> {
        if self.is_empty() {
            return Ok(Vec::new());
        }
        let told = |what: &str| format!("cannot read {}: {what}", self.path.display());
        let bytes = self.bytes(self.end).map_err(|error| told(&error.to_string()))?;
        let (mut writes, mut at, mut before) = (Vec::new(), 0, 0);
        for due in self.settled + 1..self.due() {
            let found = bytes.get(at..).and_then(|rest| decode(rest, due, before));
            let found = found.ok_or_else(|| told("it has changed"))?;
            writes.push(found.write);
            at += found.size;
            before = found.checksum;
        }
        Ok(writes)
    }

    /// The one whose entry stands there, if it is here.
    pub(crate) fn write_at(&self, position: u64) -> Result<Option<Write>, String> {
        match self.positions.binary_search(&position) {
            Ok(place) => Ok(self.writes()?.into_iter().nth(place)),
            Err(_elsewhere) => Ok(None),
        }
    }

    /// The number of the last one that is here.
    pub(crate) fn last(&self) -> u64 {
        self.due() - 1
    }

    /// All of it is in sled, on the disk, with the number of the last one.
    pub(crate) fn is_settled(&mut self) {
        self.settled = self.last();
        self.positions.clear();
        self.end = 0;
        self.checksum = 0;
    }
}

/// Makes the file with all its space; it appears whole or not at all.
fn create(path: &Path, unfinished: &Path) -> io::Result<File> {
    let mut options = File::options();
    let options = options.read(true).write(true).create(true).truncate(true);
    let file = options.open(unfinished)?;
    let made = file
        .write_all_at(&vec![0; SIZE], 0)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(unfinished, path));
    if let Err(error) = made {
        // It takes space that is needed, presumably.
        let _left = fs::remove_file(unfinished);
        return Err(error);
    }
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    Ok(file)
}

/// Whether a write is one of those that this is for.
pub(crate) fn is_small(write: &Write) -> bool {
    size(write) <= LARGEST
}

fn size(write: &Write) -> usize {
    HEADER + 16 * write.remove.len() + write.entry.len() + CRC
}

/// The bytes of a write behind what has this checksum, and the checksum of both.
fn encode(sequence: u64, write: &Write, before: u32) -> (Vec<u8>, u32) {
    let length = |length: usize| u32::try_from(length).expect("what is taken is short");
    let mut bytes = Vec::with_capacity(size(write));
    bytes.extend(sequence.to_le_bytes());
    bytes.extend(write.position.to_le_bytes());
    bytes.extend(length(write.remove.len()).to_le_bytes());
    bytes.extend(length(write.entry.len()).to_le_bytes());
    for range in &write.remove {
        bytes.extend(range.start.to_le_bytes());
        bytes.extend(range.end.to_le_bytes());
    }
    bytes.extend_from_slice(&write.entry);
    let checksum = checksum(before, &bytes);
    bytes.extend(checksum.to_le_bytes());
    (bytes, checksum)
}

/// A write that was read.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    write: Write,
    size: usize,
    checksum: u32,
}

/// The write at the beginning, if there is a whole one with this number behind this checksum.
fn decode(bytes: &[u8], due: u64, before: u32) -> Option<Found> {
    let mut rest = bytes;
    if number(&mut rest)? != due {
        return None;
    }
    let position = number(&mut rest)?;
    let removed = length(&mut rest)?;
    let entry = length(&mut rest)?;
    let size = removed.checked_mul(16)?.checked_add(entry)?.checked_add(HEADER + CRC)?;
    let (body, said) = bytes.get(..size)?.split_last_chunk()?;
    let checksum = checksum(before, body);
    if checksum != u32::from_le_bytes(*said) {
        return None;
    }
    let remove = (0..removed)
        .map(|_| Some(number(&mut rest)?..number(&mut rest)?))
        .collect::<Option<Vec<_>>>()?;
    let entry = rest.get(..entry)?.to_vec();
    Some(Found { write: Write { position, entry, remove }, size, checksum })
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*bytes))
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

impl Write {
    /// The pieces of its entry.
    pub(crate) fn pieces(&self) -> Range<u64> {
        self.position..self.position + engine::count(self.entry.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tempfile::TempDir;

    use super::*;

    fn open(dir: &TempDir, settled: u64) -> Recent {
        let recent = Recent::open(&dir.path().join("recent"), &dir.path().join("new"), settled);
        recent.unwrap().expect("there is room")
    }

    fn write(position: u64) -> Write {
        let entry = vec![position.to_le_bytes()[0]; 300];
        Write { position, entry, remove: vec![1..2, 3..position] }
    }

    #[test]
    fn what_was_taken_is_found_until_it_is_settled() {
        let dir = tempfile::tempdir().unwrap();
        let mut recent = open(&dir, 0);
        for position in 10..15 {
            recent.append(&write(position)).unwrap();
        }
        let found = open(&dir, 0);
        assert_eq!(found.writes().unwrap(), (10..15).map(write).collect::<Vec<_>>());
        assert_eq!(found.last(), 5);
        assert_eq!(found.write_at(12).unwrap(), Some(write(12)));
        assert_eq!(found.write_at(9).unwrap(), None);
        // Settled, and killed before anything else.
        assert_eq!(open(&dir, 5).writes().unwrap(), []);
        recent.is_settled();
        recent.append(&write(20)).unwrap();
        assert_eq!(
            open(&dir, 5).writes().unwrap(),
            [write(20)],
            "the others stand behind it still"
        );
    }

    #[test]
    fn what_was_torn_ends_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut recent = open(&dir, 7);
        for position in 10..15 {
            recent.append(&write(position)).unwrap();
        }
        let each = size(&write(10)) as u64;
        let file = File::options().write(true).open(dir.path().join("recent")).unwrap();
        file.write_all_at(b"torn", 3 * each + 40).unwrap();
        let mut recent = open(&dir, 7);
        assert_eq!(recent.writes().unwrap(), (10..13).map(write).collect::<Vec<_>>());
        recent.append(&write(50)).unwrap();
        assert_eq!(
            open(&dir, 7).positions,
            [10, 11, 12, 50],
            "what came after what was torn is gone"
        );
    }

    #[test]
    fn what_is_large_or_does_not_fit_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let mut recent = open(&dir, 0);
        let of = |length| Write { position: 1, entry: vec![0; length], remove: Vec::new() };
        assert!(!recent.takes(&of(LARGEST)));
        let most = of(LARGEST - HEADER - CRC);
        for _ in 0..SIZE / LARGEST {
            assert!(recent.takes(&most));
            recent.append(&most).unwrap();
        }
        assert!(!recent.takes(&of(0)));
        assert_eq!(open(&dir, 0).writes().unwrap().len(), SIZE / LARGEST);
        recent.is_settled();
        assert!(recent.takes(&most));
    }

    proptest! {
        #[test]
        fn anything_can_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), due in 0..3_u64) {
            let mut bytes = bytes;
            if bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&due.to_le_bytes());
            }
            prop_assert_eq!(decode(&bytes, due, 7), None, "by chance once in four billion");
        }

        #[test]
        fn what_is_written_is_read(
            position in any::<u64>(),
            entry in proptest::collection::vec(any::<u8>(), 0..200),
            remove in proptest::collection::vec(any::<(u64, u64)>(), 0..5),
        ) {
            let remove = remove.into_iter().map(|(start, end)| start..end).collect();
            let write = Write { position, entry, remove };
            let (bytes, checksum) = encode(9, &write, 7);
            let found = Found { write, size: bytes.len(), checksum };
            prop_assert_eq!(decode(&bytes, 9, 7), Some(found));
            prop_assert_eq!(decode(&bytes, 8, 7), None);
            prop_assert_eq!(decode(&bytes, 9, 6), None);
        }
    }
}
