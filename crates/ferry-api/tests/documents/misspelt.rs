//! A field that is written wrongly is found wherever all others are known, and what is merely
//! foreign to ferry is not: no manifest of a real cluster is reported.

use ferry_api::KindVersion;
use ferry_api::schema::{Schema, Shape, UnknownFields};
use serde_json::{Map, Value, json};

use crate::common::documents;
use crate::round_trip::MANIFESTS;

/// All objects under `tests/manifests`, each with its schema.
fn objects() -> Vec<(String, &'static Schema, Value)> {
    let mut objects = Vec::new();
    for (file, text) in MANIFESTS {
        for document in documents(text) {
            let of = |name: &str| document.value[name].as_str().unwrap_or_default();
            let served = KindVersion::of_document(of("apiVersion"), of("kind"))
                .unwrap_or_else(|| panic!("{file} has a kind that is not served"));
            let place = format!("{file}, {}", document.place);
            objects.push((place, served.schema(), Value::Object(document.value)));
        }
    }
    objects
}

/// Puts a field that nobody knows into every object that has only known ones, and collects where.
fn misspell(schema: &Schema, value: &mut Value, path: &str, places: &mut Vec<String>) {
    match (&schema.shape, value) {
        (Shape::Object(shape), Value::Object(fields)) => {
            for (name, value) in fields.iter_mut() {
                if let Some(schema) = shape.properties.get(name) {
                    let dot = if path.is_empty() { "" } else { "." };
                    misspell(schema, value, &format!("{path}{dot}{name}"), places);
                }
            }
            if shape.unknown == UnknownFields::Pruned {
                places.push(path.to_owned());
                fields.insert("runing".to_owned(), json!(true));
            }
        }
        (Shape::Array(items), Value::Array(values)) => {
            for (index, value) in values.iter_mut().enumerate() {
                misspell(items, value, &format!("{path}[{index}]"), places);
            }
        }
        _ => {}
    }
}

#[test]
fn no_field_of_a_manifest_is_unknown() {
    for (place, schema, object) in objects() {
        assert_eq!(schema.check(&object), [], "{place}");
        let mut pruned = object.clone();
        schema.prune(&mut pruned);
        assert_eq!(pruned, object, "{place}");
    }
}

#[test]
fn a_misspelt_field_is_reported_at_every_level_that_is_known() {
    let mut levels = 0;
    for (place, schema, object) in objects() {
        let mut misspelt = object.clone();
        let mut places = Vec::new();
        misspell(schema, &mut misspelt, "", &mut places);
        levels += places.len();
        // No more than a hundred are told of one document.
        let told = schema.check(&misspelt).len();
        assert_eq!(told, places.len().min(100), "{place}: {places:?}");
        schema.prune(&mut misspelt);
        assert_eq!(misspelt, object, "{place}");
    }
    assert!(levels > 200, "only {levels} levels were tried");
}

#[test]
fn settings_at_the_place_of_the_other_version_are_unknown() {
    for (version, spec, unknown) in [
        ("v1", json!({ "liveMigrationConfig": {} }), "spec.liveMigrationConfig"),
        ("v1", json!({ "evictionStrategy": "None" }), "spec.evictionStrategy"),
        ("v1", json!({ "defaultCPUModel": "Haswell" }), "spec.defaultCPUModel"),
        (
            "v1beta1",
            json!({ "virtualization": { "liveMigrationConfig": {} } }),
            "spec.virtualization.liveMigrationConfig",
        ),
        ("v1beta1", json!({ "security": {} }), "spec.security"),
        (
            "v1beta1",
            json!({ "storage": { "vmStateStorageClass": "a" } }),
            "spec.storage.vmStateStorageClass",
        ),
    ] {
        let schema = ferry_api::Kind::HyperConverged.schema(version).unwrap();
        let found = schema.check(&json!({ "spec": spec }));
        let paths: Vec<_> = found.iter().map(|error| error.path.to_string()).collect();
        assert_eq!(paths, [unknown], "{version} {spec}");
    }
}

/// `object` as a write leaves it: defaulted, checked and pruned.
fn written(schema: &Schema, object: &Value) -> Value {
    let mut object = object.clone();
    schema.apply_defaults(&mut object);
    assert_eq!(schema.check(&object), []);
    schema.prune(&mut object);
    object
}

// PARITY: kubevirt.io/api/core/v1/types.go#VirtualMachineInstanceTemplateSpec
#[test]
fn parity_metadata_of_a_template_stays_as_it_was_written() {
    let schema = ferry_api::Kind::VirtualMachine.schema("v1").unwrap();
    for metadata in [
        json!({ "creationTimestamp": null, "labels": { "a": "b" } }),
        json!({ "labels": null, "annotations": {}, "somebodys": { "own": [null] } }),
        Value::Null,
    ] {
        let object = json!({ "spec": { "template": { "metadata": metadata } } });
        assert_eq!(written(schema, &object), object);
    }
    let wrong = json!({ "spec": { "template": { "metadata": { "labels": { "a": 1 } } } } });
    assert!(!schema.check(&wrong).is_empty(), "a label is a string there too");
}

#[test]
fn what_may_be_null_stays_null_and_what_may_not_goes() {
    let vm = ferry_api::Kind::VirtualMachine.schema("v1").unwrap();
    let ready = json!({ "type": "Ready", "status": "True", "lastProbeTime": null, "reason": null });
    let object = json!({
        "spec": { "template": {}, "running": null },
        "status": { "startFailure": null, "runStrategy": null, "conditions": [ready] },
    });
    let kept = json!({ "type": "Ready", "status": "True", "lastProbeTime": null });
    let expected = json!({
        "spec": { "template": {} },
        "status": { "startFailure": null, "conditions": [kept] },
    });
    assert_eq!(written(vm, &object), expected);
}

#[test]
fn fields_that_are_only_declared_have_their_types_checked() {
    let with = |field: &str, value: Value| {
        let mut spec = json!({ "domain": { "devices": {} } });
        spec[field] = value;
        json!({ "spec": spec })
    };
    for (kind, object) in [
        (ferry_api::Kind::VirtualMachineInstance, with("hostname", json!(1))),
        (ferry_api::Kind::VirtualMachineInstance, with("networks", json!({}))),
        (ferry_api::Kind::VirtualMachineInstance, with("networks", json!(["a"]))),
        (ferry_api::Kind::KubeVirt, json!({ "spec": { "infra": [] } })),
        (ferry_api::Kind::KubeVirt, json!({ "spec": { "configuration": { "cpuRequest": "x" } } })),
    ] {
        assert_eq!(kind.schema("v1").unwrap().check(&object).len(), 1, "{object}");
    }
}

#[test]
fn declared_fields_are_published_with_their_descriptions() {
    let instance = ferry_api::Kind::VirtualMachineInstance.schema("v1").unwrap().to_openapi();
    let spec = &instance["properties"]["spec"]["properties"];
    let known: Map<String, Value> = serde_json::from_value(json!({
        "description": "Name servers and search domains.",
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    }))
    .unwrap();
    assert_eq!(spec["dnsConfig"], Value::Object(known));
    assert_eq!(spec["startStrategy"]["type"], "string");
    assert!(!instance.to_string().contains("x-ferry"), "marks of our own are not published");
}
