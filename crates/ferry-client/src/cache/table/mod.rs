//! The objects of one kind, as a watch and the answers to own writes tell of them.
//!
//! The two may come in any order. A watch tells everything, in order, but late; an answer tells at
//! once of one object. So an answer counts only where it is newer than all that the watch has told,
//! and an object that is newer than what the watch tells stays. An object that was deleted here is
//! gone for good, whatever is still told of it until the watch has told of its end.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferry_api::{Modelled, Selector};

use crate::revision::revision;

/// What has become of an object: `old` is nothing where it was not there, `new` where it is gone.
#[derive(Debug)]
pub(super) struct Changed<T> {
    pub(super) old: Option<Arc<T>>,
    pub(super) new: Option<Arc<T>>,
}

/// An object and how new it is.
#[derive(Debug)]
struct Entry<T> {
    object: Arc<T>,
    revision: u64,
}

/// The objects of a kind.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// By namespace and name.
    objects: BTreeMap<String, BTreeMap<String, Entry<T>>>,
    /// Up to where the watch has told everything; nothing before the first list.
    told: Option<u64>,
    /// Objects that were deleted here and of whose end the watch has not told: the revision that was
    /// known last, by uid.
    gone: BTreeMap<String, u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), told: None, gone: BTreeMap::new() }
    }
}

impl<T: Modelled> Table<T> {
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Arc<T>> {
        Some(&self.objects.get(namespace)?.get(name)?.object)
    }

    /// The objects that `labels` selects, by namespace and name.
    pub(super) fn list<'a>(
        &'a self,
        namespace: Option<&'a str>,
        labels: &'a Selector,
    ) -> impl Iterator<Item = &'a Arc<T>> {
        let is_meant = move |object: &&Arc<T>| {
            let own = object.metadata().labels.as_ref();
            labels.matches_with(|key| own?.get(key).map(String::as_str))
        };
        let spaces = self
            .objects
            .iter()
            .filter(move |(name, _)| namespace.is_none_or(|namespace| namespace == name.as_str()));
        spaces.flat_map(|(_, space)| space.values().map(|entry| &entry.object)).filter(is_meant)
    }

    /// Takes a list of all objects for what there is, as of revision `at`.
    pub(super) fn refill(&mut self, items: Vec<T>, at: u64) -> Vec<Changed<T>> {
        let mut changes = Vec::new();
        if self.told.is_some_and(|told| at < told) {
            // The server has lost its past, and what it says now is all there is.
            self.told = None;
            self.gone.clear();
            self.mark_as_oldest();
        }
        let listed: BTreeSet<(String, String)> = items.iter().map(key).collect();
        for (namespace, space) in &mut self.objects {
            let is_gone = |name: &String, entry: &Entry<T>| {
                entry.revision <= at && !listed.contains(&(namespace.clone(), name.clone()))
            };
            let gone = space.extract_if(.., |name, entry| is_gone(name, entry));
            changes.extend(gone.map(|(_, entry)| Changed { old: Some(entry.object), new: None }));
        }
        self.objects.retain(|_, space| !space.is_empty());
        // The watch that follows tells of the end of what is on the list, and of what is younger.
        let uids: BTreeSet<&str> = items.iter().map(uid).collect();
        self.gone.retain(|uid, revision| *revision > at || uids.contains(uid.as_str()));
        self.told = self.told.max(Some(at));
        changes.extend(items.into_iter().filter_map(|object| self.put(object)));
        changes
    }

    fn mark_as_oldest(&mut self) {
        for entry in self.objects.values_mut().flat_map(BTreeMap::values_mut) {
            entry.revision = 0;
        }
    }

    /// The watch has told everything up to here.
    pub(super) fn reach(&mut self, at: u64) {
        self.told = self.told.max(Some(at));
    }

    /// The watch tells of an object that was made or changed.
    pub(super) fn apply(&mut self, object: T) -> Option<Changed<T>> {
        self.reach(revision_of(&object));
        self.put(object)
    }

    /// The watch tells of the end of an object.
    pub(super) fn delete(&mut self, object: &T) -> Option<Changed<T>> {
        let at = revision_of(object);
        self.reach(at);
        self.gone.remove(uid(object));
        let (namespace, name) = key(object);
        let entry = self.objects.get(&namespace)?.get(&name)?;
        let is_it = uid(&*entry.object) == uid(object) || entry.revision <= at;
        if is_it { self.remove(&namespace, &name) } else { None }
    }

    /// The server has answered a write with the object as it is now.
    pub(super) fn answer(&mut self, object: T) -> Option<Changed<T>> {
        if self.told.is_some_and(|told| revision_of(&object) <= told) {
            return None;
        }
        self.put(object)
    }

    /// The server has answered that the object with this uid is gone.
    pub(super) fn forget(&mut self, namespace: &str, name: &str, uid_: &str) -> Option<Changed<T>> {
        let object = self.get(namespace, name)?;
        // Where it is not there, the watch has told of its end already.
        if uid(&**object) != uid_ {
            return None;
        }
        let revision = revision_of(&**object);
        self.gone.insert(uid_.to_owned(), revision);
        self.remove(namespace, name)
    }

    fn put(&mut self, mut object: T) -> Option<Changed<T>> {
        if self.gone.contains_key(uid(&object)) {
            return None;
        }
        // Who wrote which field is of no use to anybody here, and half of an object.
        object.metadata_mut().managed_fields = None;
        let revision = revision_of(&object);
        let (namespace, name) = key(&object);
        let space = self.objects.entry(namespace).or_default();
        if space.get(&name).is_some_and(|known| known.revision > revision) {
            return None;
        }
        let new = Arc::new(object);
        let entry = Entry { object: Arc::clone(&new), revision };
        let old = space.insert(name, entry);
        // What was told twice is no news.
        if old.as_ref().is_some_and(|old| old.revision == revision && revision > 0) {
            return None;
        }
        Some(Changed { old: old.map(|old| old.object), new: Some(new) })
    }

    fn remove(&mut self, namespace: &str, name: &str) -> Option<Changed<T>> {
        let space = self.objects.get_mut(namespace)?;
        let entry = space.remove(name)?;
        if space.is_empty() {
            self.objects.remove(namespace);
        }
        Some(Changed { old: Some(entry.object), new: None })
    }
}

fn key<T: Modelled>(object: &T) -> (String, String) {
    let metadata = object.metadata();
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn uid<T: Modelled>(object: &T) -> &str {
    object.metadata().uid.as_deref().unwrap_or_default()
}

fn revision_of<T: Modelled>(object: &T) -> u64 {
    revision(object.metadata().resource_version.as_deref())
}
