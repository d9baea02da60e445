//! Whatever is sent, the answer is an answer, and what is kept is sound.

use ferry_api::{Kind, KindVersion, Scope};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::draft::{Body, Draft};
use crate::object::{Effect, Meta, Part, Target};
use crate::request::{DeleteOptions, OnConflict, Patch, Propagation, Write};
use crate::testing::Cluster;

/// Words that mean something somewhere, so that what is sent gets further than the door.
const WORDS: [&str; 36] = [
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "resourceVersion",
    "uid",
    "generation",
    "deletionTimestamp",
    "generateName",
    "deletionGracePeriodSeconds",
    "creationTimestamp",
    "blockOwnerDeletion",
    "apiVersion",
    "kind",
    "spec",
    "status",
    "running",
    "template",
    "containers",
    "nodeName",
    "phase",
    "conditions",
    "type",
    "data",
    "stringData",
    "selectors",
    "target",
    "liveMigrationConfig",
    "virtualization",
    "featureGates",
    "fieldsV1",
    "x",
];

const TEXTS: [&str; 12] = [
    "",
    "x",
    "a",
    "v1",
    "Node",
    "kubernetes",
    "orphan",
    "foregroundDeletion",
    "0",
    "1Gi",
    "2026-11-26T00:00:00Z",
    "Apply",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(TEXTS.to_vec()).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        let word = prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(word, inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

#[derive(Clone, Debug)]
enum Sent {
    Create,
    Update,
    Merge,
    Strategic,
    Json,
    Apply,
    Delete,
}

fn sent() -> impl Strategy<Value = (Sent, Part, Value)> {
    let how = prop::sample::select(vec![
        Sent::Create,
        Sent::Update,
        Sent::Merge,
        Sent::Merge,
        Sent::Strategic,
        Sent::Json,
        Sent::Apply,
        Sent::Delete,
    ]);
    let part = prop::sample::select(vec![Part::Main, Part::Main, Part::Status]);
    (how, part, value())
}

/// The least that an object of a kind is.
fn least(served: KindVersion) -> Value {
    let spec = match served.kind() {
        Kind::VirtualMachine => json!({ "template": { "spec": { "domain": { "devices": {} } } } }),
        Kind::VirtualMachineInstance => json!({ "domain": { "devices": {} } }),
        Kind::VirtualMachineInstanceMigration => json!({ "vmiName": "x" }),
        Kind::MigrationPolicy => json!({ "selectors": {} }),
        Kind::Pod => json!({ "containers": [{ "name": "c" }] }),
        _ => Value::Null,
    };
    let mut object = json!({
        "apiVersion": served.api_version(),
        "kind": served.definition().kind,
        "metadata": { "name": "x" },
    });
    if !spec.is_null() {
        object["spec"] = spec;
    }
    object
}

fn write(how: &Sent, target: &Target, served: KindVersion, noise: &Value) -> Option<Write> {
    let mut object = least(served);
    json_patch::merge(&mut object, noise);
    let draft = |object: &Value, target: &Target| {
        let body = Body::json(&serde_json::to_vec(object).unwrap()).ok()?;
        Draft::read(target, body, crate::FieldValidation::Warn).ok()
    };
    Some(match how {
        Sent::Create => Write::Create(draft(&object, target)?),
        Sent::Update => Write::Update(draft(&object, target)?),
        Sent::Merge => Write::Patch(Patch::Merge(noise.clone())),
        Sent::Strategic => Write::Patch(Patch::Strategic(noise.clone())),
        Sent::Json => {
            let field = noise.as_object().and_then(|it| it.keys().next()).cloned();
            let path = format!("/{}", field.unwrap_or_else(|| "spec".to_owned()));
            let operations = json!([{ "op": "add", "path": path, "value": noise }]);
            Write::Patch(Patch::Json(serde_json::from_value(operations).unwrap()))
        }
        Sent::Apply => {
            let config = object.as_object().cloned().unwrap_or_else(Map::new);
            Write::Patch(Patch::Apply { config, conflicts: OnConflict::TakeOver })
        }
        Sent::Delete => Write::Delete(DeleteOptions {
            propagation: match noise.as_i64() {
                None => None,
                Some(number) if number % 2 == 0 => Some(Propagation::Orphan),
                Some(_) => Some(Propagation::Foreground),
            },
            grace_period_seconds: noise.as_i64(),
            ..DeleteOptions::default()
        }),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_sound_whatever_is_sent(
        kind in 0..KindVersion::all().count(),
        all in prop::collection::vec(sent(), 1..8),
    ) {
        let served = KindVersion::all().nth(kind).unwrap();
        let storage = KindVersion::storage(served.kind());
        let namespace = match served.definition().scope {
            Scope::Cluster => "",
            Scope::Namespaced => "a",
        };
        let mut cluster = Cluster::new();
        for (how, part, noise) in &all {
            let name = if matches!(how, Sent::Create) { "" } else { "x" };
            let part = if matches!(how, Sent::Create) { Part::Main } else { *part };
            let target = Target {
                served,
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                part,
            };
            let Some(write) = write(how, &target, served, noise) else { continue };
            let before = cluster.state.revision();
            let Ok(decision) = cluster.send(&cluster.request(target, write)) else { continue };
            let Some(change) = decision.change else { continue };
            prop_assert_eq!(change.revision, before.next());
            let Effect::Put(object) = &change.effect else { continue };
            let document = object.document();
            let errors = storage.schema().check(&Value::Object(document.clone()));
            prop_assert!(errors.is_empty(), "{:?}: {}", errors, Value::Object(document));
            prop_assert_eq!(&object.meta, &Meta::of(served.kind(), &document));
            let revision = Value::from(change.revision.to_string());
            prop_assert_eq!(&document["metadata"]["resourceVersion"], &revision);
            prop_assert_eq!(document["metadata"]["name"].as_str(), Some(object.key.name.as_str()));
            prop_assert!(object.meta.uid != *"");
            prop_assert!(object.meta.created.is_some());
        }
        cluster.clean();
    }
}
