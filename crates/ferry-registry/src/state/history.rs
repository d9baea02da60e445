//! The writes of the last minutes, so that lists and watches can go on from where they were.

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

/// How many writes are remembered at most. Each takes some 100 bytes beside its objects, so this is
/// 5 MB; a hundred nodes that renew their leases every 10 seconds fill a tenth of it in 10 minutes.
const MOST_WRITES: usize = 50_000;

/// How many bytes of objects that are no longer current are remembered at most. Watches that lag
/// further behind list again, which costs them one request; memory at rest is promised to stay
/// below 50 MiB with 10,000 objects of 2 KiB, which take 27.
const MOST_BYTES: usize = 8 << 20;

/// For how many of the newest writes of a kind the text that watchers were sent is kept. Watchers
/// that keep up read it within the first few; the others make it anew.
const LINES_KEPT: usize = 256;

/// The writes of the last minutes.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    oldest: Revision,
    room: Room,
    kinds: BTreeMap<Kind, VecDeque<Entry>>,
    /// All writes in order: when, and of which kind.
    order: VecDeque<(WallTime, Kind)>,
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
    /// The bytes that only the history holds.
    fn bytes(&self) -> usize {
        let gone = match self.fate {
            Fate::There => 0,
            Fate::Gone => self.object.json.len(),
        };
        gone + self.before.as_ref().map_or(0, |before| before.json.len())
    }
}

impl History {
    /// A history that begins at `revision`.
    pub(super) fn from(revision: Revision) -> Self {
        Self { oldest: revision, ..Self::default() }
    }

    /// One that remembers nothing.
    pub(super) fn none(revision: Revision) -> Self {
        Self { oldest: revision, room: Room::None, ..Self::default() }
    }

    pub(super) fn oldest(&self) -> Revision {
        self.oldest
    }

    pub(super) fn last_change(&self, kind: Kind) -> Revision {
        let last = self.kinds.get(&kind).and_then(|entries| entries.back());
        last.map_or(self.oldest, |entry| entry.revision)
    }

    pub(super) fn push(
        &mut self,
        revision: Revision,
        object: Arc<Stored>,
        before: Option<Arc<Stored>>,
        fate: Fate,
        now: WallTime,
    ) {
        if self.room == Room::None {
            self.oldest = revision;
            return;
        }
        let kind = object.key.kind;
        let lines = Some(Arc::new(Lines::default()));
        let entry = Entry { revision, object, before, fate, lines };
        self.bytes += entry.bytes();
        let entries = self.kinds.entry(kind).or_default();
        entries.push_back(entry);
        if let Some(cold) = entries.len().checked_sub(LINES_KEPT + 1) {
            entries[cold].lines = None;
        }
        self.order.push_back((now, kind));
        self.forget(now);
    }

    fn forget(&mut self, now: WallTime) {
        while let Some((at, kind)) = self.order.front()
            && (self.order.len() > MOST_WRITES
                || self.bytes > MOST_BYTES
                || now.since(*at) > KEPT_FOR)
        {
            let entries = self.kinds.get_mut(kind);
            if let Some(entry) = entries.and_then(VecDeque::pop_front) {
                self.bytes -= entry.bytes();
                self.oldest = entry.revision;
            }
            self.order.pop_front();
        }
    }

    /// The writes to objects of a kind after a revision, oldest first.
    pub(super) fn after(&self, kind: Kind, revision: Revision) -> impl Iterator<Item = &Entry> {
        let entries = self.kinds.get(&kind);
        let start = entries
            .map_or(0, |entries| entries.partition_point(|entry| entry.revision <= revision));
        entries.into_iter().flat_map(move |entries| entries.range(start..))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::object::{Meta, ObjectKey};

    fn stored(name: &str, revision: u64, bytes: usize) -> Arc<Stored> {
        Arc::new(Stored {
            key: ObjectKey::new(Kind::ConfigMap, "a", name),
            revision: Revision(revision),
            meta: Meta::default(),
            json: Bytes::from(vec![b' '; bytes]),
        })
    }

    fn at(seconds: i64) -> WallTime {
        WallTime::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn current_objects_cost_nothing_and_former_ones_are_bounded() {
        let mut history = History::from(Revision(0));
        let mut before = None;
        for revision in 1..=20 {
            let object = stored("a", revision, MOST_BYTES / 4);
            history.push(Revision(revision), object.clone(), before, Fate::There, at(0));
            before = Some(object);
        }
        assert!(history.bytes <= MOST_BYTES);
        let left: Vec<_> =
            history.after(Kind::ConfigMap, history.oldest()).map(|e| e.revision.0).collect();
        assert_eq!(left, [17, 18, 19, 20]);
        assert_eq!(history.oldest(), Revision(16));
    }

    #[test]
    fn what_is_older_than_ten_minutes_goes_and_what_is_not_stays() {
        let mut history = History::from(Revision(7));
        for (revision, second) in [(8, 0), (9, 300), (10, 600), (11, 601)] {
            history.push(
                Revision(revision),
                stored(&revision.to_string(), revision, 1),
                None,
                Fate::There,
                at(second),
            );
        }
        assert_eq!(history.oldest(), Revision(8));
        assert_eq!(history.after(Kind::ConfigMap, Revision(8)).count(), 3);
        assert_eq!(history.after(Kind::ConfigMap, Revision(10)).count(), 1);
        assert_eq!(history.last_change(Kind::ConfigMap), Revision(11));
        assert_eq!(history.last_change(Kind::Pod), Revision(8));
    }

    #[test]
    fn the_number_of_writes_is_bounded_and_cold_ones_have_no_text() {
        let mut history = History::from(Revision(0));
        let object = stored("a", 1, 1);
        let most = u64::try_from(MOST_WRITES).unwrap();
        for revision in 1..=most + 5 {
            history.push(Revision(revision), object.clone(), None, Fate::There, at(0));
        }
        assert_eq!(history.oldest(), Revision(5));
        let warm = history.after(Kind::ConfigMap, Revision(0)).filter(|e| e.lines.is_some());
        assert_eq!(warm.count(), LINES_KEPT);
    }
}
