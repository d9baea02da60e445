//! What the journal keeps: one change of one key at one revision, all of it bytes.

use bytes::Bytes;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When: higher than that of every record before it. Revisions may be left out, not reused.
    pub revision: u64,
    /// Of what.
    pub key: Bytes,
    /// What happened.
    pub change: RecordChange,
}

/// What happens to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordChange {
    /// It has this value from now on.
    Put(Bytes),
    /// It is gone; this is its last state, which the log keeps for those who follow it.
    Delete(Bytes),
}

impl Record {
    /// The value that was put, or the last state of what was deleted.
    pub fn value(&self) -> &Bytes {
        match &self.change {
            RecordChange::Put(value) | RecordChange::Delete(value) => value,
        }
    }

    /// How many bytes of the caller's it holds.
    pub(crate) fn size(&self) -> u64 {
        (self.key.len() + self.value().len()) as u64
    }
}

/// A key's newest state as of some revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// When it was put.
    pub revision: u64,
    /// Which.
    pub key: Bytes,
    /// What was put.
    pub value: Bytes,
}
