//! What is looked up other than by key: who has whom as owner, how many there are where, and what
//! waits to be cleaned up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferry_api::Kind;
use ferry_units::WallTime;

use crate::object::{ObjectKey, Stored};
use crate::uid::Uid;

/// How long an Event is kept after it was last seen: as long as Kubernetes does. Events are news;
/// whoever wants to keep them reads them in time.
const EVENT_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// What is known to clean up after writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upkeep {
    /// Who has whom as owner.
    pub(crate) dependents: Dependents,
    /// What waits to be cleaned up.
    pub(crate) work: Work,
}

impl Upkeep {
    /// An object was one thing before a write and is another after it.
    pub(super) fn follow(&mut self, before: Option<&Stored>, after: Option<&Stored>) {
        self.dependents.follow(before, after);
        self.work.follow_expiry(before, after);
    }
}

/// Who has whom as owner: owners' uids, with the objects that name them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependents(BTreeSet<(String, ObjectKey)>);

impl Dependents {
    fn follow(&mut self, before: Option<&Stored>, after: Option<&Stored>) {
        if let (Some(before), Some(after)) = (before, after)
            && before.meta.owners() == after.meta.owners()
        {
            return;
        }
        for owner in before.iter().flat_map(|object| object.meta.owners()) {
            let key = before.map(|object| object.key.clone());
            if let Some(key) = key {
                self.0.remove(&(owner.uid.clone(), key));
            }
        }
        if let Some(after) = after {
            for owner in after.meta.owners() {
                self.0.insert((owner.uid.clone(), after.key.clone()));
            }
        }
    }

    /// The objects that name an owner of this uid.
    pub(crate) fn of<'a>(&'a self, uid: &'a Uid) -> impl Iterator<Item = &'a ObjectKey> {
        // Nearly all objects are nobody's, and so are looked for in vain with each write.
        let first =
            (!self.0.is_empty()).then(|| (uid.to_string(), ObjectKey::new(Kind::ALL[0], "", "")));
        let found = first.into_iter().flat_map(|first| self.0.range(first..));
        found.take_while(move |(owner, _)| *uid == **owner).map(|(_, key)| key)
    }
}

/// How many objects there are of each kind and in each namespace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Population {
    kinds: BTreeMap<Kind, usize>,
    namespaces: BTreeMap<String, usize>,
}

impl Population {
    pub(super) fn follow(&mut self, before: Option<&Stored>, after: Option<&Stored>) {
        match (before, after) {
            (None, Some(object)) => {
                *self.kinds.entry(object.key.kind).or_default() += 1;
                if !object.key.namespace.is_empty() {
                    match self.namespaces.get_mut(&object.key.namespace) {
                        Some(count) => *count += 1,
                        None => {
                            self.namespaces.insert(object.key.namespace.clone(), 1);
                        }
                    }
                }
            }
            (Some(object), None) => {
                if let Some(count) = self.kinds.get_mut(&object.key.kind) {
                    *count -= 1;
                }
                if let Some(count) = self.namespaces.get_mut(&object.key.namespace) {
                    *count -= 1;
                    if *count == 0 {
                        self.namespaces.remove(&object.key.namespace);
                    }
                }
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    pub(crate) fn of_kind(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    pub(crate) fn of_namespace(&self, namespace: &str) -> usize {
        self.namespaces.get(namespace).copied().unwrap_or_default()
    }
}

/// When something wants to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// At once.
    Now,
    /// From this moment on.
    From(WallTime),
}

/// What waits to be cleaned up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Work {
    /// The objects that want something done to them now.
    wanted: BTreeSet<ObjectKey>,
    /// Those that want it later, and when.
    later: BTreeMap<ObjectKey, WallTime>,
    /// The same, the earliest first.
    queue: BTreeSet<(WallTime, ObjectKey)>,
    /// When each Event expires.
    expiries: BTreeSet<(WallTime, ObjectKey)>,
}

impl Work {
    fn follow_expiry(&mut self, before: Option<&Stored>, after: Option<&Stored>) {
        let [before, after] = [before, after].map(|object| object.and_then(expiry));
        if before == after {
            return;
        }
        if let Some(before) = before {
            self.expiries.remove(&before);
        }
        self.expiries.extend(after);
    }

    pub(super) fn first_expiry(&self) -> Option<WallTime> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// The Events that have expired by `now`, the oldest first.
    pub(crate) fn expired(&self, now: WallTime) -> impl Iterator<Item = &ObjectKey> {
        self.expiries.iter().take_while(move |(at, _)| *at <= now).map(|(_, key)| key)
    }

    /// The objects that want something done to them now, those of one kind first.
    pub(crate) fn wanted(&self, first: Kind) -> impl Iterator<Item = &ObjectKey> {
        let start = ObjectKey::new(first, "", "");
        self.wanted.range(start.clone()..).chain(self.wanted.range(..start))
    }

    pub(super) fn first_due(&self) -> Option<WallTime> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The objects that wanted something done to them later, which is `now`, the earliest first.
    pub(crate) fn due(&self, now: WallTime) -> impl Iterator<Item = &ObjectKey> {
        self.queue.iter().take_while(move |(at, _)| *at <= now).map(|(_, key)| key)
    }

    /// An object wants something done to it, or nothing any more.
    pub(crate) fn follow(&mut self, key: &ObjectKey, due: Option<Due>) {
        let later = match due {
            Some(Due::From(at)) => Some(at),
            Some(Due::Now) | None => None,
        };
        if due != Some(Due::Now) {
            self.wanted.remove(key);
        } else if !self.wanted.contains(key) {
            self.wanted.insert(key.clone());
        }
        if self.later.get(key).copied() == later {
            return;
        }
        if let Some((key, at)) = self.later.remove_entry(key) {
            self.queue.remove(&(at, key));
        }
        if let Some(at) = later {
            self.later.insert(key.clone(), at);
            self.queue.insert((at, key.clone()));
        }
    }
}

fn expiry(object: &Stored) -> Option<(WallTime, ObjectKey)> {
    if object.key.kind != Kind::Event || object.meta.deleted().is_some() {
        return None;
    }
    let seen = object.meta.seen().max(object.meta.created)?;
    let after = i64::try_from(EVENT_LIFETIME.as_secs()).expect("an hour is a small number");
    // At the end of the calendar nothing expires any more.
    let at = WallTime::from_unix_seconds(seen.unix_seconds().saturating_add(after))?;
    Some((at, object.key.clone()))
}
