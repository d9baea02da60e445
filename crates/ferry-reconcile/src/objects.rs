//! Objects as reconcilers read and change them: who they are, what they own, and how they differ.
//!
//! A reconciler never writes a patch by hand. It changes a copy of the object and asks what is
//! different; where nothing is, there is nothing to do. That makes every plan idempotent.

use std::collections::BTreeMap;

use ferry_api::{Modelled, Selector, StatusSubresource, View};
use ferry_units::WallTime;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference, Time};
use serde_json::{Map, Value, json};

use crate::plan::{Create, Delete, Grace, ObjectRef, Part, Patch};

/// What an action calls the object.
pub(crate) fn reference<T: Modelled>(object: &T) -> ObjectRef {
    let metadata = object.metadata();
    ObjectRef {
        kind: <T as Modelled>::KIND,
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
        uid: metadata.uid.clone().unwrap_or_default(),
    }
}

pub(crate) fn name<T: Modelled>(object: &T) -> &str {
    object.metadata().name.as_deref().unwrap_or_default()
}

pub(crate) fn namespace<T: Modelled>(object: &T) -> &str {
    object.metadata().namespace.as_deref().unwrap_or_default()
}

pub(crate) fn uid<T: Modelled>(object: &T) -> &str {
    object.metadata().uid.as_deref().unwrap_or_default()
}

/// `namespace/name`, as upstream's sentences have it.
pub(crate) fn full_name<T: Modelled>(object: &T) -> String {
    format!("{}/{}", namespace(object), name(object))
}

pub(crate) fn is_leaving<T: Modelled>(object: &T) -> bool {
    object.metadata().deletion_timestamp.is_some()
}

/// When it was created; the beginning of time where nobody has noted it.
pub(crate) fn created<T: Modelled>(object: &T) -> WallTime {
    object
        .metadata()
        .creation_timestamp
        .as_ref()
        .map_or(WallTime::from(jiff::Timestamp::UNIX_EPOCH), wall)
}

pub(crate) fn wall(time: &Time) -> WallTime {
    WallTime::from(time.0)
}

/// A moment as Kubernetes writes it down.
pub(crate) fn stamp(now: WallTime) -> Time {
    Time(now.whole_seconds().into())
}

pub(crate) fn label<'a, T: Modelled>(object: &'a T, key: &str) -> Option<&'a str> {
    object.metadata().labels.as_ref()?.get(key).map(String::as_str)
}

pub(crate) fn annotation<'a, T: Modelled>(object: &'a T, key: &str) -> Option<&'a str> {
    object.metadata().annotations.as_ref()?.get(key).map(String::as_str)
}

pub(crate) fn set_label(metadata: &mut ObjectMeta, key: &str, value: &str) {
    metadata.labels.get_or_insert_default().insert(key.to_owned(), value.to_owned());
}

pub(crate) fn set_annotation(metadata: &mut ObjectMeta, key: &str, value: &str) {
    metadata.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
}

pub(crate) fn has_finalizer<T: Modelled>(object: &T, finalizer: &str) -> bool {
    object.metadata().finalizers.iter().flatten().any(|each| each == finalizer)
}

pub(crate) fn add_finalizer(metadata: &mut ObjectMeta, finalizer: &str) {
    let finalizers = metadata.finalizers.get_or_insert_default();
    if !finalizers.iter().any(|each| each == finalizer) {
        finalizers.push(finalizer.to_owned());
    }
}

pub(crate) fn remove_finalizer(metadata: &mut ObjectMeta, finalizer: &str) {
    if let Some(finalizers) = &mut metadata.finalizers {
        finalizers.retain(|each| each != finalizer);
    }
}

