//! Emptying nodes.

use ferry_reconcile::Part;
use serde_json::{Value, json};

use ferry_api::kubevirt::VirtualMachineInstanceMigration;

use crate::cluster::Cluster;
use crate::migrations::INSTANCE;
use crate::objects::{kubevirt, text};

fn drain(cluster: &mut Cluster, node: &str) {
    let taints = json!({ "spec": { "taints": [
        { "key": "kubevirt.io/drain", "effect": "NoSchedule" },
    ] } });
    cluster.patch("user", "Node", Part::Main, node, &taints);
}

fn evict(cluster: &mut Cluster, name: &str, node: &str) {
    let patch = json!({ "status": { "evacuationNodeName": node } });
    cluster.patch("apiserver", INSTANCE, Part::Main, name, &patch);
}

fn migrations(cluster: &Cluster) -> Vec<Value> {
    let all: Vec<VirtualMachineInstanceMigration> = cluster.all();
    all.iter().map(|it| serde_json::to_value(it).unwrap()).collect()
}

#[test]
fn parity_a_drained_node_is_emptied_as_slots_come_free() {
    let mut cluster = Cluster::new();
    for guest in ["a", "b", "c"] {
        cluster.running(guest, "node-1");
    }
    cluster.running("elsewhere", "node-2");
    drain(&mut cluster, "node-1");
    cluster.settle();
    let made = migrations(&cluster);
    assert_eq!(made.len(), 3, "all at once; the line lets two of them go");
    let waits = |one: &&serde_json::Value| text(one, "/status/phase") == "Pending";
    assert_eq!(made.iter().filter(waits).count(), 1);
    for one in &made {
        assert!(text(one, "/metadata/name").starts_with("kubevirt-evacuation-"));
        assert_eq!(text(one, "/metadata/annotations/kubevirt.io~1evacuationMigration"), "node-1");
        assert_eq!(text(one, "/spec/priority"), "system-critical");
    }
    let told = cluster.told();
    let name = text(&made[0], "/metadata/name");
    let expected = format!(
        "{INSTANCE}/{} Normal SuccessfulCreate Created Migration {name}",
        text(&made[0], "/spec/vmiName")
    );
    assert!(told.contains(&expected), "{told:#?}");
    cluster.run();
    assert_eq!(migrations(&cluster).len(), 3);
    for guest in ["a", "b", "c"] {
        let node = cluster.get(INSTANCE, guest);
        assert_ne!(text(&node, "/status/nodeName"), "node-1", "{guest}");
    }
    assert_eq!(text(&cluster.get(INSTANCE, "elsewhere"), "/status/nodeName"), "node-2");
}

#[test]
fn parity_only_guests_that_want_to_move_and_can_are_evacuated() {
    for (strategy, cluster_strategy, shared, evacuated) in [
        (Some("LiveMigrate"), "None", true, true),
        (Some("LiveMigrateIfPossible"), "None", true, true),
        (Some("LiveMigrateIfPossible"), "None", false, false),
        (Some("LiveMigrate"), "None", false, false),
        (Some("None"), "LiveMigrate", true, false),
        (Some("External"), "None", true, false),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&kubevirt(&json!({ "evictionStrategy": cluster_strategy })));
        cluster.running("vm", "node-1");
        let mut patch = json!({ "spec": { "evictionStrategy": strategy } });
        if !shared {
            patch["spec"]["volumes"] =
                json!([{ "name": "d", "hostDisk": { "path": "/d", "type": "Disk" } }]);
        }
        cluster.patch("user", INSTANCE, Part::Main, "vm", &patch);
        cluster.settle();
        evict(&mut cluster, "vm", "node-1");
        cluster.settle();
        let made = migrations(&cluster).len();
        assert_eq!(made, usize::from(evacuated), "{strategy:?} {cluster_strategy} {shared}");
    }
}

#[test]
fn a_guest_that_the_descheduler_wants_elsewhere_can_wait() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    let by =
        json!({ "metadata": { "annotations": { "kubevirt.io/eviction-source": "descheduler" } } });
    cluster.patch("apiserver", INSTANCE, Part::Main, "vm", &by);
    evict(&mut cluster, "vm", "node-1");
    cluster.settle();
    assert_eq!(text(&migrations(&cluster)[0], "/spec/priority"), "system-maintenance");
    let instance = cluster.get(INSTANCE, "vm");
    let conditions = instance["status"]["conditions"].as_array().unwrap();
    let marked = conditions.iter().find(|it| it["type"] == "EvictionRequested").unwrap();
    assert_eq!(marked["message"], "VMI is marked for eviction");
}

#[test]
fn an_evacuation_that_fails_is_tried_again_under_another_name() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    evict(&mut cluster, "vm", "node-1");
    cluster.settle();
    let first = text(&migrations(&cluster)[0], "/metadata/name").to_owned();
    let target = cluster.pods_of("vm").into_iter().find(|pod| {
        cluster.get("Pod", pod)["metadata"]["labels"].get("kubevirt.io/migrationJobUID").is_some()
    });
    cluster.delete_with("Pod", &target.unwrap(), Some(0));
    cluster.settle();
    let names: Vec<String> =
        migrations(&cluster).iter().map(|it| text(it, "/metadata/name").to_owned()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&first));
    cluster.pass(20);
    cluster.run();
    assert_eq!(text(&cluster.get(INSTANCE, "vm"), "/status/nodeName"), "node-2");
}

#[test]
fn those_whose_evacuation_has_failed_keep_none_of_the_others() {
    let mut cluster = Cluster::new();
    for guest in ["a", "b", "c"] {
        cluster.running(guest, "node-1");
    }
    drain(&mut cluster, "node-1");
    cluster.settle();
    let is_target = |cluster: &Cluster, pod: &String| {
        cluster.get("Pod", pod)["metadata"]["labels"].get("kubevirt.io/migrationJobUID").is_some()
    };
    let targets: Vec<String> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|guest| cluster.pods_of(guest))
        .filter(|pod| is_target(&cluster, pod))
        .collect();
    assert_eq!(targets.len(), 2, "as many as may leave the node at once");
    for pod in &targets {
        cluster.delete_with("Pod", pod, Some(0));
    }
    cluster.run();
    let gone = ["a", "b", "c"]
        .into_iter()
        .filter(|guest| text(&cluster.get(INSTANCE, guest), "/status/nodeName") != "node-1");
    assert_eq!(gone.count(), 1, "the third has left while the two wait for their next attempt");
}

#[test]
fn what_waits_is_taken_back_when_its_guest_may_stay_after_all() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": { "parallelMigrationsPerCluster": 0 } })));
    cluster.running("vm", "node-1");
    evict(&mut cluster, "vm", "node-1");
    cluster.settle();
    assert_eq!(migrations(&cluster).len(), 1);
    let stay = json!({ "status": { "evacuationNodeName": null } });
    cluster.patch("apiserver", INSTANCE, Part::Main, "vm", &stay);
    cluster.settle();
    assert_eq!(migrations(&cluster).len(), 0);
}
