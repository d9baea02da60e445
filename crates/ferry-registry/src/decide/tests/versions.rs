//! Managers that write one object in versions with other places for the same fields.

use std::collections::BTreeSet;

use ferry_api::{Kind, KindVersion};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::convert;
use crate::object::Target;
use crate::refusal::Refusal;
use crate::request::{Decision, OnConflict};
use crate::testing::{Cluster, shown, target};

const OLD: &str = "hco.kubevirt.io/v1beta1";
const NEW: &str = "hco.kubevirt.io/v1";

fn served(api_version: &str, kind: &str) -> KindVersion {
    KindVersion::of_document(api_version, kind).unwrap()
}

/// A configuration of HyperConverged.
fn hco(api_version: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": api_version, "kind": "HyperConverged",
        "metadata": { "name": "kubevirt-hyperconverged", "namespace": "a" },
        "spec": spec,
    })
}

fn live_migration(api_version: &str, fields: &Value) -> Value {
    let spec = if api_version == OLD {
        json!({ "liveMigrationConfig": fields })
    } else {
        json!({ "virtualization": { "liveMigrationConfig": fields } })
    };
    hco(api_version, &spec)
}

fn converted(object: &Value, to: &str) -> Value {
    let text = |name: &str| object[name].as_str().unwrap().to_owned();
    let from = served(&text("apiVersion"), &text("kind"));
    let mut object = object.as_object().unwrap().clone();
    convert::document(from, served(to, &text("kind")), &mut object);
    Value::Object(object)
}

fn at(object: &Value) -> Target {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let served = served(&text(&object["apiVersion"]), &text(&object["kind"]));
    Target { served, ..target(served.kind(), &text(&object["metadata"]["name"])) }
}

impl Cluster {
    fn apply_as(
        &mut self,
        manager: &str,
        config: &Value,
        conflicts: OnConflict,
    ) -> Result<Decision, Refusal> {
        manager.clone_into(&mut self.manager);
        self.pass(1);
        self.server_side_apply(at(config), config, conflicts)
    }
}

/// Who has an entry, in which version, and what of one path it says.
fn owners(object: &Value) -> Vec<(String, String)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries.iter().map(|entry| (text(&entry["manager"]), text(&entry["apiVersion"]))).collect()
}

#[test]
fn parity_what_another_applied_in_another_version_is_a_conflict_there() {
    for (first, second, path) in [
        (OLD, NEW, ".spec.liveMigrationConfig.network"),
        (NEW, OLD, ".spec.virtualization.liveMigrationConfig.network"),
    ] {
        let mut cluster = Cluster::new();
        let config = live_migration(first, &json!({ "network": "one" }));
        cluster.apply_as("m1", &config, OnConflict::Refuse).unwrap();
        let other = live_migration(second, &json!({ "network": "two" }));
        let refusal = cluster.apply_as("m2", &other, OnConflict::Refuse).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            format!("Apply failed with 1 conflict: conflict with \"m1\": {path}")
        );
        // The same value is no conflict, and belongs to both.
        let same = live_migration(second, &json!({ "network": "one" }));
        let shared = shown(&cluster.apply_as("m2", &same, OnConflict::Refuse).unwrap());
        let both = [("m1".to_owned(), first.to_owned()), ("m2".to_owned(), second.to_owned())];
        assert_eq!(owners(&shared), both);
        // Whoever takes it takes it from the other's entry.
        let taken = shown(&cluster.apply_as("m2", &other, OnConflict::TakeOver).unwrap());
        assert_eq!(owners(&taken), [("m2".to_owned(), second.to_owned())]);
    }
}

#[test]
fn parity_an_update_is_named_with_the_version_that_it_was_written_in() {
    let mut cluster = Cluster::new();
    "editor".clone_into(&mut cluster.manager);
    cluster.create(&live_migration(OLD, &json!({ "network": "one" }))).unwrap();
    let other = live_migration(NEW, &json!({ "network": "two" }));
    let refusal = cluster.apply_as("m", &other, OnConflict::Refuse).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        format!(
            "Apply failed with 1 conflict: conflict with \"editor\" using {OLD}: \
             .spec.liveMigrationConfig.network"
        )
    );
}

