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
        Self { dir: tempfile::tempdir().expect("there is a place for it"), options }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("journal")
    }

    pub(crate) fn open(&self) -> (Store, Recovered) {
        self.try_open().expect("it is whole")
    }

    pub(crate) fn try_open(&self) -> Result<(Store, Recovered), StoreError> {
        Store::open(&self.path(), &self.options)
    }

    /// What opening says, which must be a refusal.
    pub(crate) fn refusal(&self) -> String {
        self.try_open().expect_err("it is to be refused").to_string()
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
    (0..length).map(|_| dice.roll(256).to_le_bytes()[0]).collect()
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
    for file in files(from) {
        let name = file.strip_prefix(from).expect("it is in there");
        let to = to.join(name);
        let parent = to.parent().expect("it is in a directory");
        std::fs::create_dir_all(parent).expect("the copy is ours");
        std::fs::copy(&file, to).expect("there is space");
    }
}

/// Every file below, by path.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("it is a directory") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
