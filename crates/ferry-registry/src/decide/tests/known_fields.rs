//! Fields that a kind does not have: told, refused or dropped, however they are written; and those
//! that it has although nothing here reads them.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::request::{FieldValidation, OnConflict};
use crate::testing::{Cluster, shown, target, vm};

/// A machine with three fields that no machine has.
fn misspelt() -> Value {
    let mut machine = vm("x");
    machine["spec"]["runing"] = json!(true);
    machine["spec"]["template"]["spec"]["hostName"] = json!("h");
    machine["spec"]["template"]["annotations"] = json!({});
    machine
}

const PATHS: [&str; 3] =
    ["spec.runing", "spec.template.annotations", "spec.template.spec.hostName"];

#[test]
fn a_misspelt_field_of_a_machine_is_refused_told_or_dropped() {
    let mut cluster = Cluster::new();
    cluster.validation = FieldValidation::Strict;
    let refusal = cluster.create(&misspelt()).unwrap_err();
    assert_eq!(refusal.code(), 400);
    for path in PATHS {
        assert!(refusal.to_string().contains(&format!("unknown field \"{path}\"")), "{refusal}");
    }
    cluster.validation = FieldValidation::Warn;
    let created = cluster.create(&misspelt()).unwrap();
    let told = PATHS.map(|path| format!("unknown field \"{path}\""));
    assert_eq!(created.warnings, told);
    assert_eq!(shown(&created)["spec"], vm("x")["spec"]);
    cluster.validation = FieldValidation::Strict;
    let patch = json!({ "spec": { "runing": true } });
    let refusal = cluster.merge(target(Kind::VirtualMachine, "x"), patch).unwrap_err();
    assert_eq!(refusal.code(), 422);
    assert!(refusal.to_string().contains("spec.runing"), "{refusal}");
}

#[test]
fn parity_a_misspelt_field_cannot_be_applied_whatever_is_said_of_unknown_fields() {
    for validation in [FieldValidation::Ignore, FieldValidation::Warn, FieldValidation::Strict] {
        let mut cluster = Cluster::new();
        cluster.validation = validation;
        cluster.manager = "m".to_owned();
        let at = target(Kind::VirtualMachine, "x");
        let mut config = vm("x");
        config["spec"]["runing"] = json!(true);
        let refusal = cluster.server_side_apply(at, &config, OnConflict::Refuse).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.to_string().as_str()),
            (
                400,
                "failed to create typed patch object (a/x; kubevirt.io/v1, Kind=VirtualMachine): \
                 .spec.runing: field not declared in schema"
            )
        );
    }
}

