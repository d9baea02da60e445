//! What is written through the path of the status beside the status.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::object::{Effect, Part, Target};
use crate::request::{OnConflict, Patch, Write};
use crate::testing::{Cluster, pod, shown, target};

const BUILT_IN: [Kind; 5] =
    [Kind::Pod, Kind::Node, Kind::Namespace, Kind::Service, Kind::PersistentVolumeClaim];

fn object(kind: Kind) -> Value {
    let spec = match kind {
        Kind::Pod => return pod("x", ""),
        Kind::Service => json!({ "ports": [{ "port": 80 }] }),
        Kind::PersistentVolumeClaim => json!({
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Gi" } },
        }),
        _ => json!({}),
    };
    json!({
        "apiVersion": "v1",
        "kind": kind.definition().kind,
        "metadata": { "name": "x", "labels": { "made": "by-test" } },
        "spec": spec,
    })
}

fn at_status(kind: Kind) -> Target {
    Target { part: Part::Status, ..target(kind, "x") }
}

fn condition() -> Value {
    json!({ "conditions": [{
        "type": "a.b/Told",
        "status": "True",
        "reason": "Test",
        "message": "told",
        "lastTransitionTime": "2026-11-26T00:00:00Z",
    }] })
}

fn metadata() -> Value {
    json!({
        "labels": { "told": "yes" },
        "annotations": { "told/by": "test" },
        "finalizers": ["example.com/held"],
    })
}

/// Checks what a write of [`metadata`], the status and another spec through the path of the status
/// made of an object.
fn check(kind: Kind, before: &Value, after: &Value, operation: &str) {
    let of = |object: &Value, field: &str| object["metadata"][field].clone();
    assert_eq!(after["metadata"]["labels"]["told"], "yes", "{kind:?}");
    assert_eq!(of(after, "annotations"), metadata()["annotations"], "{kind:?}");
    assert_eq!(of(after, "finalizers"), metadata()["finalizers"], "{kind:?}");
    assert_eq!(after["status"]["conditions"][0]["type"], "a.b/Told", "{kind:?}");
    for kept in ["generation", "uid", "creationTimestamp"] {
        assert_eq!(of(after, kept), of(before, kept), "{kind:?}");
    }
    assert_eq!(after["spec"], before["spec"], "{kind:?}");
    let managers = after["metadata"]["managedFields"].as_array().unwrap();
    let entry = managers.iter().find(|entry| entry["subresource"] == "status").unwrap();
    assert_eq!(entry["operation"], operation);
    let owned = &entry["fieldsV1"];
    for field in ["f:labels", "f:annotations", "f:finalizers"] {
        assert!(owned["f:metadata"][field].is_object(), "{kind:?}: {owned}");
    }
    assert!(owned["f:status"].is_object(), "{kind:?}: {owned}");
    assert_eq!(owned.get("f:spec"), None, "{kind:?}");
}

#[test]
fn parity_the_status_of_a_built_in_kind_is_written_with_its_metadata() {
    for kind in BUILT_IN {
        let write = json!({
            "metadata": metadata(), "spec": { "nodeName": "n" }, "status": condition(),
        });
        for how in ["PUT", "merge", "strategic", "JSON", "apply"] {
            let mut cluster = Cluster::new();
            let before = shown(&cluster.create(&object(kind)).unwrap());
            let mut sent = before.clone();
            json_patch::merge(&mut sent, &write);
            cluster.manager = "teller".to_owned();
            let decision = match how {
                "PUT" => cluster.update_at(at_status(kind), &sent),
                "merge" => cluster.merge(at_status(kind), write.clone()),
                "apply" => {
                    let mut config = write.clone();
                    config["apiVersion"] = before["apiVersion"].clone();
                    config["kind"] = before["kind"].clone();
                    config["spec"] = before["spec"].clone();
                    cluster.server_side_apply(at_status(kind), &config, OnConflict::Refuse)
                }
                _ => {
                    let patch = if how == "strategic" {
                        Patch::Strategic(write.clone())
                    } else {
                        let operations = json!([
                            { "op": "add", "path": "/metadata", "value": sent["metadata"] },
                            { "op": "add", "path": "/status", "value": sent["status"] },
                        ]);
                        Patch::Json(serde_json::from_value(operations).unwrap())
                    };
                    cluster.send(&cluster.request(at_status(kind), Write::Patch(patch)))
                }
            };
            let after = shown(&decision.unwrap());
            check(kind, &before, &after, if how == "apply" { "Apply" } else { "Update" });
        }
    }
}

#[test]
fn parity_what_a_status_does_not_repeat_of_the_metadata_is_gone() {
    for kind in BUILT_IN {
        let mut cluster = Cluster::new();
        let mut labelled = object(kind);
        json_patch::merge(&mut labelled, &json!({ "metadata": metadata() }));
        cluster.create(&labelled).unwrap();
        let mut bare = object(kind);
        bare["metadata"]["labels"] = json!({});
        bare["status"] = condition();
        let after = shown(&cluster.update_at(at_status(kind), &bare).unwrap());
        for gone in ["annotations", "finalizers"] {
            assert_eq!(after["metadata"].get(gone), None, "{kind:?}");
        }
        // A namespace keeps the label of its name, whatever anybody says.
        let labels = match kind {
            Kind::Namespace => json!({ "kubernetes.io/metadata.name": "x" }),
            _ => Value::Null,
        };
        assert_eq!(after["metadata"]["labels"], labels, "{kind:?}");
    }
}

