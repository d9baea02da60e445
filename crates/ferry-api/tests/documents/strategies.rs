//! Which lists can be shared by several writers, held against what `k8s-openapi` merges.

use std::collections::BTreeSet;

use expect_test::expect_file;
use ferry_api::schema::{MergeStrategy, PatchStrategy, Schema, Shape};
use ferry_api::{Kind, KindVersion};
use k8s_openapi::DeepMerge;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::common::text;

/// Calls `see` with each list, map and object below `schema`, and the fields on the way to it.
fn walk<'s>(
    way: &mut Vec<&'s str>,
    schema: &'s Schema,
    see: &mut impl FnMut(&[&'s str], &'s Schema),
) {
    match &schema.shape {
        Shape::Array(items) => {
            see(way, schema);
            way.push("[]");
            walk(way, items, see);
            way.pop();
        }
        Shape::Map(values) => {
            see(way, schema);
            way.push("{}");
            walk(way, values, see);
            way.pop();
        }
        Shape::Object(object) => {
            see(way, schema);
            for (name, property) in &object.properties {
                way.push(name);
                walk(way, property, see);
                way.pop();
            }
        }
        _ => {}
    }
}

fn path(way: &[&str]) -> String {
    way.join(".").replace(".[]", "[]").replace(".{}", "{}")
}

#[test]
fn these_lists_and_objects_are_shared_in_a_way_of_their_own() {
    let mut lines = Vec::new();
    for served in
        KindVersion::all().filter(|served| served.is_storage() || served.group() == "events.k8s.io")
    {
        let kind = format!("{}{}", if served.is_storage() { "" } else { "New" }, served.kind());
        walk(&mut Vec::new(), served.schema(), &mut |way, schema| {
            let list = matches!(schema.shape, Shape::Array(_));
            let shared = match &schema.merge {
                MergeStrategy::Atomic if list && schema.patch == PatchStrategy::Replace => return,
                MergeStrategy::Granular => return,
                MergeStrategy::Atomic => "whole".to_owned(),
                MergeStrategy::Set => "set".to_owned(),
                MergeStrategy::Keyed(keys) => keys.join("+"),
            };
            let patched = match schema.patch {
                PatchStrategy::Replace => String::new(),
                PatchStrategy::Merge => ", patched".to_owned(),
                PatchStrategy::MergeBy(key) => format!(", patched by {key}"),
                PatchStrategy::MergeRetainingKeys(key) => {
                    format!(", patched by {key}, retaining keys")
                }
            };
            let at = path(way);
            // All kinds have the same metadata, and all kinds of containers the same fields.
            let again = at.contains("itContainer") || at.contains("phemeralContainer");
            if !again && (kind == "Node" || !at.starts_with("metadata.")) {
                lines.push(format!("{kind} {at}: {shared}{patched}"));
            }
        });
    }
    expect_file!["strategies.txt"].assert_eq(&text(&lines));
}

/// A value with one item in the list that `way` leads to. The scalars of that item are made from
/// `seed`; those on the way are always the same, so that all lists on the way have the same items.
fn sample(schema: &Schema, way: &[&str], seed: u8) -> Value {
    let rest = way.get(1..).unwrap_or_default();
    match (&schema.shape, way.first()) {
        (Shape::Array(items), _) => json!([sample(items, rest, seed)]),
        (Shape::Map(values), Some(_)) => json!({ "a": sample(values, rest, seed) }),
        (Shape::Object(object), next) => {
            let own = if next.is_some() { 0 } else { seed };
            let mut fields = Map::new();
            for (name, property) in &object.properties {
                if next == Some(&name.as_str()) {
                    fields.insert(name.clone(), sample(property, rest, seed));
                } else if is_scalar(property) {
                    fields.insert(name.clone(), scalar(property, own));
                }
            }
            Value::Object(fields)
        }
        _ => scalar(schema, seed),
    }
}

fn is_scalar(schema: &Schema) -> bool {
    !matches!(schema.shape, Shape::Array(_) | Shape::Map(_) | Shape::Object(_))
}

/// The value without its type, which is that of the Rust type.
fn anonymous(mut value: Value) -> Value {
    let fields = value.as_object_mut().expect("an object");
    fields.retain(|name, _| !["apiVersion", "kind"].contains(&name.as_str()));
    value
}

fn scalar(schema: &Schema, seed: u8) -> Value {
    match &schema.shape {
        Shape::Boolean => json!(seed == 0),
        Shape::Integer { .. } | Shape::Number => json!(seed),
        Shape::String(ferry_api::schema::Text::DateTime | ferry_api::schema::Text::MicroTime) => {
            json!("2026-11-23T08:15:00Z")
        }
        Shape::String(ferry_api::schema::Text::Base64) => json!(""),
        Shape::IntOrString(_) => json!(format!("{seed}")),
        _ => json!(format!("s{seed}")),
    }
}

/// Lists that `k8s-openapi` merges although server-side apply does not: it goes by the key of
/// strategic patches.
const PATCHED_ONLY: [&str; 2] = ["status.hostIPs", "imagePullSecrets"];

