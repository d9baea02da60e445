//! Does an object want something done to it, and what?

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use ferry_api::{Kind, Scope};
use ferry_units::WallTime;

use crate::document::at;
use crate::garbage::{CONTENTS, FOREGROUND, ORPHAN, namespace_key, owner_key};
use crate::object::{ObjectKey, Owner, Stored};
use crate::request::Propagation;
use crate::state::{Dependents, Due, State};
use crate::uid::Uid;

/// What an object wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Its end, with what becomes of its own dependents.
    Delete(Propagation),
    /// Its end from this moment on, for its namespace ends.
    Vacate(WallTime),
    /// Its references to these owners taken away.
    Disown(BTreeSet<String>),
    /// Its references to its owners to hold those up no longer: it and they wait for each other.
    Unblock,
    /// The references to it taken away from some of its dependents.
    Orphan(Vec<ObjectKey>),
    /// A finalizer of the collector taken away: what it waited for is done.
    Release(&'static str),
    /// The last finalizer of an empty namespace taken away.
    FinalizeNamespace,
}

impl Demand {
    /// From when on it is wanted.
    pub(crate) fn due(&self) -> Due {
        match self {
            Self::Vacate(at) => Due::From(*at),
            Self::Delete(_)
            | Self::Disown(_)
            | Self::Unblock
            | Self::Orphan(_)
            | Self::Release(_)
            | Self::FinalizeNamespace => Due::Now,
        }
    }
}

/// How many seconds what is in a namespace stays after that was deleted. Whoever deletes all that a
/// manifest has, its namespace first, finds the rest of it.
// PARITY: pkg/controller/namespace/namespace_controller.go#namespaceDeletionGracePeriod
const NAMESPACE_GRACE: i64 = 5;

/// How many dependents are looked for at once. The next call finds the others.
const MOST_DEPENDENTS: usize = 64;

/// What `object` wants done, if anything.
// PARITY: pkg/controller/garbagecollector/garbagecollector.go#attemptToDeleteItem
pub(crate) fn demand(state: &State, dependents: &Dependents, object: &Stored) -> Option<Demand> {
    if object.meta.deleted().is_some() {
        return release(state, dependents, object);
    }
    of_dependent(state, dependents, object).or_else(|| {
        let namespace = state.object(&namespace_key(&object.key.namespace))?;
        let end = namespace.meta.deleted()?;
        let due = end.unix_seconds().saturating_add(NAMESPACE_GRACE);
        Some(Demand::Vacate(WallTime::from_unix_seconds(due).unwrap_or(end)))
    })
}

/// What an object wants because of its owners.
fn of_dependent(state: &State, dependents: &Dependents, object: &Stored) -> Option<Demand> {
    if object.meta.owners().is_empty() {
        return None;
    }
    let mut dangling = BTreeSet::new();
    let mut waiting = BTreeSet::new();
    let mut solid = 0;
    for owner in object.meta.owners() {
        match standing(state, &object.key, owner) {
            Standing::Solid => solid += 1,
            Standing::Absent => drop(dangling.insert(owner.uid.clone())),
            Standing::Waiting => drop(waiting.insert(owner.uid.clone())),
        }
    }
    let uid = &object.meta.uid;
    if solid > 0 {
        dangling.append(&mut waiting);
        return (!dangling.is_empty()).then_some(Demand::Disown(dangling));
    }
    if waiting.is_empty() || dependents.of(uid).next().is_none() {
        return Some(Demand::Delete(propagation_of(object)));
    }
    let waits = |key: &ObjectKey| state.object(key).is_some_and(|one| is_waiting(one));
    let blocks = object.meta.owners().iter().any(|owner| owner.blocks_deletion);
    if blocks && dependents.of(uid).any(waits) {
        return Some(Demand::Unblock);
    }
    Some(Demand::Delete(Propagation::Foreground))
}

/// What an object that is being deleted wants.
fn release(state: &State, dependents: &Dependents, object: &Stored) -> Option<Demand> {
    let has = |name: &str| object.meta.finalizers().iter().any(|finalizer| finalizer == name);
    let uid = &object.meta.uid;
    let mut dependents = dependents.of(uid);
    if has(ORPHAN) {
        let dependents: Vec<_> = dependents.take(MOST_DEPENDENTS).cloned().collect();
        return Some(if dependents.is_empty() {
            Demand::Release(ORPHAN)
        } else {
            Demand::Orphan(dependents)
        });
    }
    if has(FOREGROUND) {
        let blocked = dependents.any(|key| blocks(state, key, uid));
        return (!blocked).then_some(Demand::Release(FOREGROUND));
    }
    let empty = || state.population().of_namespace(&object.key.name) == 0;
    (object.key.kind == Kind::Namespace && empty() && waits_for_contents(object))
        .then_some(Demand::FinalizeNamespace)
}

/// Whether a namespace still waits for its contents. There may be finalizers of others beside.
fn waits_for_contents(namespace: &Stored) -> bool {
    let document = namespace.document();
    let finalizers = at(&document, "spec.finalizers").and_then(serde_json::Value::as_array);
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|name| name == CONTENTS))
}

fn blocks(state: &State, dependent: &ObjectKey, uid: &Uid) -> bool {
    state.object(dependent).is_some_and(|object| {
        object.meta.owners().iter().any(|owner| *uid == *owner.uid && owner.blocks_deletion)
    })
}

/// What there is of an owner.
enum Standing {
    /// It is there, or cannot be known here.
    Solid,
    /// It is not.
    Absent,
    /// It waits for its dependents to go first.
    Waiting,
}

fn standing(state: &State, dependent: &ObjectKey, owner: &Owner) -> Standing {
    let Some(key) = owner_key(dependent, owner) else { return Standing::Solid };
    match state.object(&key) {
        Some(found) if found.meta.uid != *owner.uid => Standing::Absent,
        Some(found) if is_waiting(found) => Standing::Waiting,
        Some(_) => Standing::Solid,
        None => Standing::Absent,
    }
}

fn is_waiting(object: &Stored) -> bool {
    object.meta.deleted().is_some()
        && object.meta.finalizers().iter().any(|name| name == FOREGROUND)
}

/// What becomes of the dependents of an object that is collected: what its finalizers say.
fn propagation_of(object: &Stored) -> Propagation {
    let has = |name: &str| object.meta.finalizers().iter().any(|finalizer| finalizer == name);
    if has(ORPHAN) {
        Propagation::Orphan
    } else if has(FOREGROUND) {
        Propagation::Foreground
    } else {
        Propagation::Background
    }
}

/// All that is in a namespace.
pub(super) fn contents<'a>(
    state: &'a State,
    namespace: &'a str,
) -> impl Iterator<Item = &'a Arc<Stored>> {
    Kind::ALL
        .into_iter()
        .filter(|kind| kind.definition().scope == Scope::Namespaced)
        .flat_map(move |kind| state.objects().range(kind, Some(namespace), Bound::Unbounded))
}
