//! Where each version has which field, and that any object that fits one of them fits the other and
//! comes back as it was.

use ferry_api::schema::{ObjectShape, Schema, Shape, Text};
use ferry_api::{Kind, KindVersion};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::RENAMES;
use crate::convert::document;
use crate::draft::prune;

fn version(name: &str) -> KindVersion {
    KindVersion::of_document(&format!("hco.kubevirt.io/{name}"), "HyperConverged").unwrap()
}

/// `spec` of one version as the other has it.
fn converted(spec: &Value, from: &str, to: &str) -> Value {
    let (from, to) = (version(from), version(to));
    let mut object = Map::from_iter([
        ("apiVersion".to_owned(), json!(from.api_version())),
        ("spec".to_owned(), spec.clone()),
    ]);
    document(from, to, &mut object);
    assert_eq!(object["apiVersion"], json!(to.api_version()));
    object["spec"].take()
}

#[test]
fn parity_hyperconverged_has_its_settings_in_other_places() {
    for (heap, sorted) in [
        (json!({ "featureGates": {} }), json!({})),
        (
            json!({
                "featureGates": { "alignCPUs": true, "downwardMetrics": false },
                "tuningPolicy": "annotation",
                "liveMigrationConfig": { "progressTimeout": 1 },
                "evictionStrategy": "None",
                "vddkInitImage": "image",
            }),
            json!({
                "featureGates": [
                    { "name": "alignCPUs" },
                    { "name": "downwardMetrics", "state": "Disabled" },
                ],
                "virtualization": {
                    "tuningPolicy": "annotation",
                    "liveMigrationConfig": { "progressTimeout": 1 },
                    "evictionStrategy": "None",
                },
                "vddkInitImage": "image",
            }),
        ),
        (
            json!({
                "featureGates": {},
                "infra": { "nodePlacement": { "a": 1 } },
                "workloads": { "nodePlacement": { "b": 1 } },
                "deployment": { "deployNetworkResourcesInjector": true },
                "resourceRequirements": { "storageWorkloads": {}, "vmiCPUAllocationRatio": 4 },
            }),
            json!({
                "deployment": {
                    "deployNetworkResourcesInjector": true,
                    "nodePlacements": { "infra": { "a": 1 }, "workload": { "b": 1 } },
                },
                "storage": { "workloadResourceRequirements": {} },
                "virtualization": { "vmiCPUAllocationRatio": 4 },
            }),
        ),
        (
            json!({
                "featureGates": {},
                "applicationAwareConfig": { "vmiCalcConfigName": "VmiPodUsage" },
                "enableApplicationAwareQuota": true,
                "obsoleteCPUs": { "cpuModels": ["m"], "minCPUModel": "n" },
                "defaultCPUModel": "Haswell",
                "CommonInstancetypesDeployment": { "enabled": false },
            }),
            json!({
                "deployment": {
                    "applicationAwareConfig": { "vmiCalcConfigName": "VmiPodUsage", "enable": true },
                },
                "virtualization": {
                    "obsoleteCPUModels": ["m"],
                    "virtualMachineOptions": { "defaultCPUModel": "Haswell" },
                },
                "obsoleteCPUs": { "minCPUModel": "n" },
                "workloadSources": { "commonInstancetypesDeployment": { "enabled": false } },
            }),
        ),
    ] {
        assert_eq!(converted(&heap, "v1beta1", "v1"), sorted);
        assert_eq!(converted(&sorted, "v1", "v1beta1"), heap);
    }
}

#[test]
fn what_the_other_version_does_not_know_is_not_shown_there() {
    for (from, spec, to, expected) in [
        // Sections that say nothing.
        ("v1beta1", json!({ "infra": {}, "workloads": {} }), "v1", json!({})),
        ("v1", json!({ "storage": {} }), "v1beta1", json!({ "storage": {}, "featureGates": {} })),
        ("v1", json!({ "security": {} }), "v1beta1", json!({ "featureGates": {} })),
        // A former place, alone and beside the current one.
        (
            "v1",
            json!({ "nodePlacements": { "infra": { "a": 1 } } }),
            "v1beta1",
            json!({ "infra": { "nodePlacement": { "a": 1 } }, "featureGates": {} }),
        ),
        (
            "v1",
            json!({ "storage": { "storageWorkloads": 1, "workloadResourceRequirements": 2 } }),
            "v1beta1",
            json!({
                "resourceRequirements": { "storageWorkloads": 2 },
                "storage": {},
                "featureGates": {},
            }),
        ),
        // A gate that is listed twice.
        (
            "v1",
            json!({ "featureGates": [{ "name": "a", "state": "Disabled" }, { "name": "a" }] }),
            "v1beta1",
            json!({ "featureGates": { "a": false } }),
        ),
    ] {
        assert_eq!(converted(&spec, from, to), expected, "{spec}");
    }
}