/// Whether two writers' items both stay in each list, for `k8s-openapi` and for the schema.
fn hold_against_k8s_openapi<T: DeepMerge + DeserializeOwned + Serialize>(kind: Kind) -> usize {
    let schema = kind.schema("v1").expect("it is served");
    let mut lists: Vec<(Vec<&str>, &Schema)> = Vec::new();
    let mut atomic: BTreeSet<String> = BTreeSet::new();
    walk(&mut Vec::new(), schema, &mut |way, schema| {
        if atomic.iter().any(|above| path(way).starts_with(above)) {
            return;
        }
        if matches!(schema.shape, Shape::Array(_)) {
            lists.push((way.to_vec(), schema));
        }
        if schema.merge == MergeStrategy::Atomic {
            let below = if matches!(schema.shape, Shape::Array(_)) { "[]" } else { "." };
            atomic.insert(format!("{}{below}", path(way)));
        }
    });
    for (way, list) in &lists {
        let [mut one, other] = [0, 1].map(|seed| {
            let value = sample(schema, way, seed);
            serde_json::from_value::<T>(anonymous(value.clone()))
                .unwrap_or_else(|error| panic!("{}: {error} in {value}", path(way)))
        });
        one.merge_from(other);
        let merged = serde_json::to_value(one).expect("it was JSON");
        let found = way.iter().fold(&merged, |value, step| match *step {
            "[]" => &value[0],
            "{}" => &value["a"],
            field => &value[field],
        });
        let both = found.as_array().unwrap_or_else(|| panic!("{}: {merged}", path(way))).len() == 2;
        let shared = list.merge != MergeStrategy::Atomic;
        let known = PATCHED_ONLY.contains(&path(way).as_str()) && !shared;
        assert!(both == shared || known, "{kind} {}: {:?}, but {both}", path(way), list.merge);
    }
    lists.len()
}

#[test]
fn parity_lists_are_shared_as_k8s_openapi_merges_them() {
    use k8s_openapi::api::core::v1 as core;
    use k8s_openapi::api::rbac::v1 as rbac;

    let lists = hold_against_k8s_openapi::<core::Pod>(Kind::Pod)
        + hold_against_k8s_openapi::<core::Node>(Kind::Node)
        + hold_against_k8s_openapi::<core::Namespace>(Kind::Namespace)
        + hold_against_k8s_openapi::<core::Service>(Kind::Service)
        + hold_against_k8s_openapi::<core::ServiceAccount>(Kind::ServiceAccount)
        + hold_against_k8s_openapi::<core::PersistentVolumeClaim>(Kind::PersistentVolumeClaim)
        + hold_against_k8s_openapi::<core::ConfigMap>(Kind::ConfigMap)
        + hold_against_k8s_openapi::<core::Secret>(Kind::Secret)
        + hold_against_k8s_openapi::<rbac::ClusterRole>(Kind::ClusterRole)
        + hold_against_k8s_openapi::<rbac::RoleBinding>(Kind::RoleBinding);
    assert!(lists > 150, "only {lists} lists");
}

#[test]
fn strategies_are_published_as_kubernetes_writes_them() {
    let published = |kind: Kind, path: &str| {
        let schema = kind.schema("v1").expect("it is served").to_openapi();
        let found = schema.pointer(path).unwrap_or_else(|| panic!("{kind} {path}"));
        let own = found.as_object().expect("a schema").iter();
        let own = own.filter(|(name, _)| {
            ["list", "map", "patch"]
                .iter()
                .any(|of| name.starts_with(&format!("x-kubernetes-{of}")))
        });
        Value::Object(own.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    let volumes = json!({
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-patch-strategy": "merge,retainKeys",
        "x-kubernetes-patch-merge-key": "name",
    });
    assert_eq!(published(Kind::Pod, "/properties/spec/properties/volumes"), volumes);
    let finalizers =
        json!({ "x-kubernetes-list-type": "set", "x-kubernetes-patch-strategy": "merge" });
    assert_eq!(published(Kind::Node, "/properties/metadata/properties/finalizers"), finalizers);
    let taints = json!({ "x-kubernetes-list-type": "atomic" });
    assert_eq!(published(Kind::Node, "/properties/spec/properties/taints"), taints);
    let selector = json!({ "x-kubernetes-map-type": "atomic" });
    assert_eq!(published(Kind::Service, "/properties/spec/properties/selector"), selector);
    assert_eq!(published(Kind::Service, "/properties/metadata/properties/labels"), json!({}));
}

#[test]
fn strategic_patches_know_their_keys() {
    let key = |kind: Kind, field: &str| {
        let Shape::Object(object) = &kind.schema("v1").expect("it is served").shape else {
            panic!("{kind} is an object");
        };
        let Shape::Object(status) = &object.properties["status"].shape else {
            panic!("{kind} has a status");
        };
        status.properties[field].patch_merge_key().map(str::to_owned)
    };
    assert_eq!(key(Kind::Node, "conditions").as_deref(), Some("type"));
    assert_eq!(key(Kind::Node, "addresses").as_deref(), Some("type"));
    assert_eq!(key(Kind::Node, "images"), None);
    assert_eq!(key(Kind::VirtualMachine, "conditions"), None);
}
