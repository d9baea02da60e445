//! What both nodes of a migration write and order, step by step.

use ferry_reconcile::Part;
use ferry_reconcile::guest::{
    GuestEnd, GuestState, MigrationMode, MigrationReport, Order, Stillness,
};
use serde_json::{Value, json};

use super::daemons::{Nodes, is_harmless};
use super::processes::Deed;
use crate::cluster::Cluster;
use crate::objects::{instance, kubevirt, migration, text};

const INSTANCE: &str = "VirtualMachineInstance";

/// An instance that runs on node-1.
fn running(configuration: &Value) -> Nodes {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": configuration })));
    let mut nodes = Nodes::new(cluster);
    nodes.cluster.create(&instance("vm"));
    nodes.run();
    nodes.obeyed();
    nodes.cluster.told();
    nodes
}

fn state(nodes: &Nodes) -> Value {
    nodes.instance("vm")["status"]["migrationState"].clone()
}

/// The same with its migration, up to where memory crosses.
fn crossing(configuration: &Value) -> Nodes {
    let mut nodes = running(configuration);
    nodes.cluster.create(&migration("m", "vm"));
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    assert_eq!(nodes.cluster.phase("VirtualMachineInstanceMigration", "m"), "Running");
    nodes
}

fn phase(nodes: &Nodes) -> String {
    nodes.cluster.phase("VirtualMachineInstanceMigration", "m")
}

#[test]
fn parity_a_migration_goes_from_field_to_field_and_each_is_written_once() {
    let mut nodes = crossing(&json!({}));
    assert_eq!(
        nodes.obeyed(),
        ["node-2: await vm", "node-2: listen", "node-1: migrate to node-2",]
    );
    let seen = state(&nodes);
    assert_eq!(seen["targetNodeAddress"], "10.0.0.1");
    assert_eq!(seen["targetDirectMigrationNodePorts"], json!({ "1": 49152 }));
    assert_eq!(seen["mode"], "PreCopy");
    assert!(seen["startTimestamp"].is_string());
    assert_eq!(seen.get("targetNodeDomainDetected"), None);

    nodes.do_one(|deed| matches!(deed, Deed::Stop(_)));
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running", "it is between nodes");
    nodes.do_one(|deed| matches!(deed, Deed::Resume(_)));
    let arrived = nodes.instance("vm");
    let seen = &arrived["status"]["migrationState"];
    for field in ["completed", "targetNodeDomainDetected"] {
        assert_eq!(seen[field], true, "{field}");
    }
    for field in ["endTimestamp", "targetNodeDomainReadyTimestamp"] {
        assert!(seen[field].is_string(), "{field}");
    }
    assert_eq!(text(&arrived, "/status/nodeName"), "node-2");
    let labels = &arrived["metadata"]["labels"];
    assert_eq!(labels["kubevirt.io/nodeName"], "node-2");
    assert_eq!(labels.get("kubevirt.io/migrationTargetNodeName"), None);
    assert_eq!(phase(&nodes), "Succeeded");

    nodes.run();
    assert!(nodes.pod("vm", "node-1").is_null());
    let guests: Vec<_> = nodes.processes.all.values().map(|it| it.node.as_str()).collect();
    assert_eq!(guests, ["node-2"]);
    let told = nodes.cluster.told();
    for event in [
        "PreparingTarget VirtualMachineInstance Migration Target Prepared.",
        "PreparingTarget Migration Target is listening at 10.0.0.1, on ports: 1",
        "Migrating VirtualMachineInstance is migrating.",
        "Migrated The VirtualMachineInstance migrated to node node-2.",
    ] {
        let event = format!("VirtualMachineInstance/vm Normal {event}");
        assert_eq!(told.iter().filter(|it| **it == event).count(), 1, "{event}: {told:#?}");
    }
}

#[test]
fn a_guest_is_sent_only_after_its_start_is_in_the_api() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&migration("m", "vm"));
    nodes.down.insert("node-1".to_owned());
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    nodes.obeyed();
    nodes.down.clear();
    nodes.refresh("node-1");
    // Nothing of what it wants written is.
    for _ in 0..3 {
        nodes.act("node-1", 0);
        assert_eq!(nodes.obeyed(), [""; 0]);
    }
    nodes.act("node-1", 1);
    assert!(state(&nodes)["startTimestamp"].is_string());
    nodes.act("node-1", 0);
    assert_eq!(nodes.obeyed(), ["node-1: migrate to node-2"]);
}

