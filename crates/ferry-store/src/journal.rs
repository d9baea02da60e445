//! The narrow trait: all that an API server needs of what keeps its writes.

use crate::error::StoreError;
use crate::record::{Object, Record};
use crate::space::Room;
use crate::stats::StoreStats;

/// Something that keeps records. One thread writes.
pub trait Journal: Send {
    /// Writes records, all or none. They are durable when this returns.
    ///
    /// After [`StoreError::Failed`] it is not known whether they are, and nothing more is written
    /// until the journal is opened again and read. All other errors mean that nothing was written.
    fn append(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// The same for records that have to get through when the disk is nearly full, such as those that
    /// make room: less is left alone for them.
    fn append_essential(&mut self, batch: &[Record]) -> Result<(), StoreError>;

    /// Tells others whether there is room for ordinary writes.
    fn room(&self) -> Room;

    /// Every record after this revision, oldest first.
    fn log_since(&mut self, revision: u64) -> Result<Vec<Record>, StoreError>;

    /// The state where the log begins.
    fn snapshot(&mut self) -> Result<Snapshot, StoreError>;

    /// Removes what neither the state nor the log needs, as far as `budget` bytes of reading go. Appends
    /// do this too, each a little, so that it is never urgent.
    fn compact(&mut self, budget: u64) -> Result<Compaction, StoreError>;

    /// Whether there is something that a later append would have to do first, and keep its caller
    /// waiting for.
    fn has_backlog(&self) -> bool;

    /// Does that now, while nobody waits. It fails as an append does.
    fn work_off(&mut self) -> Result<(), StoreError>;

    /// How large it is.
    fn stats(&self) -> StoreStats;
}

/// A state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// As of this revision.
    pub revision: u64,
    /// By key.
    pub objects: Vec<Object>,
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    /// Bytes of entries that are gone.
    pub removed: u64,
    /// Bytes of values that were written again, because they were in there.
    pub carried: u64,
    /// Bytes that could still go.
    pub remaining: u64,
}
