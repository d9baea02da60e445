//! The line of waiting migrations: limits, order, what each is told, and backing off.

use ferry_reconcile::Part;
use serde_json::{Value, json};

use crate::cluster::{CONTROLLER, Cluster};
use crate::migrations::{INSTANCE, MIGRATION};
use crate::nodes::Deed;
use crate::objects::{kubevirt, migration, text, with};

fn limited(cluster_limit: u32, node_limit: u32, guests: &[(&str, &str)]) -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": {
        "parallelMigrationsPerCluster": cluster_limit,
        "parallelOutboundMigrationsPerNode": node_limit,
    } })));
    for (guest, node) in guests {
        cluster.running(guest, node);
    }
    cluster
}

fn waits(cluster: &Cluster, name: &str) -> String {
    let migration = cluster.get(MIGRATION, name);
    let conditions = migration["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let waiting = conditions.into_iter().find(|it| it["type"] == "migrationWaiting");
    waiting
        .map_or(String::new(), |it| format!("{}: {}", text(&it, "/reason"), text(&it, "/message")))
}

#[test]
fn parity_a_waiting_migration_says_what_it_waits_for_and_where_it_stands() {
    for (limit, name, expected) in [
        (
            4,
            "b",
            "NodeLimit: waiting for a slot: parallelOutboundMigrationsPerNode 1 of 1 in use on \
             node-1, position 1 in line",
        ),
        (
            2,
            "d",
            "ClusterLimit: waiting for a slot: parallelMigrationsPerCluster 2 of 2 in use, \
             position 2 in line",
        ),
    ] {
        let guests = [("a", "node-1"), ("b", "node-1"), ("c", "node-2"), ("d", "node-3")];
        let mut cluster = limited(limit, 1, &guests);
        for (guest, _) in guests {
            cluster.create(&migration(guest, guest));
            cluster.pass(1);
        }
        cluster.settle();
        assert_eq!(waits(&cluster, name), expected, "{name}");
        assert_eq!((waits(&cluster, "a"), waits(&cluster, "c")), (String::new(), String::new()));
        cluster.run();
        for (name, _) in guests {
            assert_eq!(cluster.phase(MIGRATION, name), "Succeeded");
            assert_eq!(waits(&cluster, name), "");
        }
    }
}

#[test]
fn the_most_urgent_goes_first_and_then_the_oldest() {
    let mut cluster = limited(1, 1, &[("a", "node-1"), ("b", "node-1"), ("c", "node-1")]);
    let urgent = json!({ "spec": { "priority": "system-critical" } });
    cluster.create(&migration("old", "a"));
    cluster.pass(5);
    cluster.create(&with(migration("urgent", "b"), &urgent));
    cluster.create(&migration("young", "c"));
    cluster.settle();
    let started: Vec<bool> = ["old", "urgent", "young"]
        .map(|name| cluster.phase(MIGRATION, name) == "Scheduling")
        .to_vec();
    assert_eq!(started, [false, true, false]);
    assert!(waits(&cluster, "old").ends_with("position 1 in line"));
    assert!(waits(&cluster, "young").ends_with("position 2 in line"));
}

#[test]
fn nothing_starts_where_the_limit_is_zero_and_all_goes_on_when_it_is_raised() {
    let mut cluster = limited(0, 2, &[("a", "node-1")]);
    cluster.create(&migration("m", "a"));
    cluster.settle();
    assert_eq!(
        waits(&cluster, "m"),
        "ClusterLimit: waiting: parallelMigrationsPerCluster is 0, so no migration starts"
    );
    let raised = json!({ "spec": { "configuration": { "migrations": { "parallelMigrationsPerCluster": 1 } } } });
    cluster.patch("user", "KubeVirt", Part::Main, "kubevirt", &raised);
    cluster.run();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Succeeded");
}

#[test]
fn a_guest_that_does_not_run_yet_and_a_network_that_is_missing_are_waited_for() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": { "network": "fast" } })));
    cluster.create(&crate::objects::instance("vm"));
    cluster.settle();
    cluster.create(&migration("m", "vm"));
    cluster.settle();
    assert_eq!(
        waits(&cluster, "m"),
        "MigrationNetworkNotFound: waiting for NetworkAttachmentDefinition openshift-cnv/fast, the \
         network of migrations"
    );
    cluster.create(&json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": "fast", "namespace": "openshift-cnv" }, "spec": { "config": "{}" },
    }));
    let labels = json!({ "metadata": { "labels": { "network.node.ferry.dev/fast": "true" } } });
    for node in ["node-1", "node-2"] {
        cluster.patch("user", "Node", Part::Main, node, &labels);
    }
    cluster.settle();
    assert_eq!(
        waits(&cluster, "m"),
        "GuestNotRunning: waiting for the VM to run: its phase is Scheduling"
    );
    cluster.run();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Succeeded");
}

