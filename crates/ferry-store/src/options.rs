//! How much history is kept, how much disk is left alone, how much memory is used.

use crate::space::Disk;

/// What a caller may decide about a journal. [`StoreOptions::default`] is right for an API server.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How much of the log outlives its usefulness for the state, for those who follow it.
    pub retention: Retention,
    /// Bytes of the file system that ordinary writes do not use up.
    pub reserve: u64,
    /// Bytes that essential writes do not use up either; see
    /// [`append_essential`](crate::Journal::append_essential).
    pub last_reserve: u64,
    /// Bytes of pages that sled may keep in memory.
    pub cache: u64,
    /// What is asked how much is free.
    pub disk: Disk,
}

/// The newest records are kept, as many as both limits allow, and at least those of one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// At most so many records.
    pub records: usize,
    /// At most so many bytes of keys and values.
    pub bytes: u64,
}

impl StoreOptions {
    /// sled must never meet a full disk: it would stop in the middle of a batch. 64 MiB is a hundred
    /// of its segments, more than one append and its cleaning can ask for, and nothing to a disk.
    pub const RESERVE: u64 = 64 << 20;

    /// Whoever makes room by deleting must get through when others do not, and be it for long: 48 MiB
    /// are tens of thousands of deletions. What is left then is 32 of sled's segments, far more than
    /// what a start writes and one append with its cleaning.
    pub const LAST_RESERVE: u64 = 16 << 20;

    /// Pages are read once at start and cleaned once later, so a cache helps little. sled divides
    /// this by 256 and keeps at least one page in each part.
    pub const CACHE: u64 = 4 << 20;
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            reserve: Self::RESERVE,
            last_reserve: Self::LAST_RESERVE,
            cache: Self::CACHE,
            disk: Disk::default(),
        }
    }
}

impl Retention {
    /// At a busy 100 changes a second, a watch may be away for more than a minute and a half, which is
    /// longer than any restart takes.
    pub const RECORDS: usize = 10_000;

    /// 10,000 objects of 1.6 KiB. Whoever restores the history holds all of it in memory.
    pub const BYTES: u64 = 16 << 20;
}

impl Default for Retention {
    fn default() -> Self {
        Self { records: Self::RECORDS, bytes: Self::BYTES }
    }
}
