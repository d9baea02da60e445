//! What has to be cleaned up: dependents of owners that are gone, what a deleted namespace still
//! holds, and Events that nobody will read any more.
//!
//! With each write it is worked out which objects want something done to them, so that the work is
//! known without a search. What is wanted is an ordinary write, which may be refused or overtaken
//! like any other; it is wanted again until it is done.

mod chores;
mod demand;
mod remaining;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use ferry_api::{Kind, KindVersion, Scope};
use ferry_units::WallTime;

pub(crate) use chores::chores;
pub(crate) use demand::{Demand, demand};
pub(crate) use remaining::remaining;

use crate::object::{ObjectKey, Owner, Stored};
use crate::state::State;
use crate::uid::Uid;

/// The finalizer of a deletion that waits for the dependents.
pub(crate) const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of a deletion that leaves the dependents without an owner.
pub(crate) const ORPHAN: &str = "orphan";

/// The finalizer in the spec of a namespace that stands for its contents.
pub(crate) const CONTENTS: &str = "kubernetes";

/// Where the owner of an object is found; `None` for kinds that are not served here in this version,
/// of which nothing can be known, and for an owner that the object cannot have.
// PARITY: pkg/controller/garbagecollector/garbagecollector.go#isDangling: an owner in another
// namespace is no owner; that of an object of the whole cluster cannot be in any.
pub(crate) fn owner_key(dependent: &ObjectKey, owner: &Owner) -> Option<ObjectKey> {
    let kind = KindVersion::of_document(&owner.api_version, &owner.kind)?.kind();
    match (kind.definition().scope, dependent.namespace.is_empty()) {
        (Scope::Cluster, _) => Some(ObjectKey::new(kind, "", &owner.name)),
        (Scope::Namespaced, false) => Some(ObjectKey::new(kind, &dependent.namespace, &owner.name)),
        (Scope::Namespaced, true) => None,
    }
}

/// The key of the namespace that an object is in.
pub(crate) fn namespace_key(namespace: &str) -> ObjectKey {
    ObjectKey::new(Kind::Namespace, "", namespace)
}

/// Works out anew whether an object wants something done to it.
fn refresh(state: &mut State, key: &ObjectKey) {
    let Some(upkeep) = state.upkeep() else { return };
    let object = state.object(key);
    let wanted = object.and_then(|object| demand(state, &upkeep.dependents, object));
    let Some(upkeep) = state.upkeep_mut() else { return };
    upkeep.work.follow(key, wanted.as_ref().map(Demand::due));
}

/// Who an object is, and what keeps it.
fn life(object: &Stored) -> (&Uid, Option<WallTime>, &[String]) {
    (&object.meta.uid, object.meta.deleted(), object.meta.finalizers())
}

/// Works out what a write means for what is wanted: of the object itself, of its owners, its
/// dependents, its namespace and its contents.
pub(crate) fn follow(state: &mut State, before: Option<&Stored>, after: Option<&Stored>) {
    let (Some(object), Some(upkeep)) = (after.or(before), state.upkeep()) else { return };
    let mut touched = BTreeSet::new();
    touched.insert(object.key.clone());
    for version in [before, after].into_iter().flatten() {
        for owner in version.meta.owners() {
            touched.extend(owner_key(&version.key, owner));
        }
    }
    if before.map(life) != after.map(life) {
        for version in [before, after].into_iter().flatten() {
            touched.extend(upkeep.dependents.of(&version.meta.uid).cloned());
        }
        if object.key.kind == Kind::Namespace {
            touched.extend(demand::contents(state, &object.key.name).map(|one| one.key.clone()));
        }
    }
    let namespace = &object.key.namespace;
    if !namespace.is_empty() && before.is_some() != after.is_some() {
        touched.insert(namespace_key(namespace));
    }
    for key in &touched {
        refresh(state, key);
    }
}
