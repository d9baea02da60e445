//! A node that looks for a way around what it may write: every verb, every part, every kind of patch.

use ferry_registry::{Document, Draft, FieldValidation, OnConflict, Part, Patch, Refusal, Write};
use serde_json::{Value, json};

use crate::common::{changed, document, node};
use crate::registry::{Cluster, request, root, target};

fn tainted() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "a",
            "labels": { "kubernetes.io/hostname": "a", "node-role.kubernetes.io/worker": "" },
        },
        "spec": { "taints": [
            { "key": "kubevirt.io/drain", "effect": "NoSchedule" },
            { "key": "broken", "value": "yes", "effect": "NoExecute" },
        ] },
    })
}

/// Each way to write a node so that it becomes `wanted`, by its name.
fn routes(wanted: &Value, merge: &Value, steps: &Value) -> Vec<(String, Part, Write)> {
    let draft = |part| {
        let target = target(wanted, part);
        Draft::read(&target, document(wanted).into(), FieldValidation::Strict).unwrap()
    };
    let mut routes = Vec::new();
    for part in [Part::Main, Part::Status] {
        let mut add = |name: &str, write| routes.push((format!("{name} {part:?}"), part, write));
        add("update", Write::Update(draft(part)));
        add("merge patch", Write::Patch(Patch::Merge(merge.clone())));
        add("strategic patch", Write::Patch(Patch::Strategic(merge.clone())));
        let steps = serde_json::from_value(steps.clone()).unwrap();
        add("json patch", Write::Patch(Patch::Json(steps)));
    }
    routes
}

fn seen(cluster: &Cluster) -> Document {
    document(&cluster.see(&tainted()))
}

#[test]
fn parity_no_way_leads_a_node_around_its_taints_and_labels() {
    let untainted = changed(&tainted(), &json!({ "spec": { "taints": [] } }));
    let fewer = json!([{ "key": "kubevirt.io/drain", "effect": "NoSchedule" }]);
    let label = "node-role.kubernetes.io/worker";
    let relabelled = changed(&tainted(), &json!({ "metadata": { "labels": { label: "x" } } }));
    for (wanted, merge, steps) in [
        (
            untainted.clone(),
            json!({ "spec": { "taints": null } }),
            json!([{ "op": "remove", "path": "/spec/taints" }]),
        ),
        (
            untainted.clone(),
            json!({ "spec": null }),
            json!([{ "op": "replace", "path": "/spec", "value": {} }]),
        ),
        (
            untainted,
            json!({ "spec": { "taints": [], "$retainKeys": ["taints"] } }),
            json!([{ "op": "move", "from": "/spec/taints", "path": "/spec/other" }]),
        ),
        (
            changed(&tainted(), &json!({ "spec": { "taints": fewer } })),
            json!({ "spec": { "taints": fewer } }),
            json!([{ "op": "remove", "path": "/spec/taints/1" }]),
        ),
        (
            changed(&tainted(), &json!({ "spec": { "taints": [] } })),
            json!({ "spec": { "$patch": "replace" } }),
            json!([
                { "op": "add", "path": "/spec/taints/-", "value": fewer[0] },
                { "op": "remove", "path": "/spec/taints" },
            ]),
        ),
        (
            relabelled,
            json!({ "metadata": { "labels": { label: null } } }),
            json!([{ "op": "remove",
                     "path": "/metadata/labels/node-role.kubernetes.io~1worker" }]),
        ),
    ] {
        for (name, part, write) in routes(&wanted, &merge, &steps) {
            let mut cluster = Cluster::new();
            cluster.create(root(), &tainted()).unwrap();
            let before = seen(&cluster);
            let result = cluster.write(&request(node("a"), target(&wanted, part), write));
            let after = seen(&cluster);
            assert_eq!(before["spec"], after["spec"], "{name} {merge}: {result:?}");
            let labels = |it: &Document| it["metadata"]["labels"].clone();
            assert_eq!(labels(&before), labels(&after), "{name} {merge}: {result:?}");
            if name.starts_with("update Main") {
                assert!(result.is_err(), "{name} {merge}: {result:?}");
            }
        }
    }
}

#[test]
fn parity_a_node_does_not_apply_its_taints_away() {
    for conflicts in [OnConflict::Refuse, OnConflict::TakeOver] {
        let mut cluster = Cluster::new();
        // What it has applied itself it could give up, if nobody asked.
        let applied = tainted();
        let unlabelled = {
            let mut node = applied.clone();
            node["metadata"]["labels"] = json!({});
            node
        };
        cluster.apply(node("a"), Part::Main, &unlabelled, conflicts).unwrap();
        let bare = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "a" } });
        for part in [Part::Main, Part::Status] {
            let result = cluster.apply(node("a"), part, &bare, conflicts);
            assert_eq!(seen(&cluster)["spec"]["taints"], applied["spec"]["taints"], "{part:?}");
            if part == Part::Main {
                match result {
                    Err(Refusal::Forbidden { message, .. }) => {
                        assert_eq!(message, "node \"a\" is not allowed to modify taints");
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