#[test]
fn what_is_applied_no_longer_goes_in_whichever_version_it_was_applied_before() {
    for (first, second) in [(OLD, NEW), (NEW, OLD), (OLD, OLD), (NEW, NEW)] {
        let mut cluster = Cluster::new();
        let both = json!({ "network": "one", "progressTimeout": 7 });
        cluster.apply_as("m", &live_migration(first, &both), OnConflict::Refuse).unwrap();
        let kept = live_migration(NEW, &json!({ "network": "one" }));
        cluster.apply_as("other", &kept, OnConflict::Refuse).unwrap();
        let config = converted(&hco(OLD, &json!({ "evictionStrategy": "None" })), second);
        let left = shown(&cluster.apply_as("m", &config, OnConflict::Refuse).unwrap());
        let left = converted(&left, OLD);
        let settings = &left["spec"]["liveMigrationConfig"];
        // One is still somebody's, the other is what it is by default.
        assert_eq!(settings["network"], "one", "{first} {second}");
        assert_eq!(settings["progressTimeout"], 150, "{first} {second}");
    }
}

#[test]
fn a_plain_write_takes_fields_from_managers_of_other_versions() {
    let mut cluster = Cluster::new();
    let config = live_migration(OLD, &json!({ "network": "one" }));
    let object = shown(&cluster.apply_as("m", &config, OnConflict::Refuse).unwrap());
    "editor".clone_into(&mut cluster.manager);
    let mut object = converted(&object, NEW);
    object["spec"]["virtualization"]["liveMigrationConfig"]["network"] = json!("two");
    let object = shown(&cluster.update(&object).unwrap());
    assert_eq!(owners(&object), [("editor".to_owned(), NEW.to_owned())]);
}

#[test]
fn events_belong_to_whoever_reports_them_in_either_group() {
    let event = |api_version: &str, object: &str, text: &str, message: &str| {
        json!({
            "apiVersion": api_version, "kind": "Event",
            "metadata": { "name": "e", "namespace": "a" },
            object: { "kind": "Pod", "name": "p", "namespace": "a" },
            text: message,
            "eventTime": "2026-11-26T00:00:00.000000Z", "type": "Normal", "reason": "R",
            "action": "A", "reportingInstance": "i",
        })
    };
    let mut cluster = Cluster::new();
    let core = event("v1", "involvedObject", "message", "one");
    cluster.apply_as("core", &core, OnConflict::Refuse).unwrap();
    let other = event("events.k8s.io/v1", "regarding", "note", "two");
    let refusal = cluster.apply_as("new", &other, OnConflict::Refuse).unwrap_err();
    let sentence = "Apply failed with 1 conflict: conflict with \"core\": .message";
    assert_eq!(refusal.to_string(), sentence);
    let same = event("events.k8s.io/v1", "regarding", "note", "one");
    let shared = shown(&cluster.apply_as("new", &same, OnConflict::Refuse).unwrap());
    assert_eq!(owners(&shared).len(), 2);
}

#[test]
fn versions_with_the_same_places_are_compared_as_one() {
    let machine = |api_version: &str, running: bool| {
        let mut machine = crate::testing::vm("x");
        machine["apiVersion"] = json!(api_version);
        machine["spec"]["running"] = json!(running);
        machine
    };
    let mut cluster = Cluster::new();
    cluster.apply_as("m1", &machine("kubevirt.io/v1", true), OnConflict::Refuse).unwrap();
    let other = machine("kubevirt.io/v1alpha3", false);
    let refusal = cluster.apply_as("m2", &other, OnConflict::Refuse).unwrap_err();
    assert!(refusal.to_string().ends_with("\"m1\": .spec.running"), "{refusal}");
}