#[test]
fn parity_a_target_pod_needs_what_the_first_pod_needed() {
    let network = json!({
        "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": "fast", "namespace": "openshift-cnv" }, "spec": {},
    });
    let (on, name) = ("openshift-cnv/fast", "fast");
    let spec = json!({ "spec": {
        "networks": [{ "name": "n", "multus": { "networkName": on } }],
        "domain": { "devices": { "interfaces": [{ "name": "n", "bridge": {} }] } },
    } });
    let mut cluster = Cluster::new();
    cluster.create(&network);
    cluster.create(&with(crate::objects::instance("vm"), &spec));
    cluster.run();
    assert_eq!(cluster.phase(INSTANCE, "vm"), "Running");
    cluster.delete("NetworkAttachmentDefinition", name);
    cluster.create(&migration("m", "vm"));
    cluster.settle();
    let why = format!(
        "failed to render launch manifest: failed to locate network attachment definition {on}"
    );
    assert_eq!(waits(&cluster, "m"), format!("FailedCreate: {why}"));
    assert_eq!(cluster.pods_of("vm").len(), 1);
    cluster.pass(200);
    cluster.settle();
    let event = format!("{MIGRATION}/m Warning FailedCreate {why}");
    assert_eq!(cluster.told().iter().filter(|told| **told == event).count(), 1);
    cluster.create(&network);
    cluster.run();
    assert_eq!(cluster.phase(MIGRATION, "m"), "Succeeded");
    assert_eq!(waits(&cluster, "m"), "");
}

#[test]
fn those_far_back_in_line_hear_of_their_place_every_few_seconds() {
    let guests: Vec<String> = (0..12).map(|number| format!("vm-{number:02}")).collect();
    let placed: Vec<(&str, &str)> = guests.iter().map(|guest| (guest.as_str(), "node-1")).collect();
    let mut cluster = limited(1, 1, &placed);
    for guest in &guests {
        cluster.create(&migration(guest, guest));
    }
    cluster.settle();
    let place = |cluster: &Cluster| waits(cluster, "vm-11");
    assert!(place(&cluster).ends_with("position 11 in line"), "{}", place(&cluster));
    // The first is over, and the second has started.
    cluster.delete(MIGRATION, "vm-00");
    cluster.settle();
    assert!(waits(&cluster, "vm-02").ends_with("position 1 in line"));
    assert!(place(&cluster).ends_with("position 11 in line"));
    let revisit = cluster.plans().into_values().filter_map(|plan| plan.revisit).min();
    assert_eq!(revisit, Some(cluster.time().after(std::time::Duration::from_secs(5))));
    cluster.pass(5);
    cluster.settle();
    assert!(place(&cluster).ends_with("position 10 in line"), "{}", place(&cluster));
}

/// A migration of `vm` that an evacuation made, which failed so many seconds ago.
fn failed(cluster: &mut Cluster, name: &str, annotations: &Value) {
    let mut made = migration(name, "vm");
    made["metadata"]["annotations"] = annotations.clone();
    cluster.create(&made);
    cluster.settle();
    let failed = json!({ "status": { "phase": "Failed", "phaseTransitionTimestamps": [
        { "phase": "Failed", "phaseTransitionTimestamp": cluster.time() },
    ] } });
    cluster.patch(CONTROLLER, MIGRATION, Part::Status, name, &failed);
    cluster.run_while(|_, deed| matches!(deed, Deed::EndPod(_)));
}

#[test]
fn parity_migrations_of_the_system_back_off_and_those_of_people_do_not() {
    let evacuation = json!({ "kubevirt.io/evacuationMigration": "node-1" });
    let update = json!({ "kubevirt.io/workloadUpdateMigration": "" });
    let in_a_hurry = json!({
        "kubevirt.io/evacuationMigration": "node-1",
        "kubevirt.io/func-test-ignore-migration-backoff": "",
    });
    for (failures, annotations, seconds) in [
        (0, &evacuation, 0),
        (1, &evacuation, 20),
        (1, &update, 20),
        (2, &evacuation, 40),
        (4, &evacuation, 160),
        (1, &json!({}), 0),
        (3, &in_a_hurry, 0),
    ] {
        let mut cluster = Cluster::new();
        cluster.running("vm", "node-1");
        for number in 0..failures {
            // Long after the one before, so that only the number of failures counts.
            cluster.pass(2000);
            failed(&mut cluster, &format!("m{number}"), annotations);
        }
        cluster.told();
        let mut last = migration("last", "vm");
        last["metadata"]["annotations"] = annotations.clone();
        cluster.pass(1);
        cluster.create(&last);
        cluster.settle();
        if seconds > 0 {
            assert!(waits(&cluster, "last").starts_with("MigrationBackoff: "), "{failures}");
            let backoff =
                format!("{INSTANCE}/vm Warning MigrationBackoff backoff migrating vmi ns/vm");
            assert_eq!(cluster.told().iter().filter(|event| **event == backoff).count(), 1);
            cluster.pass(seconds - 2);
            cluster.settle();
            assert_eq!(cluster.phase(MIGRATION, "last"), "Pending", "{failures} {annotations}");
            cluster.pass(1);
            cluster.settle();
        }
        assert_eq!(cluster.phase(MIGRATION, "last"), "Scheduling", "{failures} {annotations}");
    }
}
