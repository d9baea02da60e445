//! Pods: they are bound once, and end in their own time.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Change, Effect, Part, Target};
use crate::request::{Answer, Decision, DeleteOptions};
use crate::testing::{Cluster, pod, shown, target};

fn at() -> Target {
    target(Kind::Pod, "p")
}

fn grace(seconds: i64) -> DeleteOptions {
    DeleteOptions { grace_period_seconds: Some(seconds), ..DeleteOptions::default() }
}

fn bind(cluster: &mut Cluster, node: &str) -> Result<crate::Decision, crate::Refusal> {
    let binding = json!({
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": { "name": "p", "annotations": { "k": "v" } },
        "target": { "kind": "Node", "name": node },
    });
    cluster.create_at(Target { part: Part::Binding, ..at() }, &binding)
}

#[test]
fn parity_a_binding_is_read_like_any_object_and_may_say_which_pod_it_means() {
    let mut cluster = Cluster::new();
    let made = shown(&cluster.create(&pod("p", "")).unwrap());
    let path = || Target { part: Part::Binding, ..at() };
    let with = |metadata: Value| json!({ "metadata": metadata, "target": { "name": "n" } });
    for (binding, code, said) in [
        (with(json!({ "annotations": { "a": 5 } })), 400, "metadata.annotations[a]: Invalid value"),
        (with(json!([])), 400, "metadata: Invalid value"),
        (json!({ "target": "n" }), 400, "target: Invalid value"),
        (with(json!({ "uid": "another" })), 409, "UID in precondition: another"),
        (with(json!({ "resourceVersion": "1" })), 409, "has been modified"),
    ] {
        let refusal = cluster.create_at(path(), &binding).unwrap_err();
        assert_eq!(refusal.code(), code, "{binding}");
        assert!(refusal.to_string().contains(said), "{binding}: {refusal}");
    }
    let mut waiting = pod("q", "");
    waiting["spec"]["schedulingGates"] = json!([{ "name": "g" }]);
    cluster.create(&waiting).unwrap();
    let held = Target { part: Part::Binding, ..target(Kind::Pod, "q") };
    let refusal = cluster.create_at(held, &with(json!({}))).unwrap_err();
    assert!(refusal.to_string().contains("has non-empty .spec.schedulingGates"), "{refusal}");

    let meant = json!({ "uid": made["metadata"]["uid"], "annotations": { "a": null } });
    cluster.create_at(path(), &with(meant)).unwrap();
    let bound = cluster.get(&at()).unwrap();
    assert_eq!(bound["metadata"]["annotations"], json!({ "a": "" }));
}

#[test]
fn parity_a_pod_is_bound_once() {
    let mut cluster = Cluster::new();
    assert_eq!(bind(&mut cluster, "n1").unwrap_err().code(), 404);
    cluster.create(&pod("p", "")).unwrap();
    assert_eq!(bind(&mut cluster, "").unwrap_err().code(), 400);
    let bound = bind(&mut cluster, "n1").unwrap();
    assert_eq!(bound.answer, Answer::Done);
    let object = cluster.get(&at()).unwrap();
    assert_eq!(object["spec"]["nodeName"], "n1");
    assert_eq!(object["metadata"]["annotations"], json!({ "k": "v" }));
    let condition = &object["status"]["conditions"][0];
    assert_eq!(
        (&condition["type"], &condition["status"]),
        (&json!("PodScheduled"), &json!("True"))
    );
    let refusal = bind(&mut cluster, "n2").unwrap_err();
    assert_eq!(refusal.code(), 409);
    assert_eq!(
        refusal.to_string(),
        "Operation cannot be fulfilled on pods \"p\": pod p is already assigned to node \"n1\""
    );
}

#[test]
fn a_pod_that_ends_is_not_bound() {
    let mut cluster = Cluster::new();
    let mut held = pod("p", "");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    cluster.delete(at()).unwrap();
    let refusal = bind(&mut cluster, "n1").unwrap_err();
    assert!(refusal.to_string().contains("is being deleted"), "{refusal}");
}