#[test]
fn parity_entries_of_versions_that_are_not_there_are_forgotten() {
    let mut cluster = Cluster::new();
    let mut object = live_migration(NEW, &json!({ "network": "one" }));
    object["metadata"]["managedFields"] = json!([{
        "manager": "old", "operation": "Apply", "apiVersion": "hco.kubevirt.io/v0",
        "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:network": {} } },
    }]);
    let object = shown(&cluster.create(&object).unwrap());
    assert_eq!(owners(&object), [("test".to_owned(), NEW.to_owned())]);
}

/// What somebody wants, in the words of `v1beta1`.
fn wanted() -> impl Strategy<Value = Value> {
    let leaf = |name: &'static str, values: [Value; 2]| {
        prop::option::of(prop::sample::select(values.to_vec()))
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let settings = (
        leaf("network", [json!("one"), json!("two")]),
        leaf("progressTimeout", [json!(7), json!(8)]),
        leaf("allowPostCopy", [json!(true), json!(false)]),
    )
        .prop_map(|(a, b, c)| [a, b, c].into_iter().flatten().collect::<serde_json::Map<_, _>>());
    let rest = (
        leaf("evictionStrategy", [json!("None"), json!("LiveMigrate")]),
        leaf(
            "certConfig",
            [json!({ "ca": { "duration": "1h" } }), json!({ "server": { "renewBefore": "1h" } })],
        ),
        leaf("logVerbosityConfig", [json!({ "kubevirt": { "virtAPI": 1 } }), json!({ "cdi": 2 })]),
        leaf("enableApplicationAwareQuota", [json!(true), json!(false)]),
        leaf("vddkInitImage", [json!("one"), json!("two")]),
    );
    (settings, rest).prop_map(|(settings, (a, b, c, d, e))| {
        let mut spec: serde_json::Map<_, _> = [a, b, c, d, e].into_iter().flatten().collect();
        if !settings.is_empty() {
            spec.insert("liveMigrationConfig".to_owned(), Value::Object(settings));
        }
        Value::Object(spec)
    })
}

proptest! {
    /// In which version somebody applies something does not matter, to the object or to others.
    #[test]
    fn applying_in_either_version_is_the_same(
        steps in prop::collection::vec((0..3_usize, wanted(), any::<bool>(), any::<bool>()), 1..7),
    ) {
        let (mut one, mut mixed) = (Cluster::new(), Cluster::new());
        for (manager, spec, newer, force) in steps {
            let manager = ["m0", "m1", "m2"][manager];
            let conflicts = if force { OnConflict::TakeOver } else { OnConflict::Refuse };
            let config = hco(OLD, &spec);
            let there = if newer { converted(&config, NEW) } else { config.clone() };
            let expected = one.apply_as(manager, &config, conflicts);
            let found = mixed.apply_as(manager, &there, conflicts);
            match (&expected, &found) {
                (Ok(_), Ok(_)) => {}
                (
                    Err(Refusal::ApplyConflict { conflicts: expected }),
                    Err(Refusal::ApplyConflict { conflicts: found }),
                ) => {
                    let whose = |all: &[crate::FieldConflict]| -> Vec<String> {
                        all.iter().map(|one| one.manager.clone()).collect()
                    };
                    prop_assert_eq!(whose(expected), whose(found));
                }
                _ => prop_assert!(false, "{expected:?}\n{found:?}"),
            }
            let at = target(Kind::HyperConverged, "kubevirt-hyperconverged");
            let content = |cluster: &Cluster| {
                let object = cluster.get(&at)?;
                let object = converted(&object, OLD);
                // In another version an entry is another one, and so a newer one.
                let names = owners(&object).into_iter().map(|(name, _)| name);
                Some((object["spec"].clone(), names.collect::<BTreeSet<_>>()))
            };
            prop_assert_eq!(content(&one), content(&mixed));
        }
    }
}
