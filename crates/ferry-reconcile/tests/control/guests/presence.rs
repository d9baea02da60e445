//! What a node says of itself.

use ferry_reconcile::Part;
use ferry_reconcile::presence::{self, Presence};
use k8s_openapi::api::core::v1::{Node, Taint};
use serde_json::{Value, json};

use super::daemons::{introduce, presence as describe};
use crate::cluster::Cluster;
use crate::objects::text;

fn taint() -> Taint {
    Taint { key: "gpu".to_owned(), effect: "NoSchedule".to_owned(), ..Taint::default() }
}

fn me() -> Presence {
    Presence {
        labels: [("zone".to_owned(), "east".to_owned())].into(),
        taints: vec![taint()],
        ..describe("node-9")
    }
}

fn act(cluster: &mut Cluster, me: &Presence) -> usize {
    let plan = presence::plan(&presence::observe(&cluster.state, me, cluster.time()));
    cluster.carry_out(&plan, usize::MAX);
    plan.actions.len()
}

fn ready(node: &Value) -> Value {
    let all = node["status"]["conditions"].as_array().unwrap();
    all.iter().find(|condition| condition["type"] == "Ready").unwrap().clone()
}

#[test]
fn parity_a_node_introduces_itself_with_everything_that_it_was_told_to_be() {
    let mut cluster = Cluster::new();
    assert_eq!(act(&mut cluster, &me()), 1);
    assert_eq!(act(&mut cluster, &me()), 0, "it has said all");
    let node = cluster.get("Node", "node-9");
    for (label, value) in [
        ("kubernetes.io/hostname", "node-9"),
        ("kubernetes.io/arch", "amd64"),
        ("kubernetes.io/os", "linux"),
        ("kubevirt.io/schedulable", "true"),
        ("host-model-cpu.node.kubevirt.io/Haswell", "true"),
        ("cpu-model.node.kubevirt.io/Penryn", "true"),
        ("cpu-model-migration.node.kubevirt.io/Haswell", "true"),
        ("cpu-vendor.node.kubevirt.io/Intel", "true"),
        ("machine-type.node.kubevirt.io/q35", "true"),
        ("machine-type.node.kubevirt.io/pc-q35-7.2", "true"),
        ("network.node.ferry.dev/pod", "true"),
        ("zone", "east"),
    ] {
        assert_eq!(node["metadata"]["labels"][label], value, "{label}");
    }
    assert!(node["metadata"]["labels"].get("cpu-model.node.kubevirt.io/Broadwell").is_none());
    assert_eq!(node["spec"]["taints"], json!([{ "key": "gpu", "effect": "NoSchedule" }]));
    assert_eq!(ready(&node)["status"], "True");
    assert_eq!(node["status"]["allocatable"]["memory"], "16Gi");
    assert_eq!(node["status"]["allocatable"]["devices.kubevirt.io/kvm"], "1k");
    let typed: Node = serde_json::from_value(node).unwrap();
    assert_eq!(presence::endpoint(&typed), Some("10.0.0.1:7000".parse().unwrap()));
}

#[test]
fn what_others_make_of_a_node_stays_and_what_only_it_knows_is_put_right() {
    let mut cluster = Cluster::new();
    act(&mut cluster, &me());
    let change = json!({
        "metadata": { "labels": {
            "zone": "west", "theirs": "x", "kubernetes.io/os": "plan9",
            "network.node.ferry.dev/gone": "true",
        } },
        "spec": { "unschedulable": true, "taints": [{ "key": "mine", "effect": "NoExecute" }] },
    });
    cluster.patch("user", "Node", Part::Main, "node-9", &change);
    let more = Presence { cpus: 2, ..me() };
    assert_eq!(act(&mut cluster, &more), 1);
    assert_eq!(act(&mut cluster, &more), 1);
    assert_eq!(act(&mut cluster, &more), 0);
    let node = cluster.get("Node", "node-9");
    let labels = &node["metadata"]["labels"];
    assert_eq!((&labels["zone"], &labels["theirs"]), (&json!("west"), &json!("x")));
    assert_eq!(labels["kubernetes.io/os"], "linux");
    assert!(labels.get("network.node.ferry.dev/gone").is_none(), "it is not on that any more");
    assert_eq!(node["spec"]["unschedulable"], true);
    assert_eq!(node["spec"]["taints"][0]["key"], "mine");
    assert_eq!(node["status"]["allocatable"]["cpu"], "2");
}

#[test]
fn a_node_that_was_taken_for_silent_says_that_it_is_ready() {
    let mut cluster = Cluster::new();
    act(&mut cluster, &me());
    cluster.seconds += 60;
    cluster.settle();
    assert_eq!(ready(&cluster.get("Node", "node-9"))["status"], "Unknown");
    for _ in 0..3 {
        act(&mut cluster, &me());
    }
    let node = cluster.get("Node", "node-9");
    assert_eq!(
        (text(&ready(&node), "/status"), text(&ready(&node), "/reason")),
        ("True", "KubeletReady")
    );
    cluster.settle();
    let taints = cluster.get("Node", "node-9")["spec"]["taints"].clone();
    assert_eq!(taints, json!([{ "key": "gpu", "effect": "NoSchedule" }]));
}

#[test]
fn a_node_is_heard_of_every_minute_and_reports_every_five() {
    let mut cluster = Cluster::new();
    introduce(&mut cluster, "node-9");
    let (mut heard, mut reports) = (0, 0);
    for _ in 0..62 {
        let before = cluster.get("Node", "node-9");
        cluster.seconds += 10;
        act(&mut cluster, &describe("node-9"));
        let after = cluster.get("Node", "node-9");
        let heartbeat = "/metadata/annotations/kubevirt.io~1heartbeat";
        heard += usize::from(text(&before, heartbeat) != text(&after, heartbeat));
        reports += usize::from(ready(&before) != ready(&after));
    }
    assert_eq!((heard, reports), (10, 2));
}