/// Whether it has ended the pod, which is shown as it was.
fn gone(decision: &Decision) -> bool {
    let ends = matches!(&decision.change, Some(Change { effect: Effect::Deleted(_), .. }));
    ends && shown(decision)["kind"] == "Pod"
}

#[test]
fn parity_a_pod_without_a_node_goes_at_once() {
    let mut cluster = Cluster::new();
    cluster.create(&pod("p", "")).unwrap();
    assert!(gone(&cluster.delete(at()).unwrap()));
    cluster.create(&pod("p", "n1")).unwrap();
    assert!(gone(&cluster.delete_with(at(), grace(0)).unwrap()));
    cluster.create(&pod("p", "n1")).unwrap();
    let status = Target { part: Part::Status, ..at() };
    cluster.merge(status, json!({ "status": { "phase": "Succeeded" } })).unwrap();
    assert!(gone(&cluster.delete(at()).unwrap()));
}

#[test]
fn parity_a_pod_on_a_node_ends_when_its_node_says_so() {
    let mut cluster = Cluster::new();
    let mut slow = pod("p", "n1");
    slow["spec"]["terminationGracePeriodSeconds"] = json!(60);
    cluster.create(&slow).unwrap();
    let marked = shown(&cluster.delete(at()).unwrap());
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-11-26T00:01:00Z");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 60);
    assert_eq!(marked["metadata"]["generation"], 2);
    // Its status changes as it ends, and that does not end it.
    let status = Target { part: Part::Status, ..at() };
    cluster.merge(status, json!({ "status": { "phase": "Succeeded" } })).unwrap();
    // A longer grace does nothing, a shorter one shortens it.
    assert_eq!(cluster.delete_with(at(), grace(90)).unwrap().change, None);
    assert_eq!(cluster.delete(at()).unwrap().change, None);
    let shorter = shown(&cluster.delete_with(at(), grace(5)).unwrap());
    assert_eq!(shorter["metadata"]["deletionTimestamp"], "2026-11-26T00:00:05Z");
    assert_eq!(shorter["metadata"]["deletionGracePeriodSeconds"], 5);
    let ended = cluster.delete_with(at(), grace(0)).unwrap();
    assert!(gone(&ended));
    assert_eq!(cluster.get(&at()), None);
}

#[test]
fn a_finalizer_holds_a_pod_whose_node_is_done_with_it() {
    let mut cluster = Cluster::new();
    let mut held = pod("p", "n1");
    held["metadata"]["finalizers"] = json!(["a/b"]);
    cluster.create(&held).unwrap();
    let marked = shown(&cluster.delete(at()).unwrap());
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 30);
    let done = shown(&cluster.delete_with(at(), grace(0)).unwrap());
    assert_eq!(done["metadata"]["deletionGracePeriodSeconds"], 0);
    cluster.merge(at(), json!({ "metadata": { "finalizers": null } })).unwrap();
    assert_eq!(cluster.get(&at()), None);
}

#[test]
fn parity_what_a_pod_runs_stays_but_for_images() {
    let mut cluster = Cluster::new();
    cluster.create(&pod("p", "n1")).unwrap();
    let image = |name: &str| json!({ "spec": { "containers": [{ "name": "c", "image": name }] } });
    let patched = shown(&cluster.merge(at(), image("j")).unwrap());
    assert_eq!(patched["metadata"]["generation"], 2);
    for patch in [
        json!({ "spec": { "nodeName": "n2" } }),
        json!({ "spec": { "nodeName": null } }),
        json!({ "spec": { "containers": [{ "name": "d", "image": "i" }] } }),
    ] {
        let refusal = cluster.merge(at(), patch).unwrap_err();
        assert_eq!(refusal.code(), 422);
        assert!(refusal.to_string().contains("pod updates may not change fields"), "{refusal}");
    }
    assert_eq!(cluster.get(&at()).unwrap()["spec"]["nodeName"], Value::from("n1"));
}
