//! Who owns what after a plain write.

use ferry_units::WallTime;
use serde_json::{Map, Value};

use crate::fields::ManagerId;
use crate::fields::compare::{Comparison, all_of, compare};
use crate::fields::form::Form;
use crate::fields::managers::{self, Entry};
use crate::fields::value::same_object;
use crate::fields::versions::{Differences, Versions};
use crate::object::Document;

/// Rewrites `after`'s `managedFields` for a write by `manager`: it comes to own what is new or
/// different, and all others lose that and what is gone.
///
/// The entries to begin with are those that the client sent, if they are any: that is how a client
/// edits them, and an empty list ends all tracking. Otherwise they are those of `before`. An object
/// whose fields nobody owns yet is not tracked until somebody applies to it.
///
/// Both states are in the version that objects are kept in.
// PARITY: apimachinery/pkg/util/managedfields/internal/fieldmanager.go#Update
pub(crate) fn track_update<V: Versions>(
    versions: &V,
    before: Option<&Document>,
    after: &mut Document,
    manager: &ManagerId,
    now: WallTime,
) {
    let kept = versions.kept();
    let sent = take_managed(after);
    let unchanged = sent.is_none() || sent.as_ref() == before.and_then(managed_of);
    let mut differences = Differences::new(versions, kept, before, after);
    let nothing_new = *differences.at(kept) == Comparison::default();
    if unchanged && nothing_new {
        set_managed(after, before.and_then(managed_of).cloned());
        return;
    }
    let mut entries = entries_to_begin_with(before, sent.as_ref(), manager);
    if entries.is_empty() && before.is_some_and(exists) {
        set_managed(after, None);
        return;
    }
    hand_over(&mut entries, &mut differences, manager, now);
    managers::cap(&mut entries);
    set_managed(after, managers::write(entries));
    if nothing_new && let Some(before) = before {
        settle(before, after);
    }
}

/// Puts the old entries back where a write changed nothing but their times, so that a write that
/// changes nothing is none.
// PARITY: apiserver/pkg/endpoints/handlers/fieldmanager/equality.go#IgnoreManagedFieldsTimestampsTransformer
pub(crate) fn settle(before: &Document, after: &mut Document) {
    let (Some(old), Some(new)) = (managed_of(before), managed_of(after)) else { return };
    if old == new || !same_but_for_times(old, new) {
        return;
    }
    let same = before.len() == after.len()
        && before.iter().all(|(name, old)| match (name.as_str(), old, after.get(name)) {
            ("metadata", Value::Object(old), Some(Value::Object(new))) => same_metadata(old, new),
            (_, old, new) => new == Some(old),
        });
    if same {
        let old = old.clone();
        set_managed(after, Some(old));
    }
}

fn same_metadata(old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    old.len() == new.len()
        && old.iter().all(|(name, value)| name == "managedFields" || new.get(name) == Some(value))
}

fn same_but_for_times(old: &Value, new: &Value) -> bool {
    let (Value::Array(old), Value::Array(new)) = (old, new) else { return false };
    let timeless = |entry: &Value| {
        let mut entry = entry.as_object().cloned().unwrap_or_default();
        entry.remove("time");
        entry
    };
    let new: Vec<_> = new.iter().map(timeless).collect();
    old.len() == new.len()
        && old.iter().map(timeless).all(|old| new.iter().any(|new| same_object(&old, new)))
}

/// The entry of `manager` after a write, and what that takes from the others.
// PARITY: apimachinery/pkg/util/managedfields/internal/managedfieldsupdater.go#Update
fn hand_over<V: Versions>(
    entries: &mut Vec<Entry>,
    differences: &mut Differences<'_, V>,
    manager: &ManagerId,
    now: WallTime,
) {
    take_from(entries, differences);
    let mut own = Entry::of(manager);
    let Some(comparison) = differences.take_of_entry(&own.api_version) else { return };
    let mut taken = comparison.modified;
    taken.unite(comparison.added);
    if !taken.is_empty() {
        if let Some(place) = entries.iter().position(|entry| entry.is_of_same(&own)) {
            own.fields = entries.swap_remove(place).fields;
        }
        own.fields.unite(taken);
        own.time = Some(now.to_string());
        entries.push(own);
    }
    entries.retain(|entry| !entry.fields.is_empty());
}

