//! HyperConverged onto KubeVirt's configuration.

use expect_test::{Expect, expect};
use ferry_api::hco::{v1, v1beta1};
use ferry_policy::hyperconverged::{JSON_PATCH_ANNOTATION, of_v1, of_v1beta1};
use ferry_policy::{EffectiveConfiguration, Origin};
use serde_json::{Value, json};

fn object(spec: Value) -> v1beta1::HyperConverged {
    serde_json::from_value(
        json!({ "metadata": { "name": "kubevirt-hyperconverged" }, "spec": spec }),
    )
    .unwrap()
}

fn with_patch(spec: Value, patch: &str) -> v1beta1::HyperConverged {
    let mut object = object(spec);
    let annotations = [(JSON_PATCH_ANNOTATION.to_owned(), patch.to_owned())];
    object.metadata.annotations = Some(annotations.into());
    object
}

#[test]
fn every_key_maps_by_name() {
    let section = json!({
        "allowAutoConverge": true,
        "allowPostCopy": true,
        "allowWorkloadDisruption": false,
        "bandwidthPerMigration": "64Mi",
        "completionTimeoutPerGiB": 800,
        "network": "migration",
        "parallelMigrationsPerCluster": 7,
        "parallelOutboundMigrationsPerNode": 1,
        "progressTimeout": 90,
    });
    let configuration = of_v1beta1(&object(json!({ "liveMigrationConfig": section }))).unwrap();
    let wire = serde_json::to_value(configuration.to_wire()).unwrap();
    for (key, value) in section.as_object().unwrap() {
        assert_eq!(wire[key], *value, "{key}");
        assert_eq!(configuration.origins()[key.as_str()], &Origin::Cluster, "{key}");
    }
    let version_1: v1::HyperConverged = serde_json::from_value(json!({
        "metadata": { "name": "kubevirt-hyperconverged" },
        "spec": { "virtualization": { "liveMigrationConfig": section } },
    }))
    .unwrap();
    assert_eq!(of_v1(&version_1).unwrap(), configuration);
}

#[test]
fn a_key_that_is_not_there_has_its_default() {
    for spec in [json!({}), json!({ "liveMigrationConfig": {} })] {
        assert_eq!(of_v1beta1(&object(spec)).unwrap(), EffectiveConfiguration::default());
    }
    let configuration =
        of_v1beta1(&object(json!({ "liveMigrationConfig": { "progressTimeout": 10 } }))).unwrap();
    assert_eq!(configuration.progress_timeout.value, 10);
    assert_eq!(configuration.completion_timeout_per_gib.value.get(), 150);
}

#[track_caller]
fn refused(object: &v1beta1::HyperConverged, expected: Expect) {
    let errors = of_v1beta1(object).unwrap_err();
    expected.assert_eq(&errors.iter().map(|error| format!("{error}\n")).collect::<String>());
}

#[test]
fn what_is_wrong_names_the_field_of_hyperconverged() {
    refused(
        &object(json!({ "liveMigrationConfig": { "bandwidthPerMigration": "MB" } })),
        expect![[r#"
            spec.liveMigrationConfig.bandwidthPerMigration: Invalid value: "MB": "MB" is not a quantity: it has no number; write one such as 64Mi, 500m or 1e3
        "#]],
    );
}

#[test]
fn the_section_of_the_other_version_is_refused_rather_than_lost() {
    refused(
        &object(json!({ "virtualization": { "liveMigrationConfig": { "progressTimeout": 1 } } })),
        expect![[r#"
            spec.virtualization: Invalid value: {}: belongs to hco.kubevirt.io/v1; v1beta1 has spec.liveMigrationConfig
        "#]],
    );
    let version_1: v1::HyperConverged =
        serde_json::from_value(json!({ "spec": { "liveMigrationConfig": {} } })).unwrap();
    assert!(of_v1(&version_1).is_err());
}

#[test]
fn the_patch_annotation_sets_what_hyperconverged_has_no_key_for() {
    let patch = r#"[
        {"op": "add", "path": "/spec/configuration/migrations/disableTLS", "value": true},
        {"op": "replace", "path": "/spec/configuration/migrations/progressTimeout", "value": 5},
        {"op": "add", "path": "/spec/configuration/developerConfiguration/logVerbosity", "value": {}}
    ]"#;
    let section = json!({ "liveMigrationConfig": { "progressTimeout": 10 } });
    let configuration = of_v1beta1(&with_patch(section, patch)).unwrap();
    assert_eq!(configuration.disable_tls.map(|set| set.value), Some(true));
    assert_eq!(configuration.progress_timeout.value, 5);
}

#[test]
fn a_patch_that_removes_the_section_leaves_the_defaults() {
    let patch = r#"[{"op": "remove", "path": "/spec/configuration/migrations"}]"#;
    let section = json!({ "liveMigrationConfig": { "progressTimeout": 10 } });
    let configuration = of_v1beta1(&with_patch(section, patch)).unwrap();
    assert_eq!(configuration, EffectiveConfiguration::default());
}

#[test]
fn a_patch_that_does_not_work_is_refused() {
    for patch in [
        "nonsense",
        r#"[{"op": "replace", "path": "/spec/configuration/migrations/a/b", "value": 1}]"#,
        r#"[{"op": "add", "path": "/spec/configuration/migrations/progressTimeout", "value": "x"}]"#,
        r#"[{"op": "add", "path": "/spec/configuration/migrations/noSuchKey", "value": 1}]"#,
        r#"[{"op": "add", "path": "/spec/configuration/migrations/bandwidthPerMigration", "value": "MB"}]"#,
        r#"[{"op": "replace", "path": "/spec/configuration/migrations", "value": 7}]"#,
    ] {
        let errors = of_v1beta1(&with_patch(json!({}), patch)).unwrap_err();
        let path = errors[0].path.to_string();
        assert!(path.starts_with("metadata.annotations[kubevirt.kubevirt.io/jsonpatch]"), "{path}");
    }
}