#[test]
fn a_migration_that_was_called_off_in_the_meantime_is_not_begun() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&migration("m", "vm"));
    nodes.down.insert("node-1".to_owned());
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    nodes.down.clear();
    // The source has seen where the target listens, and not what came of it since.
    nodes.refresh("node-1");
    let target = text(&nodes.pod("vm", "node-2"), "/metadata/name").to_owned();
    nodes.cluster.delete_with("Pod", &target, Some(0));
    nodes.cluster.settle();
    assert_eq!(phase(&nodes), "Failed");
    nodes.obeyed();
    nodes.act("node-1", usize::MAX);
    nodes.settle();
    assert_eq!(state(&nodes)["failureReason"], "Target pod is down");
    assert_eq!(state(&nodes).get("startTimestamp"), None);
    assert_eq!(nodes.obeyed(), ["node-2: kill", "node-2: forget"]);
}

#[test]
fn parity_a_migration_that_fails_says_why_and_the_guest_stays() {
    let mut nodes = crossing(&json!({}));
    nodes.do_one(|deed| matches!(deed, Deed::Cut(_)));
    let stayed = nodes.instance("vm");
    let seen = &stayed["status"]["migrationState"];
    assert_eq!((&seen["failed"], &seen["completed"]), (&json!(true), &json!(true)));
    assert_eq!(seen["failureReason"], "the link is cut");
    assert_eq!(seen.get("abortStatus"), None);
    assert_eq!(text(&stayed, "/status/nodeName"), "node-1");
    assert_eq!(stayed["metadata"]["labels"].get("kubevirt.io/migrationTargetNodeName"), None);
    assert_eq!(phase(&nodes), "Failed");
    let told = nodes.cluster.told();
    let uid = text(seen, "/migrationUid");
    let own = format!(
        "VirtualMachineInstance/vm Warning Migrated VirtualMachineInstance migration uid {uid} \
         failed. reason:the link is cut"
    );
    assert!(told.contains(&own), "{told:#?}");
    // The source speaks first, though the target knows as well.
    let event = "VirtualMachineInstanceMigration/m Warning FailedMigration source node reported \
                 migration failed";
    assert!(told.iter().any(|it| it == event), "{told:#?}");
    nodes.run();
    assert_eq!(nodes.processes.all.len(), 1);
}

#[test]
fn a_target_that_crashes_takes_nothing_with_it() {
    let mut nodes = crossing(&json!({}));
    let target = nodes.pod("vm", "node-2")["metadata"]["uid"].as_str().unwrap().to_owned();
    nodes.do_one(|deed| *deed == Deed::Crash(target.clone()));
    nodes.run();
    assert_eq!(phase(&nodes), "Failed");
    assert_eq!(state(&nodes)["failureReason"], "the target is gone");
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running");
}

#[test]
fn a_target_that_cannot_take_the_guest_says_why() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&migration("m", "vm"));
    // The source has not begun, and knows of nothing.
    nodes.down.insert("node-1".to_owned());
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    nodes.cluster.told();
    let target = nodes.pod("vm", "node-2")["metadata"]["uid"].as_str().unwrap().to_owned();
    nodes.do_one(|deed| *deed == Deed::Crash(target.clone()));
    nodes.settle();
    assert_eq!(phase(&nodes), "Failed");
    let told = nodes.cluster.told();
    let event = "VirtualMachineInstance/vm Warning SyncFailed the guest did not come to node-2: ";
    assert_eq!(told.iter().filter(|it| it.starts_with(event)).count(), 1, "{told:#?}");
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running");
}

#[test]
fn a_guest_that_ends_after_it_has_come_did_come() {
    let mut nodes = crossing(&json!({}));
    nodes.run();
    assert_eq!(phase(&nodes), "Succeeded");
    nodes.cluster.told();
    let pod = nodes.pod("vm", "node-2")["metadata"]["uid"].as_str().unwrap().to_owned();
    nodes.do_one(|deed| *deed == Deed::Crash(pod.clone()));
    nodes.settle();
    let told = nodes.cluster.told();
    assert!(told.iter().any(|it| it.contains("crashed")), "{told:#?}");
    assert!(!told.iter().any(|it| it.contains("did not come")), "{told:#?}");
}