/// Takes what changed from all who own it, each in the version of its entry. Entries of versions
/// that there are not any more say nothing.
// PARITY: structured-merge-diff/merge/update.go#update
pub(super) fn take_from<V: Versions>(
    entries: &mut Vec<Entry>,
    differences: &mut Differences<'_, V>,
) {
    entries.retain_mut(|entry| {
        let Some(Comparison { added, modified, removed }) =
            differences.of_entry(&entry.api_version)
        else {
            return false;
        };
        for changed in [modified, added, removed] {
            entry.fields.subtract(changed);
        }
        true
    });
}

/// All of an object that nobody owns yet, as its first owner; the object is of the version that
/// `manager` writes in.
pub(super) fn claim_all<V: Versions>(
    versions: &V,
    version: V::Version,
    object: &Document,
    manager: &ManagerId,
    now: WallTime,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut differences = Differences::new(versions, version, None, object);
    hand_over(&mut entries, &mut differences, manager, now);
    entries
}

/// What Kubernetes' own kinds are never without, if they have it at all.
const NEVER_ABSENT: [&str; 6] =
    ["deprecatedSource", "involvedObject", "regarding", "source", "spec", "status"];

/// What is new in an object that was not there. Nobody comes to own what its kind is never without by
/// writing what is in it.
// PARITY: apimachinery/pkg/util/managedfields/internal/skipnonapplied.go#Apply
pub(super) fn creation(form: Form<'_>, object: &Document) -> Comparison {
    if !is_built_in(object) {
        return Comparison { added: all_of(form, object), ..Comparison::default() };
    }
    let is_there = |name: &&str| object.get(*name).is_some_and(Value::is_object);
    let empty = NEVER_ABSENT.into_iter().filter(is_there);
    let blank = empty.map(|name| (name.to_owned(), Value::Object(Map::new()))).collect();
    compare(form, &blank, object)
}

fn is_built_in(object: &Document) -> bool {
    let api_version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    match api_version.split_once('/') {
        None => true,
        Some((group, _)) => !group.contains('.') || group.ends_with(".k8s.io"),
    }
}

/// An object that is created has no uid yet, and may be given as one without content.
fn exists(object: &Document) -> bool {
    let uid = object.get("metadata").and_then(|metadata| metadata.get("uid"));
    uid.and_then(Value::as_str).is_some_and(|uid| !uid.is_empty())
}

// PARITY: apimachinery/pkg/util/managedfields/internal/fieldmanager.go#decodeLiveOrNew
fn entries_to_begin_with(
    before: Option<&Document>,
    sent: Option<&Value>,
    manager: &ManagerId,
) -> Vec<Entry> {
    if manager.subresource.is_empty()
        && let Some(sent) = sent
    {
        if is_reset(sent) {
            return Vec::new();
        }
        if let Some(entries) = managers::read(sent).filter(|entries| !entries.is_empty()) {
            return entries;
        }
    }
    before.and_then(managed_of).and_then(managers::read).unwrap_or_default()
}

/// `[]` and `[{}]`: the client wants nobody to own anything.
// PARITY: apimachinery/pkg/util/managedfields/internal/fieldmanager.go#isResetManagedFields
fn is_reset(sent: &Value) -> bool {
    match sent.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([only]) => only.as_object().is_some_and(Map::is_empty),
        _ => false,
    }
}

/// An object's `managedFields`.
pub(super) fn managed_of(object: &Document) -> Option<&Value> {
    object.get("metadata")?.get("managedFields")
}

/// Takes the `managedFields` out of an object.
pub(super) fn take_managed(object: &mut Document) -> Option<Value> {
    object.get_mut("metadata")?.as_object_mut()?.remove("managedFields")
}

/// Gives an object these `managedFields`.
pub(super) fn set_managed(object: &mut Document, managed: Option<Value>) {
    let Some(managed) = managed else {
        take_managed(object);
        return;
    };
    let metadata =
        object.entry("metadata").or_insert_with(|| Value::Object(Map::new())).as_object_mut();
    if let Some(metadata) = metadata {
        metadata.insert("managedFields".to_owned(), managed);
    }
}
