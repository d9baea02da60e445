//! There and back again, nothing is lost.

use ferry_api::{Kind, KindVersion};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::document;
use crate::object::{Document, ObjectKey, Revision, Stored};

fn version(api_version: &str, kind: &str) -> KindVersion {
    KindVersion::of_document(api_version, kind).unwrap()
}

fn converted(object: Value, from: KindVersion, to: KindVersion) -> Value {
    let Value::Object(mut object) = object else { panic!("{object}") };
    document(from, to, &mut object);
    Value::Object(object)
}

#[test]
fn parity_hyperconverged_has_its_settings_in_other_places() {
    let old = version("hco.kubevirt.io/v1beta1", "HyperConverged");
    let new = version("hco.kubevirt.io/v1", "HyperConverged");
    for (heap, sorted) in [
        (json!({}), json!({})),
        (
            json!({ "liveMigrationConfig": { "a": 1 }, "evictionStrategy": "None", "other": 1 }),
            json!({
                "virtualization": { "liveMigrationConfig": { "a": 1 }, "evictionStrategy": "None" },
                "other": 1,
            }),
        ),
        (
            json!({ "infra": { "nodePlacement": { "a": 1 } }, "workloads": { "x": 1 } }),
            json!({ "nodePlacements": { "infra": { "a": 1 } }, "workloads": { "x": 1 } }),
        ),
        (
            json!({
                "applicationAwareConfig": { "a": 1 },
                "enableApplicationAwareQuota": true,
                "obsoleteCPUs": { "cpuModels": ["m"] },
            }),
            json!({
                "deployment": { "applicationAwareConfig": { "a": 1, "enable": true } },
                "virtualization": { "obsoleteCPUModels": ["m"] },
            }),
        ),
        (
            json!({ "featureGates": { "a": true, "b": false } }),
            json!({ "featureGates": [{ "name": "a" }, { "name": "b", "state": "Disabled" }] }),
        ),
        // Somebody wrote into a place that is not there in this version: it stays.
        (
            json!({ "liveMigrationConfig": 1, "virtualization": { "liveMigrationConfig": 2 } }),
            json!({ "liveMigrationConfig": 1, "virtualization": { "liveMigrationConfig": 2 } }),
        ),
        (
            json!({ "evictionStrategy": "None", "virtualization": "text" }),
            json!({ "evictionStrategy": "None", "virtualization": "text" }),
        ),
    ] {
        let as_old = json!({ "apiVersion": "hco.kubevirt.io/v1beta1", "spec": heap });
        let as_new = json!({ "apiVersion": "hco.kubevirt.io/v1", "spec": sorted });
        assert_eq!(converted(as_old.clone(), old, new), as_new);
        assert_eq!(converted(as_new, new, old), as_old);
    }
}

#[test]
fn parity_events_have_other_names_for_the_same() {
    let core = KindVersion::storage(Kind::Event);
    let events = KindVersion::NEW_EVENT;
    let object = json!({
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": { "kind": "Pod" },
        "message": "m",
        "source": { "component": "c" },
        "firstTimestamp": "t1",
        "lastTimestamp": "t2",
        "count": 3,
        "reportingComponent": "r",
        "reportingInstance": "i",
        "eventTime": "t3",
        "series": { "count": 2 },
    });
    let renamed = converted(object.clone(), core, events);
    assert_eq!(
        renamed,
        json!({
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "regarding": { "kind": "Pod" },
            "note": "m",
            "deprecatedSource": { "component": "c" },
            "deprecatedFirstTimestamp": "t1",
            "deprecatedLastTimestamp": "t2",
            "deprecatedCount": 3,
            "reportingController": "r",
            "reportingInstance": "i",
            "eventTime": "t3",
            "series": { "count": 2 },
        })
    );
    assert_eq!(converted(renamed, events, core), object);
}

#[test]
fn an_event_of_the_new_group_always_has_a_time() {
    let shown = |object: Value| -> Value {
        let key = ObjectKey::new(Kind::Event, "a", "e");
        let json = serde_json::to_vec(&object).unwrap().into();
        let stored = Stored::from_json(key, Revision(1), json).unwrap();
        serde_json::from_slice(&super::convert(&stored, KindVersion::NEW_EVENT)).unwrap()
    };
    for (object, time) in [
        (json!({ "eventTime": "2026-11-26T00:00:00.5Z" }), json!("2026-11-26T00:00:00.5Z")),
        (
            json!({ "lastTimestamp": "2026-11-26T00:00:00Z", "eventTime": null }),
            json!("2026-11-26T00:00:00.000000Z"),
        ),
        (
            json!({ "metadata": { "creationTimestamp": "2026-11-26T00:00:01Z" } }),
            json!("2026-11-26T00:00:01.000000Z"),
        ),
        (json!({}), Value::Null),
    ] {
        assert_eq!(shown(object)["eventTime"], time);
    }
}

#[test]
fn other_versions_differ_in_their_name_alone() {
    let old = version("kubevirt.io/v1alpha3", "VirtualMachine");
    let new = version("kubevirt.io/v1", "VirtualMachine");
    let object = json!({ "apiVersion": "kubevirt.io/v1alpha3", "spec": { "running": true } });
    assert_eq!(
        converted(object.clone(), old, new),
        json!({ "apiVersion": "kubevirt.io/v1", "spec": { "running": true } })
    );
    assert_eq!(converted(converted(object.clone(), old, new), new, old), object);
}

fn spec() -> impl Strategy<Value = Document> {
    let name = prop::sample::select(vec![
        "liveMigrationConfig",
        "evictionStrategy",
        "virtualMachineOptions",
        "defaultCPUModel",
        "applicationAwareConfig",
        "enableApplicationAwareQuota",
        "resourceRequirements",
        "infra",
        "certConfig",
        "featureGates",
        "unheard",
    ]);
    let field = prop::sample::select(vec!["nodePlacement", "storageWorkloads", "x", "y"]);
    let section = prop::collection::btree_map(field, any::<bool>(), 1..3);
    prop::collection::btree_map(name, section, 0..6).prop_map(|spec| {
        let section = |fields: std::collections::BTreeMap<&str, bool>| {
            fields.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect()
        };
        spec.into_iter()
            .map(|(name, fields)| (name.to_owned(), Value::Object(section(fields))))
            .collect::<Map<_, _>>()
    })
}

proptest! {
    #[test]
    fn hyperconverged_comes_back_as_it_was(spec in spec()) {
        let old = version("hco.kubevirt.io/v1beta1", "HyperConverged");
        let new = version("hco.kubevirt.io/v1", "HyperConverged");
        let object = json!({ "apiVersion": "hco.kubevirt.io/v1beta1", "spec": spec });
        let there = converted(object.clone(), old, new);
        prop_assert_eq!(converted(there, new, old), object);
    }
}