#[test]
fn parity_the_metadata_of_a_status_is_checked_like_any() {
    for kind in BUILT_IN {
        let mut cluster = Cluster::new();
        let created = shown(&cluster.create(&object(kind)).unwrap());
        for (metadata, field) in [
            (json!({ "labels": { "-": "x" } }), "metadata.labels"),
            (json!({ "labels": { "x": "a b" } }), "metadata.labels"),
            (json!({ "annotations": { "-": "x" } }), "metadata.annotations"),
            (json!({ "finalizers": ["held"] }), "metadata.finalizers[0]"),
            (json!({ "creationTimestamp": "2001-01-01T00:00:00Z" }), "metadata.creationTimestamp"),
        ] {
            let write = json!({ "metadata": metadata });
            let mut sent = created.clone();
            json_patch::merge(&mut sent, &write);
            let refusals = [
                cluster.update_at(at_status(kind), &sent).unwrap_err(),
                cluster.merge(at_status(kind), write).unwrap_err(),
            ];
            for refusal in refusals {
                assert_eq!(refusal.code(), 422, "{kind:?}: {refusal}");
                let causes = &refusal.status()["details"]["causes"];
                assert_eq!(causes[0]["field"], field, "{kind:?}: {refusal}");
            }
        }
        let mut unread = created;
        unread["metadata"]["labels"] = json!({ "x": 1 });
        assert_eq!(cluster.update_at(at_status(kind), &unread).unwrap_err().code(), 400);
    }
}

#[test]
fn parity_the_status_of_a_pod_leaves_its_owners_and_its_end_alone() {
    let mut cluster = Cluster::new();
    let owner =
        |name: &str| json!([{ "apiVersion": "v1", "kind": "Node", "name": name, "uid": name }]);
    let mut kept = pod("x", "n");
    kept["metadata"]["ownerReferences"] = owner("mine");
    cluster.create(&kept).unwrap();
    let write = json!({
        "metadata": {
            "labels": { "told": "yes" },
            "ownerReferences": owner("other"),
            "deletionTimestamp": "2026-11-26T00:00:00Z",
        },
        "status": { "phase": "Running" },
    });
    let merged = shown(&cluster.merge(at_status(Kind::Pod), write.clone()).unwrap());
    let mut config = write;
    config["apiVersion"] = json!("v1");
    config["kind"] = json!("Pod");
    cluster.manager = "applier".to_owned();
    let applied = cluster.server_side_apply(at_status(Kind::Pod), &config, OnConflict::TakeOver);
    let applied = shown(&applied.unwrap());
    for after in [merged, applied.clone()] {
        assert_eq!(after["metadata"]["labels"]["told"], "yes");
        assert_eq!(after["metadata"]["ownerReferences"], owner("mine"));
        assert_eq!(after["metadata"].get("deletionTimestamp"), None);
    }
    let managers = applied["metadata"]["managedFields"].as_array().unwrap();
    let entry = managers.iter().find(|entry| entry["manager"] == "applier").unwrap();
    let labels = json!({ "f:labels": { "f:told": {} } });
    assert_eq!(entry["fieldsV1"]["f:metadata"], labels);

    // Whatever is wrong with them.
    let broken = json!({ "metadata": { "ownerReferences": [{ "kind": "" }] } });
    let merged = shown(&cluster.merge(at_status(Kind::Pod), broken).unwrap());
    assert_eq!(merged["metadata"]["ownerReferences"], owner("mine"));

    // Its class of service stays where nobody says another one.
    let mut whole = merged;
    whole["status"] = json!({ "phase": "Running" });
    let after = shown(&cluster.update_at(at_status(Kind::Pod), &whole).unwrap());
    assert_eq!(after["status"]["qosClass"], "BestEffort");

    // One that is being deleted stays so.
    let deleted = shown(&cluster.delete(target(Kind::Pod, "x")).unwrap());
    let patch =
        json!({ "metadata": { "deletionTimestamp": null }, "status": { "phase": "Failed" } });
    let after = shown(&cluster.merge(at_status(Kind::Pod), patch).unwrap());
    assert_eq!(after["metadata"]["deletionTimestamp"], deleted["metadata"]["deletionTimestamp"]);
}

#[test]
fn the_last_finalizer_goes_through_the_path_of_the_status_too() {
    let mut cluster = Cluster::new();
    let mut held = object(Kind::Service);
    held["metadata"]["finalizers"] = json!(["example.com/held"]);
    cluster.create(&held).unwrap();
    cluster.delete(target(Kind::Service, "x")).unwrap();
    let patch = json!({ "metadata": { "finalizers": null } });
    let last = cluster.merge(at_status(Kind::Service), patch).unwrap();
    assert!(matches!(last.change.unwrap().effect, Effect::Deleted(_)));
}

#[test]
fn parity_a_policy_has_a_status_without_fields() {
    let mut cluster = Cluster::new();
    let policy = json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1", "kind": "MigrationPolicy",
        "metadata": { "name": "p" }, "spec": { "selectors": {} },
    });
    cluster.create(&policy).unwrap();
    let status = Target { part: Part::Status, ..target(Kind::MigrationPolicy, "p") };
    let change = json!({ "status": { "seen": "yes" } });
    let decision = cluster.merge(status, change).unwrap();
    assert_eq!(decision.warnings, ["unknown field \"status.seen\""]);
    assert_eq!(shown(&decision)["status"], json!({}));

    // One that was kept with some loses them when it is next written, and nobody is told.
    let mut old = cluster.get(&target(Kind::MigrationPolicy, "p")).unwrap();
    old["status"] = json!({ "seen": "yes" });
    cluster.keep(&old);
    let change = json!({ "metadata": { "labels": { "a": "b" } } });
    let decision = cluster.merge(target(Kind::MigrationPolicy, "p"), change).unwrap();
    assert_eq!(decision.warnings, [""; 0]);
    assert_eq!(shown(&decision)["status"], json!({}));
}
