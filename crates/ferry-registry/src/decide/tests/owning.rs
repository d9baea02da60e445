//! Who owns what of an object that the server completes: its creator owns what it sent, and nobody
//! what the server adds.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Part, Target};
use crate::request::{OnConflict, Patch, Write};
use crate::testing::{Cluster, pod, shown, target};

fn node(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } })
}

fn fields(object: &Value) -> &Value {
    &object["metadata"]["managedFields"][0]["fieldsV1"]
}

fn applied_status(kind: &str, name: &str, phase: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind,
        "metadata": { "name": name },
        "status": { "phase": phase },
    })
}

#[test]
fn parity_a_creator_owns_no_status() {
    let mut cluster = Cluster::new();
    let named = |kind: &str, spec: Value| json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "x" }, "spec": spec });
    let volume = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": { "requests": { "storage": "1Gi" } },
    });
    let mut working = node("x");
    working["status"] = json!({ "phase": "Running" });
    for object in [
        pod("x", ""),
        named("Namespace", json!({})),
        named("Service", json!({ "ports": [{ "port": 1 }] })),
        named("PersistentVolumeClaim", volume),
        working,
    ] {
        let made = shown(&cluster.create(&object).unwrap());
        assert!(made["status"].is_object(), "{made}");
        assert_eq!(fields(&made).get("f:status"), None, "{made}");
    }
}

#[test]
fn parity_a_creator_does_not_own_what_the_server_adds() {
    let mut cluster = Cluster::new();
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "x" } });
    let made = shown(&cluster.create(&namespace).unwrap());
    assert_eq!(made["spec"]["finalizers"], json!(["kubernetes"]));
    let label = json!({ ".": {}, "f:kubernetes.io/metadata.name": {} });
    assert_eq!(*fields(&made), json!({ "f:metadata": { "f:labels": label } }));
}

#[test]
fn parity_whoever_applies_a_status_first_meets_nobody() {
    let mut cluster = Cluster::new();
    cluster.create(&pod("x", "")).unwrap();
    let status = Target { part: Part::Status, ..target(Kind::Pod, "x") };
    let config = applied_status("Pod", "x", "Running");
    let applied = shown(&cluster.server_side_apply(status, &config, OnConflict::Refuse).unwrap());
    assert_eq!(applied["status"]["phase"], "Running");
}

#[test]
fn parity_what_was_there_before_anybody_applied_is_owned_as_far_as_the_path_reaches() {
    let mut cluster = Cluster::new();
    cluster.create(&pod("x", "")).unwrap();
    let at = target(Kind::Pod, "x");
    cluster.merge(at.clone(), json!({ "metadata": { "managedFields": [{}] } })).unwrap();
    let config = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "x", "labels": { "a": "b" } },
    });
    let applied = cluster.server_side_apply(at.clone(), &config, OnConflict::Refuse).unwrap();
    let managed = shown(&applied)["metadata"]["managedFields"].clone();
    let before = managed.as_array().unwrap().iter();
    let before = before.clone().find(|entry| entry["manager"] == "before-first-apply").unwrap();
    assert_eq!(before["fieldsV1"].get("f:status"), None, "{before}");
    assert!(before["fieldsV1"]["f:spec"].is_object(), "{before}");
    let status = Target { part: Part::Status, ..at };
    let config = applied_status("Pod", "x", "Running");
    cluster.server_side_apply(status, &config, OnConflict::Refuse).unwrap();
}

#[test]
fn parity_a_binding_makes_nobody_an_owner() {
    let mut cluster = Cluster::new();
    let made = shown(&cluster.create(&pod("x", "")).unwrap());
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": { "name": "x" },
        "target": { "kind": "Node", "name": "n" },
    });
    let path = Target { part: Part::Binding, ..target(Kind::Pod, "x") };
    cluster.create_at(path, &binding).unwrap();
    let bound = cluster.get(&target(Kind::Pod, "x")).unwrap();
    assert_eq!(bound["spec"]["nodeName"], "n");
    assert_eq!(bound["metadata"]["managedFields"], made["metadata"]["managedFields"]);
}

#[test]
fn parity_a_status_of_a_built_in_kind_has_all_that_it_must_have() {
    let mut cluster = Cluster::new();
    let mut working = node("x");
    working["status"] = json!({ "nodeInfo": { "osImage": "x" } });
    let made = shown(&cluster.create(&working).unwrap());
    let info = made["status"]["nodeInfo"].as_object().unwrap();
    assert_eq!((&info["osImage"], &info["kubeletVersion"]), (&json!("x"), &json!("")));
    assert!(info.len() >= 10, "{info:?}");

    let status = Target { part: Part::Status, ..target(Kind::Node, "x") };
    let change = json!({ "status": { "addresses": [{ "address": "127.0.0.1" }] } });
    let changed = shown(&cluster.merge(status, change).unwrap());
    assert_eq!(changed["status"]["addresses"], json!([{ "address": "127.0.0.1", "type": "" }]));
}

