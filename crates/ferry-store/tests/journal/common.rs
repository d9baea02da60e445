//! Journals in directories that go away, and records that say what they are.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use ferry_store::{Record, RecordChange, Recovered, Retention, Store, StoreError, StoreOptions};
use tempfile::TempDir;

pub(crate) struct Scratch {
    dir: TempDir,
    pub(crate) options: StoreOptions,
}

impl Scratch {
    pub(crate) fn new(retention: Retention) -> Self {
        let options = StoreOptions { retention, ..StoreOptions::default() };
        Self { dir: tempfile::tempdir().unwrap(), options }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    pub(crate) fn open(&self) -> (Store, Recovered) {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<(Store, Recovered), StoreError> {
        Store::open(&self.path(), &self.options)
    }

    /// What opening says, which must be a refusal.
    pub(crate) fn refusal(&self) -> String {
        self.try_open().unwrap_err().to_string()
    }
}

pub(crate) fn put(revision: u64, key: impl Into<Bytes>, value: impl Into<Bytes>) -> Record {
    Record { revision, key: key.into(), change: RecordChange::Put(value.into()) }
}

pub(crate) fn delete(revision: u64, key: impl Into<Bytes>, last: impl Into<Bytes>) -> Record {
    Record { revision, key: key.into(), change: RecordChange::Delete(last.into()) }
}

/// Bytes that do not repeat, so that what is mixed up shows.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut dice = Dice(seed);
    (0..length).map(|_| dice.roll(256) as u8).collect()
}

/// SplitMix64: the same seed, the same test.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every file below, by path.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
