//! What stands where: which entries there are, which of them are history, and which values are the
//! state where history begins. Arithmetic only; the journal asks it what to remove and tells it what
//! was written.
//!
//! ```text
//!  oldest                       base                               newest
//!  ├──────────── old ─────────────┼──────────── window ───────────────┤
//!    state: what was the newest      history: what a watch may still
//!    of its key at the base, and     ask for, at most `Retention`
//!    dead values between
//! ```
//!
//! Entries are removed from the oldest end only. What still lives in them is written again at the
//! newest, and a deletion once, so that it stands behind every value that it ended. Whoever reads all
//! entries takes for each key what has the highest revision.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;

use crate::entry::{self, Item, Tag};
use crate::options::Retention;

/// Beside history there may be as many dead bytes as live ones, and this much besides. Less would
/// write small journals over and over; more would only take space.
const SLACK: u64 = 256 << 10;

/// An entry that exists.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) pieces: Range<u64>,
    /// All bytes of it.
    pub(crate) size: u64,
    /// What its records did. Empty once it is old.
    pub(crate) changes: Vec<Change>,
    /// Keys and values of its records.
    pub(crate) record_bytes: u64,
    /// Of its newest record, or of the newest before it.
    pub(crate) revision: u64,
}

impl Standing {
    /// What it holds beside its records, as long as these are known.
    fn carried(&self) -> u64 {
        self.size.saturating_sub(self.record_bytes + entry::overhead(self.changes.len()))
    }
}

/// What a record did to its key.
#[derive(Debug)]
pub(crate) struct Change {
    key: Box<[u8]>,
    revision: u64,
    /// What the value occupies; none if it was deleted.
    size: Option<u64>,
}

impl From<&Item<'_>> for Change {
    fn from(item: &Item<'_>) -> Self {
        let size = match item.tag {
            Tag::Put | Tag::Carried => Some(entry::footprint(item.key, item.value)),
            Tag::Delete | Tag::Buried => None,
        };
        Self { key: item.key.into(), revision: item.revision, size }
    }
}

#[derive(Clone, Copy, Debug)]
struct Value {
    revision: u64,
    size: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    retention: Retention,
    entries: VecDeque<Standing>,
    /// How many of the entries, from the front, are old.
    old: usize,
    old_size: u64,
    /// What all entries occupy.
    size: u64,
    window_records: usize,
    window_bytes: u64,
    /// What was carried into entries of the window. It is not history.
    window_carried: u64,
    /// The newest revision that is no longer history.
    base: u64,
    /// The state at `base`.
    state: HashMap<Box<[u8]>, Value>,
    live: u64,
}

impl Ledger {
    pub(crate) fn new(retention: Retention) -> Self {
        Self { retention, ..Self::default() }
    }

    /// This is the state at the base.
    pub(crate) fn adopt<'a>(&mut self, state: impl Iterator<Item = (&'a [u8], u64, &'a [u8])>) {
        self.state.clear();
        self.live = 0;
        for (key, revision, value) in state {
            let size = entry::footprint(key, value);
            self.live += size;
            self.state.insert(key.into(), Value { revision, size });
        }
    }

    fn settle(&mut self, Change { key, revision, size }: Change) {
        let before = match size {
            Some(size) => {
                self.live += size;
                self.state.insert(key, Value { revision, size })
            }
            None => self.state.remove(&key),
        };
        self.live -= before.map_or(0, |before| before.size);
    }

    /// Takes note of an entry, which stands behind all others.
    pub(crate) fn push(&mut self, standing: Standing) {
        self.window_records += standing.changes.len();
        self.window_bytes += standing.record_bytes;
        self.window_carried += standing.carried();
        self.size += standing.size;
        self.entries.push_back(standing);
        while self.is_window_too_large() {
            self.retire();
        }
    }

    /// History begins after this revision, if it did not already.
    pub(crate) fn begin_after(&mut self, base: u64) {
        while self.entries.get(self.old).is_some_and(|entry| entry.revision <= base) {
            self.retire();
        }
        self.base = self.base.max(base);
    }

    /// The oldest entry of the window becomes old.
    fn retire(&mut self) {
        let entry = &mut self.entries[self.old];
        self.window_carried -= entry.carried();
        let changes = std::mem::take(&mut entry.changes);
        self.window_records -= changes.len();
        self.window_bytes -= entry.record_bytes;
        self.old_size += entry.size;
        self.base = self.base.max(entry.revision);
        self.old += 1;
        for change in changes {
            self.settle(change);
        }
    }

    fn is_window_too_large(&self) -> bool {
        let Retention { records, bytes } = self.retention;
        let one_too_many = self.window_records > records || self.window_bytes > bytes;
        // The newest record always stays, so that the log knows its end.
        one_too_many && self.window_records > self.entries[self.old].changes.len()
    }

    /// The entry to remove next, if there is too much that is dead.
    pub(crate) fn removable(&self) -> Option<&Standing> {
        if self.excess() > 0 && self.old > 0 { self.entries.front() } else { None }
    }

    /// The entry that [`Ledger::removable`] named is being removed.
    pub(crate) fn remove(&mut self) -> Option<Standing> {
        let removed = self.entries.pop_front()?;
        self.old -= 1;
        self.old_size -= removed.size;
        self.size -= removed.size;
        Some(removed)
    }

    /// What of an item in an old entry has to be written again when that entry is removed.
    pub(crate) fn keep<'a>(&self, item: &Item<'a>) -> Option<Item<'a>> {
        let value = self.state.get(item.key);
        match item.tag {
            Tag::Put | Tag::Carried if value.is_some_and(|it| it.revision == item.revision) => {
                Some(Item { tag: Tag::Carried, ..*item })
            }
            Tag::Delete => Some(Item { tag: Tag::Buried, value: &[], ..*item }),
            Tag::Put | Tag::Carried | Tag::Buried => None,
        }
    }

    /// Where the oldest entry begins.
    pub(crate) fn tail(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.pieces.start)
    }

    /// The entries of the window, oldest first.
    pub(crate) fn window(&self) -> impl Iterator<Item = &Standing> {
        self.entries.range(self.old..)
    }

    /// The newest revision that is no longer history.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Records that are history.
    pub(crate) fn records(&self) -> usize {
        self.window_records
    }

    /// Their keys and values.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.window_bytes
    }

    /// Keys that have a value at the base.
    pub(crate) fn objects(&self) -> usize {
        self.state.len()
    }

    /// What their values occupy.
    pub(crate) fn live(&self) -> u64 {
        self.live
    }

    /// What all entries occupy.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How much more there is beside history than there should be. So all entries together stay below
    /// history, twice what lives, and [`SLACK`].
    pub(crate) fn excess(&self) -> u64 {
        (self.old_size + self.window_carried).saturating_sub(self.live * 2 + SLACK)
    }
}
