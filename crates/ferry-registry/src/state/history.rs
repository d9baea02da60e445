//! The writes of the last minutes, so that lists and watches can go on from where they were.
//!
//! Each kind has a history of its own, which is as long as time and memory allow. Where memory does
//! not, the kind pays that takes most of it: leases that are renewed by the thousand do not shorten
//! what is remembered of migrations.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ferry_api::Kind;
use ferry_units::WallTime;

use crate::object::{Revision, Stored};
use crate::state::watch::Lines;

/// How long writes are remembered where there is room. Kubernetes compacts every 5 minutes and so
/// remembers 5 to 10; clients that were cut off come back within that.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// How long they are remembered where there is less. A watcher hears of its revision each minute,
/// by a bookmark; one that was cut off just before it and comes back at once has seen none for this
/// long.
const KEPT_AT_LEAST: Duration = Duration::from_secs(75);

/// How many bytes writes beyond that take at most, of all kinds together. Watches that lag further
/// behind list again, which costs them one request.
const USUAL_BYTES: usize = 8 << 20;

/// How many bytes all writes take at most. Memory is promised to stay below 50 MiB with 10,000
/// objects of 2 KiB, which take 27. A hundred objects of 2 KiB a second fit for 75 seconds.
const MOST_BYTES: usize = 16 << 20;

/// What a write takes beside its objects.
const ENTRY_BYTES: usize = 128;

/// For how many of the newest writes of a kind the text that watchers were sent is kept. Watchers
/// that keep up read it within the first few; the others make it anew.
const LINES_KEPT: usize = 256;

/// The writes of the last minutes.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Nothing is known of before.
    start: Revision,
    room: Room,
    kinds: BTreeMap<Kind, Kept>,
    bytes: usize,
}

/// What is remembered of a kind.
#[derive(Clone, Debug, Default)]
struct Kept {
    /// The newest write that is forgotten, if there is one.
    forgotten: Revision,
    /// In order, and when each was.
    entries: VecDeque<(WallTime, Entry)>,
    bytes: usize,
}

/// Whether anything is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Room {
    #[default]
    Bounded,
    None,
}

/// One write.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The revision that it took.
    pub(crate) revision: Revision,
    /// What it made of the object; where it ended it, the last state with the revision of its end.
    pub(crate) object: Arc<Stored>,
    /// What the object was before.
    pub(crate) before: Option<Arc<Stored>>,
    /// Whether the object is still there.
    pub(crate) fate: Fate,
    /// What watchers are told of it.
    pub(crate) lines: Option<Arc<Lines>>,
}

/// Whether an object is there after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is.
    There,
    /// It is not.
    Gone,
}

impl From<bool> for Fate {
    fn from(there: bool) -> Self {
        if there { Self::There } else { Self::Gone }
    }
}

impl Entry {
    /// The bytes that only the history holds: nothing of what is current.
    fn bytes(&self) -> usize {
        let gone = match self.fate {
            Fate::There => 0,
            Fate::Gone => self.object.json.len(),
        };
        ENTRY_BYTES + gone + self.before.as_ref().map_or(0, |before| before.json.len())
    }
}

impl Kept {
    /// When the oldest write was.
    fn since(&self) -> Option<WallTime> {
        self.entries.front().map(|(at, _)| *at)
    }

    /// Forgets the oldest write. Returns how many bytes are free now.
    fn forget_one(&mut self) -> usize {
        let Some((_, entry)) = self.entries.pop_front() else { return 0 };
        let bytes = entry.bytes();
        self.bytes -= bytes;
        self.forgotten = entry.revision;
        bytes
    }
}

impl History {
    /// A history that begins at `revision`.
    pub(super) fn from(revision: Revision) -> Self {
        Self { start: revision, ..Self::default() }
    }

    /// One that remembers nothing.
    pub(super) fn none(revision: Revision) -> Self {
        Self { start: revision, room: Room::None, ..Self::default() }
    }

