//! What is wanted, as writes like any other.

use std::collections::BTreeSet;

use ferry_api::{Kind, KindVersion};
use ferry_units::WallTime;
use serde_json::{Value, json};

use crate::draft::Draft;

use crate::garbage::{CONTENTS, Demand, demand};
use crate::object::{Document, ObjectKey, Part, Stored, Target};
use crate::request::{DeleteOptions, Patch, Propagation, Request, User, Write, WriteOptions};
use crate::state::{State, Upkeep};

/// How many writes are asked for at once: few enough that clients' writes are not kept waiting for
/// more than some milliseconds, enough that a large namespace is gone after a few rounds.
pub(crate) const MOST_CHORES: usize = 256;

const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";
pub(super) const NAMESPACES: &str = "system:serviceaccount:kube-system:namespace-controller";
const EVENTS: &str = "system:apiserver";

/// What is wanted at `now`, at most [`MOST_CHORES`] of it.
pub(crate) fn chores(state: &State, now: WallTime) -> Vec<Request> {
    let mut chores = Vec::new();
    let Some(Upkeep { dependents, work }) = state.upkeep() else { return chores };
    let wanted = work.wanted(first_kind(now)).chain(work.due(now));
    for object in wanted.filter_map(|key| state.object(key)) {
        if chores.len() >= MOST_CHORES {
            return chores;
        }
        if let Some(demand) = demand(state, dependents, object) {
            chores.extend(writes(state, object, demand));
        }
    }
    let room = MOST_CHORES.saturating_sub(chores.len());
    let expired = work.expired(now).filter_map(|key| state.object(key));
    chores.extend(expired.take(room).map(|event| delete(EVENTS, event, Propagation::Background)));
    chores
}

/// The kind that is looked at first. It changes every second, so that writes which are refused do
/// not keep those of other kinds waiting for ever.
fn first_kind(now: WallTime) -> Kind {
    let kinds = i64::try_from(Kind::ALL.len()).expect("there are a few dozen kinds");
    let index = now.unix_seconds().rem_euclid(kinds);
    usize::try_from(index).ok().and_then(|index| Kind::ALL.get(index)).copied().unwrap_or(Kind::Pod)
}

fn writes(state: &State, object: &Stored, demand: Demand) -> Vec<Request> {
    match demand {
        Demand::Delete(propagation) => vec![delete(COLLECTOR, object, propagation)],
        Demand::Vacate(_) => vec![delete(NAMESPACES, object, Propagation::Background)],
        Demand::Disown(uids) => vec![disown(object, &uids)],
        Demand::Unblock => vec![patch_references(object, |reference| {
            reference.remove("blockOwnerDeletion");
            true
        })],
        Demand::Orphan(dependents) => {
            let uids = BTreeSet::from([object.meta.uid.to_string()]);
            let dependents = dependents.iter().filter_map(|key| state.object(key));
            dependents.map(|dependent| disown(dependent, &uids)).collect()
        }
        Demand::Release(finalizer) => {
            let left: Vec<_> =
                object.meta.finalizers().iter().filter(|name| *name != finalizer).collect();
            vec![patch(object, json!({ "finalizers": left }))]
        }
        Demand::FinalizeNamespace => vec![finalize(object)],
    }
}

pub(super) fn request(user: &str, key: &ObjectKey, part: Part, write: Write) -> Request {
    Request {
        user: User {
            name: user.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            ..User::default()
        }
        .into(),
        target: Target {
            served: KindVersion::storage(key.kind),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            part,
        },
        write,
        options: WriteOptions {
            manager: "kube-controller-manager".to_owned(),
            ..WriteOptions::default()
        },
    }
}

/// Deletes just the object that was looked at: one of the same name is another, and one that has
/// changed may no longer want it.
fn delete(user: &str, object: &Stored, propagation: Propagation) -> Request {
    let options = DeleteOptions {
        propagation: Some(propagation),
        // A pod is given the time that it asks for.
        grace_period_seconds: None,
        uid: Some(object.meta.uid.to_string()),
        resource_version: Some(object.revision.to_string()),
    };
    request(user, &object.key, Part::Main, Write::Delete(options))
}

/// Changes the metadata of just the object that was looked at.
fn patch(object: &Stored, mut metadata: Value) -> Request {
    metadata["resourceVersion"] = Value::from(object.revision.to_string());
    let patch = Patch::Merge(json!({ "metadata": metadata }));
    request(COLLECTOR, &object.key, Part::Main, Write::Patch(patch))
}

fn disown(object: &Stored, uids: &BTreeSet<String>) -> Request {
    patch_references(object, |reference| {
        let uid = reference.get("uid").and_then(Value::as_str).unwrap_or_default();
        !uids.contains(uid)
    })
}

fn patch_references(object: &Stored, mut keep: impl FnMut(&mut Document) -> bool) -> Request {
    let mut document = object.document();
    let references = document.get_mut("metadata").and_then(|it| it.get_mut("ownerReferences"));
    let mut left = references.map(Value::take).unwrap_or_default();
    if let Some(references) = left.as_array_mut() {
        references.retain_mut(|reference| reference.as_object_mut().is_some_and(&mut keep));
    }
    patch(object, json!({ "ownerReferences": left }))
}

/// Takes away the finalizer that stood for the contents of a namespace. Others are somebody else's.
fn finalize(namespace: &Stored) -> Request {
    debug_assert_eq!(namespace.key.kind, Kind::Namespace);
    let mut document = namespace.document();
    let finalizers = document.get_mut("spec").and_then(|spec| spec.get_mut("finalizers"));
    if let Some(finalizers) = finalizers.and_then(Value::as_array_mut) {
        finalizers.retain(|name| name != CONTENTS);
    }
    let write = Write::Update(Draft::of_stored(document));
    request(NAMESPACES, &namespace.key, Part::Finalize, write)
}