/// The reference that makes `owner` the one that manages an object.
pub(crate) fn managed_by<T: Modelled>(owner: &T) -> OwnerReference {
    OwnerReference {
        api_version: <T as k8s_openapi::Resource>::API_VERSION.to_owned(),
        kind: <T as k8s_openapi::Resource>::KIND.to_owned(),
        name: name(owner).to_owned(),
        uid: uid(owner).to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Whether the object with `uid` manages this one.
pub(crate) fn is_managed_by<T: Modelled>(object: &T, uid: &str) -> bool {
    let owners = object.metadata().owner_references.iter().flatten();
    owners.filter(|owner| owner.controller == Some(true)).any(|owner| owner.uid == uid)
}

/// The objects in a namespace whose label `key` has this value. A value that no label can have is
/// looked for by hand.
pub(crate) fn labelled<T: Modelled>(
    view: &impl View,
    namespace: Option<&str>,
    key: &str,
    value: &str,
) -> Vec<T> {
    let wanted = BTreeMap::from([(key.to_owned(), value.to_owned())]);
    match Selector::from_labels(&wanted) {
        Ok(selector) => view.list(namespace, &selector),
        Err(_) => view
            .list::<T>(namespace, &Selector::default())
            .into_iter()
            .filter(|object| label(object, key) == Some(value))
            .collect(),
    }
}

/// All objects of a kind, by namespace and name.
pub(crate) fn all<T: Modelled>(view: &impl View) -> Vec<T> {
    view.list(None, &Selector::default())
}

/// Makes `object`, which has a name.
pub(crate) fn create<T: Modelled>(object: &T) -> Create {
    Create { object: reference(object), body: document(object) }
}

pub(crate) fn delete<T: Modelled>(object: &T, grace: Grace) -> Delete {
    Delete { object: reference(object), grace }
}

/// What makes `after` of `before`, as far as that path of the object reaches; nothing where they
/// are the same.
pub(crate) fn change<T: Modelled>(part: Part, before: &T, after: &T) -> Option<Patch> {
    let (old, new) = (document(before), document(after));
    let mut merge = Map::new();
    match part {
        Part::Status => merge_section(&mut merge, &old, &new, "status"),
        Part::Main => {
            merge_section(&mut merge, &old, &new, "metadata");
            merge_section(&mut merge, &old, &new, "spec");
            match <T as Modelled>::KIND.definition().status {
                StatusSubresource::Served => {}
                StatusSubresource::None => merge_section(&mut merge, &old, &new, "status"),
            }
        }
    }
    if merge.is_empty() {
        return None;
    }
    let metadata = merge.entry("metadata").or_insert_with(|| json!({}));
    let seen = before.metadata();
    for (field, value) in [("uid", &seen.uid), ("resourceVersion", &seen.resource_version)] {
        if let Some(value) = value {
            metadata[field] = json!(value);
        }
    }
    Some(Patch { object: reference(before), part, merge: Value::Object(merge) })
}

/// The object as it is sent.
fn document<T: Modelled>(object: &T) -> Value {
    serde_json::to_value(object).expect("objects of the API are JSON objects with text for keys")
}

fn merge_section(merge: &mut Map<String, Value>, old: &Value, new: &Value, section: &str) {
    // A section that is empty is as good as none.
    let nothing = Value::Object(Map::new());
    let [old, new] = [old, new].map(|object| object.get(section).unwrap_or(&nothing));
    let difference = difference(old, new);
    if let Some(difference) = difference {
        merge.insert(section.to_owned(), difference);
    }
}

/// The merge patch that makes `new` of `old`; nothing where they are the same.
pub(crate) fn difference(old: &Value, new: &Value) -> Option<Value> {
    let (Value::Object(before), Value::Object(after)) = (old, new) else {
        return (old != new).then(|| new.clone());
    };
    let mut merge = Map::new();
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        merge.insert(key.clone(), Value::Null);
    }
    for (key, value) in after {
        let difference = match before.get(key) {
            Some(old) => difference(old, value),
            None => Some(value.clone()),
        };
        if let Some(difference) = difference {
            merge.insert(key.clone(), difference);
        }
    }
    (!merge.is_empty()).then_some(Value::Object(merge))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Node;
    use proptest::prelude::*;

    /// RFC 7396, said once more.
    fn merge(into: &mut Value, patch: &Value) {
        let Value::Object(patch) = patch else {
            *into = patch.clone();
            return;
        };
        if !into.is_object() {
            *into = json!({});
        }
        for (key, value) in patch {
            let object = into.as_object_mut().unwrap();
            if value.is_null() {
                object.remove(key);
            } else {
                merge(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }

    /// JSON without nulls, as typed objects are written.
    fn value() -> impl Strategy<Value = Value> {
        let leaf =
            prop_oneof![any::<bool>().prop_map(Value::from), (0..3_i64).prop_map(Value::from)];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_differs_makes_the_one_of_the_other(mut old in value(), new in value()) {
            match difference(&old, &new) {
                None => prop_assert_eq!(old, new),
                Some(patch) => {
                    merge(&mut old, &patch);
                    prop_assert_eq!(old, new);
                }
            }
        }
    }

    #[test]
    fn a_change_says_what_it_was_made_from_and_reaches_its_part_only() {
        let before: Node = serde_json::from_value(json!({
            "metadata": { "name": "n", "uid": "u", "resourceVersion": "7", "labels": { "a": "b" } },
            "status": { "conditions": [] },
        }))
        .unwrap();
        let mut after = before.clone();
        after.metadata.labels = None;
        after.status = None;
        assert_eq!(
            change(Part::Main, &before, &after).unwrap().merge,
            json!({ "metadata": { "labels": null, "uid": "u", "resourceVersion": "7" } })
        );
        assert_eq!(
            change(Part::Status, &before, &after).unwrap().merge,
            json!({ "status": { "conditions": null }, "metadata": { "uid": "u", "resourceVersion": "7" } })
        );
        assert_eq!(change(Part::Main, &before, &before), None);
    }
}