    /// From where on everything is known that happened to objects of the kind.
    pub(super) fn oldest(&self, kind: Kind) -> Revision {
        self.kinds.get(&kind).map_or(self.start, |kept| kept.forgotten.max(self.start))
    }

    pub(super) fn last_change(&self, kind: Kind) -> Revision {
        let last = self.kinds.get(&kind).and_then(|kept| kept.entries.back());
        last.map_or(self.oldest(kind), |(_, entry)| entry.revision)
    }

    pub(super) fn push(
        &mut self,
        revision: Revision,
        object: Arc<Stored>,
        before: Option<Arc<Stored>>,
        fate: Fate,
        now: WallTime,
    ) {
        let kept = self.kinds.entry(object.key.kind).or_default();
        if self.room == Room::None {
            kept.forgotten = revision;
            return;
        }
        let lines = Some(Arc::new(Lines::default()));
        let entry = Entry { revision, object, before, fate, lines };
        let bytes = entry.bytes();
        kept.bytes += bytes;
        kept.entries.push_back((now, entry));
        if let Some(cold) = kept.entries.len().checked_sub(LINES_KEPT + 1) {
            kept.entries[cold].1.lines = None;
        }
        self.bytes += bytes;
        self.forget(now);
    }

    fn forget(&mut self, now: WallTime) {
        let age = |kept: &Kept| kept.since().map(|since| now.since(since));
        for kept in self.kinds.values_mut() {
            while age(kept).is_some_and(|age| age > KEPT_FOR) {
                self.bytes -= kept.forget_one();
            }
        }
        while self.bytes > USUAL_BYTES {
            let is_tight = self.bytes > MOST_BYTES;
            let may_forget =
                |kept: &&mut Kept| age(kept).is_some_and(|age| is_tight || age > KEPT_AT_LEAST);
            let most = self.kinds.values_mut().filter(may_forget).max_by_key(|kept| kept.bytes);
            let Some(kept) = most else { return };
            self.bytes -= kept.forget_one();
        }
    }

