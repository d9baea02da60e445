//! `ferry drain`, `cordon` and `uncordon`; the test plays the controller.

use expect_test::expect;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::common::{Cluster, INSTANCE, LAUNCHER, MACHINE, NODE};

fn with_a_guest() -> Cluster {
    let cluster = Cluster::with(&[NODE, MACHINE, INSTANCE]);
    let uid = cluster.ok(&["get", "vmi", "web", "-o", "json"]);
    let instance: serde_json::Value = serde_json::from_str(&uid).unwrap();
    let owner = json!([{
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "name": "web",
        "uid": instance["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    }]);
    let pod =
        LAUNCHER.replace("annotations:", &format!("ownerReferences: {owner}\n  annotations:"));
    cluster.apply(&pod);
    let patch = Patch::Merge(json!({ "status": { "phase": "Running" } }));
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(cluster.client(), "default");
    let params = PatchParams::default();
    let running = pods.patch_status("virt-launcher-web-abcde", &params, &patch);
    cluster.runtime.block_on(running).unwrap();
    cluster
}

#[test]
fn a_node_is_closed_and_opened_in_kubectls_words() {
    let cluster = Cluster::with(&[NODE]);
    let mut said = String::new();
    for verb in ["cordon", "cordon", "uncordon", "uncordon"] {
        said.push_str(&cluster.ok(&[verb, "node-1"]));
    }
    said.push_str(&cluster.fails(&["cordon", "node-9"]));
    expect![[r#"
        node/node-1 cordoned
        node/node-1 already cordoned
        node/node-1 uncordoned
        node/node-1 already uncordoned
        error: nodes "node-9" not found
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_drain_shows_each_guests_move_and_ends_with_an_empty_node() {
    let cluster = with_a_guest();
    let drain = cluster.start_ferry(&["drain", "node-1"]);
    drain.wait_for("Eviction triggered evacuation of VMI \"default/web\"");
    let moved = "{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstanceMigration, \
                 metadata: {name: kubevirt-evacuation-x}, spec: {vmiName: web}}";
    cluster.apply(moved);
    let migration = cluster.migration();
    for phase in ["Pending", "Running", "Succeeded"] {
        cluster.phase(&migration, phase);
        drain.wait_for(&format!("migration kubevirt-evacuation-x: {phase}"));
    }
    let client = cluster.client();
    let patch = Patch::Merge(json!({ "status": { "nodeName": "node-2" } }));
    let instances: Api<ferry_api::kubevirt::VirtualMachineInstance> =
        Api::namespaced(client.clone(), "default");
    let pods: Api<k8s_openapi::api::core::v1::Pod> = Api::namespaced(client, "default");
    cluster.runtime.block_on(async {
        instances.patch("web", &PatchParams::default(), &patch).await.unwrap();
        pods.delete("virt-launcher-web-abcde", &DeleteParams::default().grace_period(0))
            .await
            .unwrap();
    });
    let run = drain.end();
    assert_eq!(run.code, Some(0), "{run:?}");
    expect![[r#"
        node/node-1 cordoned
        default/web: migration kubevirt-evacuation-x: Pending
        default/web: migration kubevirt-evacuation-x: Running
        default/web: migration kubevirt-evacuation-x: Succeeded
        default/web: moved to node-2
        node/node-1 drained
    "#]]
    .assert_eq(&run.out);
    expect![[r#"
        default/web: admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "default/web"
    "#]]
    .assert_eq(&run.err);
    assert!(cluster.ok(&["get", "node", "node-1"]).contains("SchedulingDisabled"));
}

#[test]
fn a_guest_that_cannot_move_is_named_when_time_is_up() {
    let cluster = with_a_guest();
    let fixed = INSTANCE.replace(
        "{type: LiveMigratable, status: 'True'}",
        "{type: LiveMigratable, status: 'False', reason: X}",
    );
    cluster.apply(&fixed);
    let run = cluster.ferry(&["drain", "node-1", "--timeout", "1s"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    expect![[r#"
        default/web: admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: VMI web is configured with an eviction strategy but is not live-migratable
        error: node-1 is not empty after --timeout, and stays closed; on it: default/web (admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: VMI web is configured with an eviction strategy but is not live-migratable)
    "#]]
    .assert_eq(&run.err);
}

#[test]
fn a_drain_that_is_interrupted_says_what_goes_on_and_it_can_be_taken_back() {
    let cluster = with_a_guest();
    let drain = cluster.start_ferry(&["drain", "node-1"]);
    drain.wait_for("Eviction triggered evacuation of VMI \"default/web\"");
    drain.interrupt();
    let run = drain.end();
    assert_eq!(run.code, Some(130), "{run:?}");
    expect![[r#"
        default/web: admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "default/web"
        interrupted: node-1 stays closed; on it: default/web (admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "default/web")
        Guests that were asked to leave go on leaving; `ferry evacuate-cancel node node-1` has those stay that still wait, and `ferry uncordon node-1` opens the node.
    "#]]
    .assert_eq(&run.err);
    assert!(cluster.ok(&["get", "node", "node-1"]).contains("SchedulingDisabled"));
    let marked = || cluster.ok(&["get", "vmi", "web", "-o", "json"]).contains("evacuationNodeName");
    assert!(marked());
    let mut said = cluster.ok(&["evacuate-cancel", "node", "node-1", "--dry-run"]);
    assert!(marked(), "a dry run changes nothing");
    said.push_str(&cluster.ok(&["evacuate-cancel", "node", "node-1"]));
    assert!(!marked());
    said.push_str(&cluster.ok(&["evacuate-cancel", "vm", "web"]));
    said.push_str(&cluster.ok(&["evacuate-cancel", "VMIs", "web"]));
    said.push_str(&cluster.fails(&["evacuate-cancel", "node", "node-1"]));
    said.push_str(&cluster.fails(&["evacuate-cancel", "vm", "db"]));
    expect![[r#"
        VMI default/web was canceled evacuation
        VMI default/web was canceled evacuation
        VM default/web was canceled evacuation
        VMI default/web was canceled evacuation
        error: nothing was asked to leave node-1
        error: db does not run in namespace default: it has no VirtualMachineInstance
    "#]]
    .assert_eq(&said);
    assert_eq!(cluster.ferry(&["evacuate-cancel", "pod", "x"]).code, Some(2));
}

#[test]
fn an_empty_node_is_drained_at_once() {
    let cluster = Cluster::with(&[NODE]);
    assert_eq!(cluster.ok(&["drain", "node-1"]), "node/node-1 cordoned\nnode/node-1 drained\n");
    assert_eq!(cluster.fails(&["drain", "node-9"]), "error: nodes \"node-9\" not found\n");
}