#[test]
fn parity_what_is_a_struct_in_a_built_in_kind_is_there_whoever_wrote_it() {
    let mut cluster = Cluster::new();
    let bare = shown(&cluster.create(&node("n")).unwrap());
    assert_eq!(bare["status"]["daemonEndpoints"], json!({ "kubeletEndpoint": { "Port": 0 } }));
    assert_eq!(bare["status"]["nodeInfo"]["kubeletVersion"], "");

    let mut made = shown(&cluster.create(&pod("x", "")).unwrap());
    assert_eq!(made["spec"]["containers"][0]["resources"], json!({}));
    let status = Target { part: Part::Status, ..target(Kind::Pod, "x") };
    let container = json!({ "name": "c", "state": { "running": {} } });
    let change = json!({ "status": { "containerStatuses": [container] } });
    let said = shown(&cluster.merge(status, change).unwrap());
    assert_eq!(said["status"]["containerStatuses"][0]["lastState"], json!({}));
    assert_eq!(said["status"]["containerStatuses"][0]["state"], json!({ "running": {} }));

    // What was kept before that, without them, can still be changed, and nothing is no change.
    made["spec"]["containers"][0].as_object_mut().unwrap().remove("resources");
    cluster.keep(&made);
    let kept = cluster.state.revision();
    cluster.merge(target(Kind::Pod, "x"), json!({})).unwrap();
    assert_eq!(cluster.state.revision(), kept);
    cluster
        .merge(target(Kind::Pod, "x"), json!({ "metadata": { "labels": { "a": "b" } } }))
        .unwrap();
    let grown = cluster.get(&target(Kind::Pod, "x")).unwrap();
    assert_eq!(grown["spec"]["containers"][0]["resources"], json!({}));

    let applied = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "m" } });
    let at = target(Kind::Node, "m");
    let applied = cluster.server_side_apply(at, &applied, OnConflict::Refuse).unwrap();
    assert_eq!(shown(&applied)["status"]["nodeInfo"]["osImage"], "");

    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": { "name": "e" },
        "involvedObject": { "namespace": "default" },
    });
    let made = shown(&cluster.create(&event).unwrap());
    assert_eq!(made["source"], json!({}));
    assert_eq!(fields(&made).get("f:source"), None, "{made}");
    let newer = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": { "name": "f" },
    });
    cluster.create(&newer).unwrap();
    let kept = cluster.get(&target(Kind::Event, "f")).unwrap();
    assert_eq!((&kept["source"], &kept["involvedObject"]), (&json!({}), &json!({})));
}

#[test]
fn parity_a_patch_can_add_to_a_spec_that_nobody_wrote() {
    let mut cluster = Cluster::new();
    cluster.create(&node("x")).unwrap();
    let taints = json!([{ "key": "a", "effect": "NoSchedule" }]);
    let operations = json!([{ "op": "add", "path": "/spec/taints", "value": taints }]);
    let patch = Patch::Json(serde_json::from_value(operations).unwrap());
    let request = cluster.request(target(Kind::Node, "x"), Write::Patch(patch));
    assert_eq!(shown(&cluster.send(&request).unwrap())["spec"]["taints"], taints);
}

#[test]
fn parity_built_in_kinds_leave_out_what_is_empty_and_custom_ones_keep_it() {
    let mut cluster = Cluster::new();
    let mut empty = pod("x", "");
    empty["spec"]["volumes"] = json!([]);
    empty["spec"]["nodeSelector"] = json!({});
    empty["spec"]["affinity"] = json!({ "nodeAffinity": {} });
    empty["metadata"]["labels"] = json!({});
    let made = shown(&cluster.create(&empty).unwrap());
    assert_eq!((made["spec"].get("volumes"), made["spec"].get("nodeSelector")), (None, None));
    assert_eq!(made["metadata"].get("labels"), None);
    assert_eq!(made["spec"]["affinity"], json!({ "nodeAffinity": {} }));
    assert_eq!(fields(&made)["f:spec"].get("f:volumes"), None, "{made}");

    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "x" },
        "rules": [],
    });
    assert_eq!(shown(&cluster.create(&role).unwrap())["rules"], json!([]));

    let mut machine = crate::testing::vm("x");
    machine["spec"]["dataVolumeTemplates"] = json!([]);
    assert_eq!(shown(&cluster.create(&machine).unwrap())["spec"]["dataVolumeTemplates"], json!([]));
}