#[test]
fn no_shape_of_a_spec_ends_a_conversion() {
    for spec in [
        json!(null),
        json!([]),
        json!({ "virtualization": "text", "featureGates": "text", "storage": [1] }),
        json!({ "featureGates": [1, {}, { "name": 2 }], "deployment": { "nodePlacements": null } }),
        json!({ "evictionStrategy": {}, "virtualization": { "evictionStrategy": [] } }),
    ] {
        converted(&spec, "v1", "v1beta1");
        converted(&spec, "v1beta1", "v1");
    }
}

/// Anything that fits a schema.
fn fitting(schema: &Schema) -> BoxedStrategy<Value> {
    match &schema.shape {
        Shape::Anything => prop_oneof![Just(json!(null)), Just(json!([1]))].boxed(),
        Shape::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Integer { .. } | Shape::Number => (0..9_u32).prop_map(Value::from).boxed(),
        Shape::String(Text::OneOf(words)) => {
            prop::sample::select(words.clone()).prop_map(Value::from).boxed()
        }
        Shape::String(Text::DateTime) => Just(json!("2026-11-26T00:00:00Z")).boxed(),
        Shape::String(_) | Shape::IntOrString(_) => Just(json!("64Mi")).boxed(),
        Shape::Array(items) => {
            prop::collection::vec(fitting(items), 0..3).prop_map(Value::from).boxed()
        }
        Shape::Map(values) => prop::collection::btree_map("[a-z]{1,3}", fitting(values), 0..4)
            .prop_map(|entries| Value::Object(entries.into_iter().collect()))
            .boxed(),
        Shape::Object(object) if object.properties.is_empty() => {
            prop::collection::btree_map("[a-z]{1,3}", 0..9_u32, 0..3)
                .prop_map(|fields| json!(fields))
                .boxed()
        }
        Shape::Object(object) => fields(object),
    }
}

fn fields(object: &ObjectShape) -> BoxedStrategy<Value> {
    let each: Vec<_> = object
        .properties
        .iter()
        .map(|(name, schema)| {
            let value = fitting(schema);
            let value = if object.required.contains(name) {
                value.prop_map(Some).boxed()
            } else {
                prop::option::weighted(0.3, value).boxed()
            };
            (Just(name.clone()), value)
        })
        .collect();
    each.prop_map(|fields| {
        let written = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Value::Object(written.collect())
    })
    .boxed()
}

fn spec(version: &str) -> BoxedStrategy<Value> {
    let schema = Kind::HyperConverged.schema(version).unwrap();
    let Shape::Object(object) = &schema.shape else { panic!("a kind is an object") };
    fitting(&object.properties["spec"])
}

/// A value without sections that say nothing, and with gates written in one way.
fn said(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.into_iter().map(|(name, value)| match (name.as_str(), value) {
                ("featureGates", Value::Array(gates)) => (name, gates_as_said(gates)),
                (_, value) => (name, said(value)),
            });
            let empty = [json!({}), json!([])];
            Value::Object(said.filter(|(_, value)| !empty.contains(value)).collect())
        }
        other => other,
    }
}

fn gates_as_said(gates: Vec<Value>) -> Value {
    let mut said = std::collections::BTreeMap::new();
    for gate in gates {
        let name = gate["name"].as_str().unwrap().to_owned();
        said.entry(name).or_insert(gate["state"] == "Disabled");
    }
    json!(said)
}

/// Moves what stands at a former place to the current one.
fn renamed(mut spec: Value) -> Value {
    let Value::Object(fields) = &mut spec else { return spec };
    for (former, current) in RENAMES {
        super::relocate(fields, former, current);
    }
    fields.remove("nodePlacements");
    if let Some(Value::Object(storage)) = fields.get_mut("storage") {
        storage.remove("storageWorkloads");
    }
    spec
}

proptest! {
    #[test]
    fn whatever_fits_the_old_version_comes_back_from_the_new_one(written in spec("v1beta1")) {
        let there = converted(&written, "v1beta1", "v1");
        prop_assert_eq!(said(converted(&there, "v1", "v1beta1")), said(written));
    }

    #[test]
    fn whatever_fits_the_new_version_comes_back_from_the_old_one(written in spec("v1")) {
        let there = converted(&written, "v1", "v1beta1");
        prop_assert_eq!(said(converted(&there, "v1beta1", "v1")), said(renamed(written)));
    }

    #[test]
    fn what_is_converted_fits_the_other_version(written in spec("v1beta1")) {
        let mut there = Map::from_iter([("spec".to_owned(), converted(&written, "v1beta1", "v1"))]);
        prop_assert_eq!(prune(version("v1").schema(), &mut there), Vec::<String>::new());
        let errors = version("v1").schema().check(&Value::Object(there));
        prop_assert!(errors.is_empty(), "{errors:?}");
    }
}
