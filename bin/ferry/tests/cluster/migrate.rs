//! `ferry migrate` and `ferry cancel`; the test plays the controller, and a scripted daemon the
//! source node.

use std::time::Duration;

use expect_test::expect;
use ferry_rpc::{Ending, Mode, Progress};
use ferry_units::{Bytes, BytesPerSecond};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::common::{Cluster, INSTANCE, MACHINE, NODE, Script, ScriptedNode};

fn progress(mode: Mode, remaining: u64, end: Option<Ending>) -> Progress {
    Progress {
        status: "active".to_owned(),
        mode: Some(mode),
        total: Bytes::from_mib(1024),
        remaining: Bytes::from_mib(remaining),
        transferred: Bytes::from_mib(1100 - remaining),
        rate: BytesPerSecond::from_mib(64),
        dirty_rate: BytesPerSecond::from_mib(20),
        passes: 3,
        elapsed: Duration::from_millis(3210),
        downtime: Duration::from_millis(240),
        end,
        ..Progress::default()
    }
}

fn script() -> Script {
    Script {
        progress: vec![
            progress(Mode::PreCopy, 900, None),
            progress(Mode::PreCopy, 300, None),
            progress(Mode::PostCopy, 100, None),
            progress(Mode::PostCopy, 0, Some(Ending::Completed)),
        ],
        ..Script::default()
    }
}

fn state(name: &str, failure: Option<&str>) -> Value {
    json!({
        "migrationUid": name,
        "sourceNode": "node-1",
        "targetNode": "node-2",
        "mode": "PostCopy",
        "completed": true,
        "failed": failure.is_some(),
        "failureReason": failure,
        "startTimestamp": "2026-01-01T00:00:00Z",
        "endTimestamp": "2026-01-01T00:00:04Z",
    })
}

#[test]
fn it_asks_as_virtctl_does() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let said = cluster.ok(&["migrate", "web", "--to", "zone=east", "--to", "disk=ssd"]);
    assert_eq!(said, "VM web was scheduled to migrate\n");
    let migration = cluster.migration();
    assert!(migration.name_any().starts_with("kubevirt-migrate-vm-"));
    let selector = serde_json::to_value(migration.spec.added_node_selector.unwrap()).unwrap();
    assert_eq!(selector, json!({ "disk": "ssd", "zone": "east" }));
    let again = cluster.fails(&["migrate", "web"]);
    assert!(again.starts_with("error: Error migrating VirtualMachine web: "), "{again}");
    assert!(again.contains("in-flight migration detected"), "{again}");
    assert_eq!(cluster.ok(&["cancel", "web"]), "VM web was scheduled to migrate-cancel\n");
    cluster.release_migration(&cluster.migration().name_any());
    assert_eq!(cluster.fails(&["cancel", "web"]), "error: Found no migration to cancel for web\n");
    let as_json = cluster.ok(&["migrate", "web", "-o", "json"]);
    let found: Value = serde_json::from_str(&as_json).unwrap();
    assert_eq!(found["migration"], json!(cluster.migration().name_any()));
}

#[test]
fn what_cannot_migrate_is_told_in_virtctls_words() {
    let cluster = Cluster::with(&[MACHINE]);
    let said = cluster.fails(&["migrate", "nothing"]);
    expect![[r#"
        error: Error migrating VirtualMachine nothing: virtualmachines.kubevirt.io "nothing" not found
    "#]]
    .assert_eq(&said);
    let usage = cluster.ferry(&["migrate", "web", "--to", "node-2"]);
    assert_eq!(usage.code, Some(2));
    assert!(
        usage.err.contains("use KEY=VALUE, such as kubernetes.io/hostname=node-2"),
        "{usage:?}"
    );
    assert_eq!(cluster.ferry(&["migrate", "web", "--timeout", "5s"]).code, Some(2));
    let usage = cluster.ferry(&["migrate", "web", "--to", "bad key=x"]);
    assert!(usage.code == Some(2) && usage.err.contains("\"bad key\" is no part of a label: "));
}

#[test]
fn whoever_waits_sees_each_step_and_the_end() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let _node = ScriptedNode::start(&cluster, "node-1", script());
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait"]);
    let migration = cluster.migration();
    let name = migration.name_any();
    waiting.wait_for("accepted");
    let message = "waiting: 5 of 5 migrations of the cluster are under way, 2 are ahead";
    let condition = json!({
        "type": "migrationWaiting", "status": "True", "reason": "ClusterLimit", "message": message,
    });
    cluster.say_of_migration(&name, &json!({ "phase": "Pending", "conditions": [condition] }));
    waiting.wait_for(message);
    cluster.say_of_migration(&name, &json!({ "phase": "Scheduling", "conditions": null }));
    waiting.wait_for("Scheduling");
    cluster.phase(&migration, "Running");
    waiting.wait_for("PostCopy");
    let uid = migration.uid().unwrap();
    cluster.say_of_migration(
        &name,
        &json!({ "phase": "Succeeded", "migrationState": state(&uid, None) }),
    );
    let run = waiting.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    expect![[r#"
        web: accepted
        web: Pending: waiting: 5 of 5 migrations of the cluster are under way, 2 are ahead
        web: Scheduling
        web: Running
        web: PreCopy, 900 MiB left
        web: PostCopy, 100 MiB left
    "#]]
    .assert_eq(&run.err);
    expect![[r#"
        web moved from node-1 to node-2 in 3.2 s (PostCopy, 1.07 GiB, 3 passes)
    "#]]
    .assert_eq(&run.out);
}

#[test]
fn a_failure_has_its_reason() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE, NODE]);
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait"]);
    let migration = cluster.migration();
    let name = migration.name_any();
    let why = "Live migration is not completed after 800 seconds and has been aborted";
    let uid = migration.uid().unwrap();
    cluster.say_of_migration(
        &name,
        &json!({ "phase": "Failed", "migrationState": state(&uid, Some(why)) }),
    );
    let run = waiting.end();
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    let told = format!("error: web has not moved: {why} (migration {name})\n");
    assert!(run.err.ends_with(&told), "{run:?}");
    cluster.release_migration(&name);

    // Before nodes know of it, an Event says why.
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait", "-o", "json"]);
    let migrations = cluster.migrations();
    let migration = ferry_harness::wait_until("the second migration", || {
        let all = cluster.runtime.block_on(migrations.list(&kube::api::ListParams::default()))?;
        Ok(all.items.into_iter().find(|one| one.name_any() != name))
    });
    let migration = migration.unwrap();
    let event = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": "complaint" },
        "involvedObject": {
            "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration",
            "name": migration.name_any(), "namespace": "default", "uid": migration.uid(),
        },
        "type": "Warning", "reason": "FailedMigration",
        "message": "Migration target pod was removed during active migration.",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    });
    cluster.apply(&event.to_string());
    cluster.phase(&migration, "Failed");
    let run = waiting.end();
    assert_eq!(run.code, Some(1), "{run:?}");
    let said: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(said["phase"], "Failed");
    assert_eq!(said["reason"], "Migration target pod was removed during active migration.");
}