#[test]
fn parity_a_migration_that_is_cancelled_is_aborted_and_says_so() {
    let mut nodes = crossing(&json!({}));
    nodes.cluster.told();
    nodes.cluster.delete("VirtualMachineInstanceMigration", "m");
    nodes.settle();
    let seen = state(&nodes);
    assert_eq!(seen["failureReason"], "Live migration aborted ");
    assert_eq!(seen["abortStatus"], "Succeeded");
    assert!(nodes.obeyed().contains(&"node-1: abort".to_owned()));
    let told = nodes.cluster.told();
    let event =
        "VirtualMachineInstance/vm Normal Migrating VirtualMachineInstance is aborting migration.";
    assert_eq!(told.iter().filter(|it| *it == event).count(), 1, "{told:#?}");
}

#[test]
fn what_was_called_off_too_late_says_that_it_could_not_be() {
    let mut nodes = crossing(&json!({}));
    let aborting = json!({ "status": { "migrationState": { "abortStatus": "Aborting" } } });
    nodes.cluster.patch("node-1", INSTANCE, Part::Main, "vm", &aborting);
    nodes.run();
    assert_eq!(state(&nodes)["completed"], true);
    assert_eq!(state(&nodes)["abortStatus"], "Failed");
}

#[test]
fn parity_post_copy_cannot_be_called_off_and_ends_well() {
    let mut nodes = crossing(&json!({ "allowPostCopy": true }));
    nodes.do_one(|deed| matches!(deed, Deed::Stop(_)));
    nodes.do_one(|deed| matches!(deed, Deed::PostCopy(_)));
    let seen = state(&nodes);
    assert_eq!(
        (&seen["mode"], &seen["targetNodeDomainDetected"]),
        (&json!("PostCopy"), &json!(true))
    );
    assert_eq!(seen.get("completed"), None, "memory is missing");
    assert_eq!(text(&nodes.instance("vm"), "/status/nodeName"), "node-1");
    nodes.cluster.delete("VirtualMachineInstanceMigration", "m");
    nodes.settle();
    assert_eq!(state(&nodes)["abortStatus"], "Failed");
    nodes.run();
    assert_eq!(state(&nodes)["completed"], true);
    assert_eq!(state(&nodes).get("failed"), None);
    assert_eq!(text(&nodes.instance("vm"), "/status/nodeName"), "node-2");
}

#[test]
fn parity_a_guest_that_is_torn_has_failed_on_both_nodes() {
    let mut nodes = crossing(&json!({ "allowPostCopy": true }));
    nodes.do_one(|deed| matches!(deed, Deed::Stop(_)));
    nodes.do_one(|deed| matches!(deed, Deed::PostCopy(_)));
    nodes.do_one(|deed| matches!(deed, Deed::Cut(_)));
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Failed");
    assert_eq!(seen["status"]["migrationState"]["failed"], true);
    nodes.cluster.delete(INSTANCE, "vm");
    nodes.run();
    assert!(nodes.processes.all.is_empty());
    assert!(nodes.instance("vm").is_null());
}

#[test]
fn parity_a_guest_that_the_monitor_has_suspended_says_so() {
    let mut nodes = crossing(&json!({}));
    let source = nodes.processes.all.values_mut().find(|it| it.is_leaving()).unwrap();
    source.state = GuestState::Held;
    source.runs = false;
    if let Some(MigrationReport::Leaving(leaving)) = &mut source.migration {
        leaving.mode = MigrationMode::Paused;
    }
    nodes.settle();
    let seen = nodes.instance("vm");
    assert_eq!(seen["status"]["migrationState"]["mode"], "Paused");
    let conditions = seen["status"]["conditions"].as_array().unwrap();
    let paused = conditions.iter().find(|it| it["type"] == "Paused").unwrap();
    assert_eq!(paused["reason"], "PausedByMigrationMonitor");
    assert_eq!(paused["message"], "VMI was paused by the migration monitor");
    // A source that has lost its journal is told what it has done.
    let stillness = |nodes: &mut Nodes, state: GuestState, migration: Option<MigrationReport>| {
        let source = nodes.processes.all.values_mut().find(|it| it.node == "node-1").unwrap();
        source.state = state;
        let before = std::mem::replace(&mut source.migration, migration);
        let orders = nodes.plans("node-1").into_iter().flat_map(|(_, plan)| plan.orders);
        let told = orders.filter_map(|order| match order {
            Order::Migrate(migrate) => Some(migrate.stillness),
            _ => None,
        });
        (told.collect::<Vec<_>>(), before)
    };
    let (told, before) = stillness(&mut nodes, GuestState::Paused, None);
    assert_eq!(told, [Stillness::Suspended]);
    assert_eq!(stillness(&mut nodes, GuestState::Held, before).0, []);
    nodes.do_one(|deed| matches!(deed, Deed::Cut(_)));
    let seen = nodes.instance("vm");
    let conditions = seen["status"]["conditions"].as_array().unwrap();
    assert!(!conditions.iter().any(|it| it["type"] == "Paused"), "{seen:#}");
}

