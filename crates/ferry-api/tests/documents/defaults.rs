//! Defaults and pruning: what a write becomes before it is kept.

use ferry_api::Kind;
use ferry_api::schema::Schema;
use serde_json::{Value, json};

fn v1beta1() -> &'static Schema {
    Kind::HyperConverged.schema("v1beta1").expect("the version is served")
}

/// `spec` of a HyperConverged in v1beta1 after defaulting.
fn defaulted(spec: &Value) -> Value {
    let mut document = json!({ "spec": spec });
    v1beta1().apply_defaults(&mut document);
    document["spec"].take()
}

fn all_defaults() -> Value {
    json!({
        "parallelMigrationsPerCluster": 5,
        "parallelOutboundMigrationsPerNode": 2,
        "completionTimeoutPerGiB": 150,
        "progressTimeout": 150,
        "allowAutoConverge": false,
        "allowPostCopy": false,
    })
}

#[test]
fn deleting_a_key_brings_its_default_back() {
    for name in all_defaults().as_object().unwrap().keys() {
        let mut rest = all_defaults();
        rest.as_object_mut().unwrap().remove(name);
        let spec = defaulted(&json!({ "liveMigrationConfig": rest }));
        assert_eq!(spec["liveMigrationConfig"], all_defaults(), "{name}");
    }
}

#[test]
fn settings_without_a_default_stay_away() {
    let spec = defaulted(&json!({ "liveMigrationConfig": {} }));
    let config = spec["liveMigrationConfig"].as_object().unwrap();
    for name in ["bandwidthPerMigration", "network", "allowWorkloadDisruption"] {
        assert!(!config.contains_key(name), "{name}");
    }
}

#[test]
fn deleting_the_section_or_all_around_it_creates_it_again() {
    for spec in [json!({}), json!(null), json!({ "liveMigrationConfig": null })] {
        assert_eq!(defaulted(&spec)["liveMigrationConfig"], all_defaults());
    }
    let mut without_spec = json!({ "metadata": {} });
    v1beta1().apply_defaults(&mut without_spec);
    assert_eq!(without_spec["spec"]["liveMigrationConfig"], all_defaults());

    for mut document in
        [json!({}), json!({ "spec": {} }), json!({ "spec": { "virtualization": null } })]
    {
        Kind::HyperConverged.schema("v1").unwrap().apply_defaults(&mut document);
        assert_eq!(document["spec"]["virtualization"]["liveMigrationConfig"], all_defaults());
    }
}

#[test]
fn an_explicit_zero_or_false_is_kept() {
    let written = json!({
        "parallelMigrationsPerCluster": 0,
        "parallelOutboundMigrationsPerNode": 0,
        "completionTimeoutPerGiB": 0,
        "progressTimeout": 0,
        "allowAutoConverge": true,
        "allowPostCopy": true,
        "allowWorkloadDisruption": false,
        "bandwidthPerMigration": "0",
    });
    let spec = defaulted(&json!({ "liveMigrationConfig": written }));
    assert_eq!(spec["liveMigrationConfig"], written);
}

#[test]
fn a_null_is_a_key_that_was_not_written() {
    let spec = defaulted(&json!({
        "liveMigrationConfig": { "progressTimeout": null, "network": null },
        "evictionStrategy": null,
        "fieldOfTomorrow": null,
    }));
    let expected = json!({
        "liveMigrationConfig": all_defaults(),
        "featureGates": {},
        "fieldOfTomorrow": null,
    });
    assert_eq!(spec, expected);
}

#[test]
fn parity_a_null_in_a_selector_is_not_dropped_in_silence() {
    let schema = Kind::VirtualMachineInstanceMigration.schema("v1").unwrap();
    let mut document = json!({ "spec": { "vmiName": "a", "addedNodeSelector": { "zone": null } } });
    let written = document.clone();
    schema.apply_defaults(&mut document);
    assert_eq!(document, written);
    assert_eq!(schema.check(&document).len(), 1);
}

#[test]
fn other_kinds_have_nothing_to_fill_in() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::HyperConverged) {
        for version in kind.definition().versions {
            let mut document = json!({ "metadata": {}, "spec": { "template": {} }, "status": {} });
            let written = document.clone();
            kind.schema(version.name).unwrap().apply_defaults(&mut document);
            assert_eq!(document, written, "{kind}");
        }
    }
}

#[test]
fn unknown_fields_are_pruned_where_the_schema_is_closed_and_nowhere_else() {
    let mut document = json!({
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": { "name": "a", "labels": { "any": "label" }, "stray": 1 },
        "stray": 1,
        "spec": {
            "storageImport": { "insecureRegistries": ["a"], "kept": { "deep": [null] } },
            "liveMigrationConfig": { "progressTimeout": 1, "stray": { "deep": true } },
            "stray": {},
        },
        "status": { "relatedObjects": [{ "kept": 1 }], "stray": [{ "a": 1 }] },
    });
    v1beta1().prune(&mut document);
    let expected = json!({
        "apiVersion": "hco.kubevirt.io/v1beta1",
        "kind": "HyperConverged",
        "metadata": { "name": "a", "labels": { "any": "label" } },
        "spec": {
            "storageImport": { "insecureRegistries": ["a"], "kept": { "deep": [null] } },
            "liveMigrationConfig": { "progressTimeout": 1 },
        },
        "status": { "relatedObjects": [{ "kept": 1 }] },
    });
    assert_eq!(document, expected);
}

#[test]
fn pruning_reaches_into_lists_and_keeps_the_records_of_who_wrote_what() {
    let mut document = json!({
        "metadata": {
            "managedFields": [{ "manager": "a", "fieldsV1": { "f:spec": { ".": {} } }, "stray": 1 }],
        },
        "spec": { "taints": [{ "key": "a", "effect": "NoSchedule", "stray": 1 }] },
    });
    Kind::Node.schema("v1").unwrap().prune(&mut document);
    let expected = json!({
        "metadata": {
            "managedFields": [{ "manager": "a", "fieldsV1": { "f:spec": { ".": {} } } }],
        },
        "spec": { "taints": [{ "key": "a", "effect": "NoSchedule" }] },
    });
    assert_eq!(document, expected);
}