#[test]
fn what_ferry_does_not_read_is_applied_and_owned_field_by_field() {
    let mut cluster = Cluster::new();
    cluster.validation = FieldValidation::Strict;
    let at = || target(Kind::VirtualMachine, "x");
    let mut config = vm("x");
    config["spec"]["template"]["metadata"] = json!({ "creationTimestamp": null, "labels": null });
    config["spec"]["template"]["spec"]["dnsConfig"] = json!({ "nameservers": ["a"], "own": 1 });
    config["spec"]["template"]["spec"]["networks"] = json!([{ "name": "default", "pod": {} }]);
    cluster.manager = "m1".to_owned();
    let created = shown(&cluster.server_side_apply(at(), &config, OnConflict::Refuse).unwrap());
    assert_eq!(created["spec"], config["spec"]);
    let owned = &created["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]["f:template"];
    assert_eq!(
        owned["f:spec"]["f:dnsConfig"],
        json!({ "f:nameservers": {}, "f:own": {} }),
        "{owned}"
    );
    assert_eq!(owned["f:spec"]["f:networks"], json!({}));
    assert_eq!(owned["f:metadata"]["f:creationTimestamp"], json!({}));

    let mut other = vm("x");
    other["spec"]["template"]["spec"]["dnsConfig"] = json!({ "nameservers": ["b"] });
    cluster.manager = "m2".to_owned();
    let refusal = cluster.server_side_apply(at(), &other, OnConflict::Refuse).unwrap_err();
    assert_eq!(refusal.code(), 409);
    // What is no longer applied goes, the null as well.
    cluster.manager = "m1".to_owned();
    let bare = shown(&cluster.server_side_apply(at(), &vm("x"), OnConflict::Refuse).unwrap());
    assert_eq!(bare["spec"], vm("x")["spec"]);
}

#[test]
fn a_null_in_the_metadata_of_a_template_comes_back() {
    let mut cluster = Cluster::new();
    let mut machine = vm("x");
    machine["spec"]["template"]["metadata"] =
        json!({ "creationTimestamp": null, "labels": { "a": "b" } });
    let created = shown(&cluster.create(&machine).unwrap());
    assert_eq!(created["spec"], machine["spec"]);
    let changed = cluster.update(&created).unwrap();
    assert!(changed.change.is_none(), "it is what was there");
}

#[test]
fn settings_at_the_place_of_the_other_version_are_unknown() {
    for (version, spec, path) in [
        ("v1", json!({ "liveMigrationConfig": {} }), "spec.liveMigrationConfig"),
        (
            "v1beta1",
            json!({ "virtualization": { "liveMigrationConfig": {} } }),
            "spec.virtualization.liveMigrationConfig",
        ),
    ] {
        let mut cluster = Cluster::new();
        let object = json!({
            "apiVersion": format!("hco.kubevirt.io/{version}"),
            "kind": "HyperConverged",
            "metadata": { "name": "kubevirt-hyperconverged" },
            "spec": spec,
        });
        let created = cluster.create(&object).unwrap();
        assert_eq!(created.warnings, [format!("unknown field \"{path}\"")]);
    }
}

#[test]
fn a_gate_of_one_version_does_not_make_the_other_refuse_a_patch() {
    let mut cluster = Cluster::new();
    cluster.validation = FieldValidation::Strict;
    let object = json!({
        "apiVersion": "hco.kubevirt.io/v1",
        "kind": "HyperConverged",
        "metadata": { "name": "kubevirt-hyperconverged" },
        "spec": {
            "featureGates": [{ "name": "ofTomorrow" }],
            "deployment": { "deployNetworkResourcesInjector": false },
            "storage": {},
        },
    });
    cluster.create(&object).unwrap();
    for version in ["v1", "v1beta1"] {
        let served =
            KindVersion::of_document(&format!("hco.kubevirt.io/{version}"), "HyperConverged");
        let mut at = target(Kind::HyperConverged, "kubevirt-hyperconverged");
        at.served = served.unwrap();
        let patch = json!({ "metadata": { "labels": { version: "patched" } } });
        let patched = shown(&cluster.merge(at, patch).unwrap());
        let spec = &patched["spec"];
        assert_eq!(spec["deployment"]["deployNetworkResourcesInjector"], false, "{spec}");
        assert_eq!(spec["featureGates"], json!({ "ofTomorrow": true }), "{spec}");
    }
}

#[test]
fn parity_a_value_of_another_type_cannot_be_read() {
    let mut wrong = crate::testing::config_map("x");
    wrong["data"]["k"] = json!(1);
    let mut cluster = Cluster::new();
    cluster.create(&crate::testing::config_map("x")).unwrap();
    for refused in [cluster.create(&wrong).unwrap_err(), cluster.update(&wrong).unwrap_err()] {
        assert_eq!(
            (refused.code(), refused.to_string().as_str()),
            (
                400,
                "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: json: cannot \
                 unmarshal data[k]: Invalid value: 1: must be a string; put it in quotes"
            )
        );
    }
    // What schemas of custom kinds say is validation, and so is what a patch comes to.
    let mut machine = crate::testing::vm("x");
    machine["spec"]["running"] = json!("yes");
    assert_eq!(cluster.create(&machine).unwrap_err().code(), 422);
    let at = crate::testing::target(ferry_api::Kind::ConfigMap, "x");
    assert_eq!(cluster.merge(at, json!({ "data": { "k": 1 } })).unwrap_err().code(), 422);
}