#[test]
fn a_source_without_an_address_on_the_network_never_sends() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&migration("m", "vm"));
    nodes.down.insert("node-1".to_owned());
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)));
    let network = json!({ "status": { "migrationState": {
        "migrationConfiguration": { "network": "fast" },
    } } });
    nodes.cluster.patch("controller", INSTANCE, Part::Main, "vm", &network);
    nodes.obeyed();
    nodes.down.clear();
    nodes.settle();
    let seen = state(&nodes);
    assert_eq!(
        seen["failureReason"],
        "node node-1 has no address on the migration network \"fast\""
    );
    assert_eq!(seen.get("startTimestamp"), None);
    assert!(!nodes.obeyed().iter().any(|order| order.contains("migrate")));
    assert_eq!(phase(&nodes), "Failed");
}

#[test]
fn parity_a_bandwidth_below_zero_fails_with_upstreams_words() {
    let mut nodes = running(&json!({ "bandwidthPerMigration": "-1Mi" }));
    nodes.cluster.create(&migration("m", "vm"));
    nodes.run();
    assert_eq!(
        state(&nodes)["failureReason"],
        "error encountered while generating migration parameters: Memory size '-1Mi' must be greater \
         than or equal to 0"
    );
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running");
}

#[test]
fn a_guest_whose_volumes_are_to_move_to_other_claims_is_not_sent_and_it_is_said_why() {
    let mut nodes = running(&json!({}));
    let moved = json!({ "status": { "migratedVolumes": [{
        "volumeName": "data", "sourcePVCInfo": { "claimName": "old" },
        "destinationPVCInfo": { "claimName": "new" },
    }] } });
    nodes.cluster.patch("user", "VirtualMachineInstance", Part::Main, "vm", &moved);
    nodes.cluster.create(&migration("m", "vm"));
    nodes.run();
    assert_eq!(phase(&nodes), "Failed");
    assert_eq!(
        state(&nodes)["failureReason"],
        "cannot migrate VMI: volume data is to move from PVC old to PVC new, and volumes are not \
         moved to other claims here"
    );
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running");
}

#[test]
fn a_guest_that_crashes_as_it_leaves_ends_its_migration() {
    let mut nodes = crossing(&json!({}));
    let source = nodes.pod("vm", "node-1")["metadata"]["uid"].as_str().unwrap().to_owned();
    nodes.do_one_quietly(|deed| *deed == Deed::Crash(source.clone()));
    nodes.settle();
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Failed");
    assert_eq!(seen["status"]["migrationState"]["failureReason"], "crashed");
    assert_eq!(phase(&nodes), "Failed");
}

#[test]
fn a_guest_that_has_ended_after_its_arrival_has_arrived_first() {
    for (end, phase) in [
        (GuestEnd::ShutDown, "Succeeded"),
        (GuestEnd::Crashed { why: "oops".to_owned() }, "Failed"),
    ] {
        let mut nodes = crossing(&json!({}));
        nodes.do_one(|deed| matches!(deed, Deed::Stop(_)));
        nodes.down.insert("node-2".to_owned());
        nodes.do_one_quietly(|deed| matches!(deed, Deed::Resume(_)));
        nodes.do_one_quietly(|deed| matches!(deed, Deed::Learn(_)));
        let guest = nodes.processes.all.values_mut().find(|it| it.runs).unwrap();
        guest.state = GuestState::Ended(end);
        guest.runs = false;
        nodes.down.clear();
        nodes.run_while(is_harmless);
        let seen = nodes.instance("vm");
        assert_eq!(text(&seen, "/status/nodeName"), "node-2");
        assert_eq!(text(&seen, "/status/phase"), phase);
        assert_eq!(seen["status"]["migrationState"].get("failed"), None);
    }
}
