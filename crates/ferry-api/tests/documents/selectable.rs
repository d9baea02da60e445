//! What objects can be selected by, and the paths below them.

use expect_test::expect;
use ferry_api::{Kind, KindVersion, StatusSubresource, selectable_value};
use serde_json::json;

use crate::common::text;

#[test]
fn kinds_can_be_selected_by_these_fields() {
    let mut lines = Vec::new();
    for served in KindVersion::all() {
        for (label, path) in served.selectable_fields() {
            let renamed = if label == path { String::new() } else { format!(" at {path}") };
            lines.push(format!("{served} {label}{renamed}"));
        }
    }
    expect![[r#"
        v1, Kind=Node spec.unschedulable
        v1, Kind=Namespace status.phase
        v1, Kind=Pod spec.nodeName
        v1, Kind=Pod spec.host at spec.nodeName
        v1, Kind=Pod spec.restartPolicy
        v1, Kind=Pod spec.schedulerName
        v1, Kind=Pod spec.serviceAccountName
        v1, Kind=Pod spec.hostNetwork
        v1, Kind=Pod status.phase
        v1, Kind=Pod status.podIP
        v1, Kind=Pod status.podIPs
        v1, Kind=Pod status.nominatedNodeName
        v1, Kind=Event involvedObject.kind
        v1, Kind=Event involvedObject.namespace
        v1, Kind=Event involvedObject.name
        v1, Kind=Event involvedObject.uid
        v1, Kind=Event involvedObject.apiVersion
        v1, Kind=Event involvedObject.resourceVersion
        v1, Kind=Event involvedObject.fieldPath
        v1, Kind=Event reason
        v1, Kind=Event reportingComponent
        v1, Kind=Event source at source.component
        v1, Kind=Event type
        events.k8s.io/v1, Kind=Event regarding.kind at involvedObject.kind
        events.k8s.io/v1, Kind=Event regarding.namespace at involvedObject.namespace
        events.k8s.io/v1, Kind=Event regarding.name at involvedObject.name
        events.k8s.io/v1, Kind=Event regarding.uid at involvedObject.uid
        events.k8s.io/v1, Kind=Event regarding.apiVersion at involvedObject.apiVersion
        events.k8s.io/v1, Kind=Event regarding.resourceVersion at involvedObject.resourceVersion
        events.k8s.io/v1, Kind=Event regarding.fieldPath at involvedObject.fieldPath
        events.k8s.io/v1, Kind=Event reason
        events.k8s.io/v1, Kind=Event reportingController at reportingComponent
        events.k8s.io/v1, Kind=Event type
        v1, Kind=Secret type
        v1, Kind=Service spec.clusterIP
        v1, Kind=Service spec.type
    "#]]
    .assert_eq(&text(&lines));
}

#[test]
fn both_groups_of_events_look_at_the_same_fields() {
    let stored: Vec<&str> = Kind::Event.selectable_fields().iter().map(|(_, path)| *path).collect();
    for (label, path) in KindVersion::NEW_EVENT.selectable_fields() {
        assert!(stored.contains(path), "{label} is at {path}");
    }
}

#[test]
fn values_are_compared_as_texts() {
    let object = json!({
        "spec": { "nodeName": "node-1", "hostNetwork": true, "empty": "", "list": [1], "count": 3 },
        "reportingComponent": "ferry-node",
    });
    let object = object.as_object().expect("an object");
    for (path, expected) in [
        ("spec.nodeName", "node-1"),
        ("spec.hostNetwork", "true"),
        ("spec.unschedulable", "false"),
        ("spec.empty", ""),
        ("spec.list", ""),
        ("spec.count", "3"),
        ("spec.nodeName.more", ""),
        ("status.phase", ""),
        ("", ""),
        // Whoever reports an event counts as its source.
        ("source.component", "ferry-node"),
        ("reportingComponent", "ferry-node"),
    ] {
        assert_eq!(selectable_value(object, path), expected, "{path}");
    }
    let event = json!({ "source": { "component": "virt-handler" }, "reportingComponent": "x" });
    let event = event.as_object().expect("an object");
    assert_eq!(selectable_value(event, "source.component"), "virt-handler");
}

#[test]
fn the_status_is_below_the_objects_that_have_one() {
    for kind in Kind::ALL {
        let status = kind.subresources().iter().any(|below| below.name == "status");
        assert_eq!(status, kind.definition().status == StatusSubresource::Served, "{kind}");
    }
    let eviction = KindVersion::storage(Kind::Pod).subresource("eviction").expect("it is served");
    assert_eq!(eviction.body.map(|body| (body.group, body.kind)), Some(("policy", "Eviction")));
    assert_eq!(KindVersion::storage(Kind::Pod).subresource("scale"), None);
    assert_eq!(KindVersion::storage(Kind::Event).subresource("status"), None);
}

#[test]
fn events_are_served_in_two_groups_and_kept_in_one() {
    let core = KindVersion::of_path("", "v1", "events").expect("it is served");
    let own = KindVersion::of_document("events.k8s.io/v1", "Event").expect("it is served");
    assert_eq!((core.kind(), own.kind()), (Kind::Event, Kind::Event));
    assert_eq!(own, KindVersion::NEW_EVENT);
    assert!(core.is_storage() && !own.is_storage());
    assert_ne!(core.schema(), own.schema());
    let all: Vec<KindVersion> = KindVersion::all().collect();
    let at = |one| all.iter().position(|served| *served == one);
    assert_eq!(at(core).map(|at| at + 1), at(own));
}
