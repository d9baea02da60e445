//! There and back again, nothing is lost.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use super::document;
use crate::object::{ObjectKey, Revision, Stored};

fn version(api_version: &str, kind: &str) -> KindVersion {
    KindVersion::of_document(api_version, kind).unwrap()
}

fn converted(object: Value, from: KindVersion, to: KindVersion) -> Value {
    let Value::Object(mut object) = object else { panic!("{object}") };
    document(from, to, &mut object);
    Value::Object(object)
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