#[test]
fn without_the_daemon_phases_are_what_is_shown() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    cluster.node_at("node-1", "127.0.0.1:9".parse().unwrap());
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait"]);
    let migration = cluster.migration();
    cluster.phase(&migration, "Running");
    waiting.wait_for("note: only phases can be shown: cannot talk to the daemon of node-1");
    let uid = migration.uid().unwrap();
    cluster.say_of_migration(
        &migration.name_any(),
        &json!({ "phase": "Succeeded", "migrationState": state(&uid, None) }),
    );
    let run = waiting.end();
    assert_eq!(run.out, "web moved from node-1 to node-2 in 4.0 s (PostCopy)\n", "{run:?}");
}

#[test]
fn nobody_has_to_wait_to_the_end() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let late = cluster.ferry(&["migrate", "web", "--wait", "--timeout", "1s"]);
    let name = cluster.migration().name_any();
    assert_eq!(late.code, Some(1));
    let told = format!(
        "error: it takes longer than --timeout: migration {name} goes on; `ferry cancel web` ends it\n"
    );
    assert!(late.err.ends_with(&told), "{late:?}");
    cluster.ok(&["cancel", "web"]);
    cluster.release_migration(&name);

    let waiting =
        cluster.start_ferry(&["migrate", "web", "--wait", "--timeout", "8s", "-o", "json"]);
    let migration = cluster.migration();
    let name = migration.name_any();
    let state = state(&migration.uid().unwrap(), None);
    let running = json!({ "phase": "Running", "migrationState": state });
    cluster.say_of_migration(&name, &running);
    let run = waiting.end();
    assert_eq!(run.code, Some(1), "{run:?}");
    let end: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(end["phase"], "Running");
    assert_eq!((&end["sourceNode"], &end["targetNode"]), (&json!("node-1"), &json!("node-2")));
    cluster.ok(&["cancel", "web"]);
    cluster.release_migration(&name);

    let left = cluster.start_ferry(&["migrate", "web", "--wait"]);
    left.wait_for("accepted");
    left.interrupt();
    let run = left.end();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("goes on; `ferry cancel web` ends it"), "{run:?}");
}

#[test]
fn a_migration_that_is_cancelled_meanwhile_has_not_moved_anything() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait"]);
    waiting.wait_for("accepted");
    cluster.ok(&["cancel", "web"]);
    cluster.release_migration(&cluster.migration().name_any());
    let run = waiting.end();
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.err.contains("error: web has not moved: it was cancelled"), "{run:?}");
}

#[test]
fn a_pod_without_a_node_says_why() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let waiting = cluster.start_ferry(&["migrate", "web", "--wait"]);
    let migration = cluster.migration();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "virt-launcher-web-target",
            "labels": { "kubevirt.io/migrationJobUID": migration.uid() },
        },
        "spec": { "containers": [{ "name": "compute", "image": "ferry/guest:0.1" }] },
        "status": { "phase": "Pending" },
    });
    cluster.apply(&pod.to_string());
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
        kube::Api::namespaced(cluster.client(), "default");
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    });
    let patch = kube::api::Patch::Merge(json!({ "status": { "conditions": [condition] } }));
    let params = kube::api::PatchParams::default();
    cluster
        .runtime
        .block_on(pods.patch_status("virt-launcher-web-target", &params, &patch))
        .unwrap();
    cluster.phase(&migration, "Scheduling");
    waiting.wait_for("web: Scheduling: 0/3 nodes are available");
}
