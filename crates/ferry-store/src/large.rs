//! Large entries, in files of their own.
//!
//! sled writes a piece of an entry three times: alone, and twice more when its page is split. For an
//! entry of many pieces that is most of what an append costs. Values that are too large for its pages sled
//! itself keeps in files of their own, which it never syncs. So that is done here, for whole entries, and
//! they are synced. [`Recent`](crate::recent::Recent) and sled then get the *place* of the entry as they
//! would get the entry.
//!
//! A file holds one entry after the other and nothing else: each has a checksum of its own. It is named
//! after the position of its first one. The oldest entries are removed first, so that files become empty
//! in their order, and are removed then. What no place leads to was not acknowledged, or is removed: a
//! start removes the files of which that is true for all.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::engine;
use crate::entry::Entry;
use crate::error::StoreError;
use crate::unreadable::Unreadable;

/// A file takes no more entries from here on: some tens of groups of writes. What is removed of it takes
/// space until all of it is.
const FULL: u64 = 4 << 20;

/// What a place begins with, where an entry has its version.
const MARK: u8 = 2;

const NUMBER: usize = 8;

/// What a place occupies in sled, with its key and what sled adds.
const IN_SLED: u64 = 64;

/// How long a place is.
const ENCODED: usize = 1 + 3 * NUMBER;

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: u64,
    offset: u64,
    length: u64,
}

impl Place {
    /// What stands for the entry.
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![MARK];
        for number in [self.file, self.offset, self.length] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    /// The place that this is; none if it is an entry.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&MARK, rest) = bytes.split_first()? else { return None };
        let rest: &[u8; ENCODED - 1] = rest.try_into().ok()?;
        let (numbers, []) = rest.as_chunks() else { return None };
        let [file, offset, length] = *numbers else { return None };
        let [file, offset, length] = [file, offset, length].map(u64::from_le_bytes);
        Some(Self { file, offset, length })
    }
}

/// The files.
#[derive(Debug)]
pub(crate) struct Large {
    dir: PathBuf,
    /// The same, open: to make its names durable takes no file that there may not be.
    names: File,
    /// The file that entries go to.
    current: Option<Current>,
    /// All entries, by their positions.
    places: RefCell<BTreeMap<u64, Place>>,
}

#[derive(Debug)]
struct Current {
    number: u64,
    file: File,
    end: u64,
}

