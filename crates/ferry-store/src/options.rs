//! How much history is kept, how much disk is left alone, how much memory is used.

/// What a caller may decide about a journal. [`StoreOptions::default`] is right for an API server.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// How much of the log outlives its usefulness for the state, for those who follow it.
    pub retention: Retention,
    /// Bytes of the file system that the journal does not use up.
    pub reserve: u64,
    /// Bytes of pages that sled may keep in memory.
    pub cache: u64,
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

    /// Pages are read once at start and cleaned once later, so a cache helps little. sled divides
    /// this by 256 and keeps at least one page in each part.
    pub const CACHE: u64 = 4 << 20;
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { retention: Retention::default(), reserve: Self::RESERVE, cache: Self::CACHE }
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