    /// The writes to objects of a kind after a revision, oldest first.
    pub(super) fn after(&self, kind: Kind, revision: Revision) -> impl Iterator<Item = &Entry> {
        let entries = self.kinds.get(&kind).map(|kept| &kept.entries);
        let start = entries
            .map_or(0, |entries| entries.partition_point(|(_, entry)| entry.revision <= revision));
        let later = entries.into_iter().flat_map(move |entries| entries.range(start..));
        later.map(|(_, entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::object::{Meta, ObjectKey};

    const MIB: usize = 1 << 20;

    fn stored(kind: Kind, revision: u64, bytes: usize) -> Arc<Stored> {
        Arc::new(Stored {
            key: ObjectKey::new(kind, "a", "x"),
            revision: Revision(revision),
            meta: Meta::default(),
            json: Bytes::from(vec![b' '; bytes]),
        })
    }

    fn at(seconds: i64) -> WallTime {
        WallTime::from_unix_seconds(seconds).unwrap()
    }

    /// Writes of objects that replace others of that many bytes.
    fn push(history: &mut History, kind: Kind, revision: u64, bytes: usize, seconds: i64) {
        let object = stored(kind, revision, 1);
        let before = (bytes > 0).then(|| stored(kind, revision - 1, bytes));
        history.push(Revision(revision), object, before, Fate::There, at(seconds));
    }

    #[test]
    fn whoever_remembers_nothing_knows_when_each_kind_has_changed() {
        let mut history = History::none(Revision(3));
        push(&mut history, Kind::Lease, 4, 0, 0);
        push(&mut history, Kind::ConfigMap, 5, 0, 0);
        let changes =
            [Kind::Lease, Kind::ConfigMap, Kind::Pod].map(|kind| history.last_change(kind));
        assert_eq!(changes, [Revision(4), Revision(5), Revision(3)]);
        let known = [Kind::Lease, Kind::ConfigMap, Kind::Pod].map(|kind| history.oldest(kind));
        assert_eq!(known, changes);
        assert_eq!(left(&history, Kind::Lease), [0; 0]);
    }

    fn left(history: &History, kind: Kind) -> Vec<u64> {
        history.after(kind, history.oldest(kind)).map(|entry| entry.revision.0).collect()
    }

    #[test]
    fn current_objects_cost_nothing_and_former_ones_are_bounded() {
        let mut history = History::from(Revision(0));
        for revision in 1..=20 {
            push(&mut history, Kind::ConfigMap, revision, 4 * MIB - ENTRY_BYTES, 0);
        }
        assert_eq!(history.bytes, MOST_BYTES);
        assert_eq!(left(&history, Kind::ConfigMap), [17, 18, 19, 20]);
        assert_eq!(history.oldest(Kind::ConfigMap), Revision(16));
        let mut history = History::from(Revision(0));
        history.push(Revision(1), stored(Kind::Pod, 1, 9 * MIB), None, Fate::There, at(0));
        assert_eq!(history.bytes, ENTRY_BYTES);
    }

    #[test]
    fn what_is_older_than_ten_minutes_goes_whichever_kind_is_written() {
        let mut history = History::from(Revision(7));
        for (revision, second) in [(8, 0), (9, 300), (10, 600)] {
            push(&mut history, Kind::ConfigMap, revision, 0, second);
        }
        push(&mut history, Kind::Pod, 11, 0, 601);
        assert_eq!(history.oldest(Kind::ConfigMap), Revision(8));
        assert_eq!(left(&history, Kind::ConfigMap), [9, 10]);
        assert_eq!(history.after(Kind::ConfigMap, Revision(10)).count(), 0);
        assert_eq!(history.last_change(Kind::ConfigMap), Revision(10));
        assert_eq!(history.last_change(Kind::Pod), Revision(11));
        // Nothing was forgotten of it.
        assert_eq!(history.oldest(Kind::Pod), Revision(7));
        assert_eq!(history.last_change(Kind::Node), Revision(7));
    }

    #[test]
    fn a_kind_that_is_written_heavily_shortens_its_own_history_only() {
        let mut history = History::from(Revision(0));
        push(&mut history, Kind::VirtualMachineInstanceMigration, 1, MIB, 0);
        for revision in 2..=5_000 {
            let second = i64::try_from(revision).unwrap() / 100;
            push(&mut history, Kind::Lease, revision, 64 << 10, second);
        }
        assert!(history.bytes <= MOST_BYTES);
        assert_eq!(left(&history, Kind::VirtualMachineInstanceMigration), [1]);
        assert!(history.oldest(Kind::Lease) > Revision(4_000));
    }

    #[test]
    fn what_is_newer_than_75_seconds_stays_beyond_the_usual_size() {
        let mut history = History::from(Revision(0));
        let mut second = 0;
        for revision in 1..=12 {
            push(&mut history, Kind::ConfigMap, revision, MIB, second);
            second += 7;
        }
        // The last was at 77 s.
        assert_eq!(left(&history, Kind::ConfigMap).first(), Some(&2));
        push(&mut history, Kind::Pod, 13, 0, 77 + 75);
        // As of 152 s, 11 of them are too old to stay beyond it.
        assert_eq!(left(&history, Kind::ConfigMap).first(), Some(&6));
        assert!(history.bytes <= USUAL_BYTES);
    }

    #[test]
    fn the_number_of_writes_is_bounded_and_cold_ones_have_no_text() {
        let mut history = History::from(Revision(0));
        let most = u64::try_from(MOST_BYTES / ENTRY_BYTES).unwrap();
        for revision in 1..=most + 5 {
            push(&mut history, Kind::ConfigMap, revision, 0, 0);
        }
        assert_eq!(history.oldest(Kind::ConfigMap), Revision(5));
        let all = history.after(Kind::ConfigMap, Revision(0));
        assert_eq!(all.filter(|entry| entry.lines.is_some()).count(), LINES_KEPT);
    }
}