impl Large {
    /// Those in `dir`, which is made if there is none; nothing where there is no room for that.
    pub(crate) fn open(dir: &Path) -> Result<Option<Self>, StoreError> {
        let is_new = match fs::create_dir(dir) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) if engine::is_full(&error) => return Ok(None),
            made => made.map(|()| true).map_err(StoreError::io("create", dir))?,
        };
        let synced = dir.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all());
        match synced {
            // Nothing is in there, and the next start finds it.
            Err(error) if is_new && engine::is_full(&error) => return Ok(None),
            synced => synced.map_err(StoreError::io("sync", dir))?,
        }
        let names = File::open(dir).map_err(StoreError::io("open", dir))?;
        Ok(Some(Self { dir: dir.to_owned(), names, current: None, places: RefCell::default() }))
    }

    /// Writes an entry. It is on the disk when this returns, and nobody knows of it yet. Where no file can
    /// be begun, as when the process has too many open, there is no place, and nothing was written.
    pub(crate) fn append(&mut self, position: u64, entry: &[u8]) -> Result<Option<Place>, String> {
        let mut current = match self.current.take().filter(|current| current.end < FULL) {
            Some(current) => current,
            None => match File::create(self.path(position)) {
                Ok(file) => Current { number: position, file, end: 0 },
                Err(_) => return Ok(None),
            },
        };
        let place = Place { file: current.number, offset: current.end, length: entry.len() as u64 };
        let write = || -> io::Result<()> {
            current.file.write_all_at(entry, place.offset)?;
            current.file.sync_data()?;
            if place.offset == 0 { self.names.sync_all() } else { Ok(()) }
        };
        let failed = |error| format!("cannot write {}: {error}", self.path(place.file).display());
        write().map_err(failed)?;
        current.end += place.length;
        self.current = Some(current);
        Ok(Some(place))
    }

    /// There is an entry at this position, and this is its place.
    pub(crate) fn note(&self, position: u64, place: Place) {
        self.places.borrow_mut().insert(position, place);
    }

    /// The entry of this position, whole, at its place.
    pub(crate) fn entry(&self, position: u64, place: Place) -> Result<Vec<u8>, Unreadable> {
        let bytes = self.read(place)?;
        let wrong = match Entry::parse(&bytes) {
            Ok(entry) if entry.position == position => return Ok(bytes),
            Ok(_) => "another one stands there",
            Err(what) => what,
        };
        let what = format!("entry {position}: {wrong}");
        Err(Unreadable::WrongFile { path: self.path(place.file), what })
    }

    fn read(&self, place: Place) -> Result<Vec<u8>, Unreadable> {
        let path = self.path(place.file);
        let read = || -> io::Result<Vec<u8>> {
            let file = File::open(&path)?;
            let there = file.metadata()?.len();
            if place.offset.checked_add(place.length).is_none_or(|end| end > there) {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let length = usize::try_from(place.length).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            file.read_exact_at(&mut bytes, place.offset)?;
            Ok(bytes)
        };
        read().map_err(|source| Unreadable::File { path, source })
    }

    /// The entry at this position is removed, if it is one of these, and nothing leads to it any more.
    pub(crate) fn remove(&mut self, position: u64) {
        let places = self.places.get_mut();
        let Some(Place { file, .. }) = places.remove(&position) else { return };
        if places.values().any(|place| place.file == file) {
            return;
        }
        self.current = self.current.take().filter(|current| current.number != file);
        // The next start tries again.
        let _left = fs::remove_file(self.path(file));
    }

    /// Removes files in which nothing is. All places must have been noted.
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        let used: BTreeSet<u64> = self.places.borrow().values().map(|place| place.file).collect();
        for entry in fs::read_dir(&self.dir).map_err(StoreError::io("list", &self.dir))? {
            let path = entry.map_err(StoreError::io("list", &self.dir))?.path();
            let number = path.file_name().and_then(|name| name.to_str()?.parse().ok());
            let is_ours = number.is_some_and(|number| path == self.path(number));
            if is_ours && !number.is_some_and(|number| used.contains(&number)) {
                // What stays takes space, and harms nobody.
                let _left = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    /// By how much less all entries occupy in sled than they are long.
    pub(crate) fn saved(&self) -> u64 {
        let places = self.places.borrow();
        places.values().map(|place| place.length.saturating_sub(IN_SLED)).sum()
    }

    fn path(&self, file: u64) -> PathBuf {
        // As many digits as any has, so that they are listed in their order.
        self.dir.join(format!("{file:020}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<u64> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
        names.sort_unstable();
        names
    }

    fn open(dir: &Path) -> Large {
        Large::open(dir).unwrap().unwrap()
    }

    fn append(large: &mut Large, position: u64, entry: &[u8]) -> Place {
        large.append(position, entry).unwrap().unwrap()
    }

    #[test]
    fn without_a_file_there_is_no_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut large = open(dir.path());
        fs::create_dir(large.path(1)).unwrap();
        assert_eq!(large.append(1, b"new").unwrap(), None);
        assert!(large.append(2, b"new").unwrap().is_some());
    }

    #[test]
    fn a_place_is_told_from_an_entry() {
        let place = Place { file: 1, offset: u64::MAX, length: 1 << 40 };
        let bytes = place.encode();
        assert_eq!(Place::parse(&bytes), Some(place));
        assert_eq!(Place::parse(&bytes[1..]), None);
        assert_eq!(Place::parse(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Place::parse(&[&bytes[..], &[0]].concat()), None);
        let mut entry = bytes;
        entry[0] = 1;
        assert_eq!(Place::parse(&entry), None);
    }

    #[test]
    fn files_go_when_their_last_entry_has() {
        let dir = tempfile::tempdir().unwrap();
        let mut large = open(dir.path());
        let half = vec![7; usize::try_from(FULL / 2).unwrap()];
        for position in 1..=5 {
            let place = append(&mut large, position, &half);
            large.note(position, place);
            assert_eq!(large.read(place).unwrap(), half);
        }
        assert_eq!(names(dir.path()), [1, 3, 5]);
        assert_eq!(large.saved(), 5 * (FULL / 2 - IN_SLED));
        for (position, left) in [(1, vec![1, 3, 5]), (2, vec![3, 5]), (5, vec![3]), (9, vec![3])] {
            large.remove(position);
            assert_eq!(names(dir.path()), left, "without {position}");
        }
        // The one that was written to has gone as well.
        let place = append(&mut large, 6, b"new");
        assert_eq!((names(dir.path()), large.read(place).unwrap()), (vec![3, 6], b"new".to_vec()));
    }

    #[test]
    fn a_start_removes_what_nothing_leads_to_and_begins_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut large = open(dir.path());
        let place = append(&mut large, 1, b"kept");
        append(&mut large, 2, b"torn");
        fs::create_dir(large.path(7)).unwrap();
        fs::write(dir.path().join("8"), "of somebody else").unwrap();
        let mut large = open(dir.path());
        large.note(1, place);
        large.sweep().unwrap();
        let other = append(&mut large, 2, b"again");
        assert_eq!(names(dir.path()), [1, 2, 7, 8]);
        assert_eq!(large.read(place).unwrap(), b"kept");
        assert_eq!(large.read(other).unwrap(), b"again");
        open(dir.path()).sweep().unwrap();
        assert_eq!(names(dir.path()), [7, 8]);
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut large = open(dir.path());
        let place = append(&mut large, 1, b"four");
        for wrong in [
            Place { length: 5, ..place },
            Place { offset: u64::MAX, ..place },
            Place { length: u64::MAX, offset: 0, ..place },
            Place { file: 2, ..place },
        ] {
            let error = large.read(wrong).unwrap_err().to_string();
            let path = large.path(wrong.file);
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
