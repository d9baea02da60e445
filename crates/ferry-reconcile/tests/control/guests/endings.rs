//! Guests that end, and guests that have to.

use ferry_reconcile::Part;
use ferry_reconcile::guest::{GuestEnd, GuestState, Order};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::daemons::{Nodes, is_harmless};
use super::processes::Deed;
use crate::cluster::Cluster;
use crate::objects::{instance, text, with};

fn running(wish: &serde_json::Value) -> Nodes {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&with(instance("vm"), wish));
    nodes.run();
    nodes.obeyed();
    nodes.cluster.told();
    nodes
}

fn pod_name(nodes: &Nodes) -> String {
    text(&nodes.pod("vm", "node-1"), "/metadata/name").to_owned()
}

#[test]
fn parity_how_a_guest_ends_is_how_its_instance_and_its_pod_end() {
    const SHUT_DOWN: &str = "Normal Stopped The VirtualMachineInstance was shut down.";
    const CRASHED: &str = "Warning Stopped The VirtualMachineInstance crashed.";
    let why = || "it broke".to_owned();
    for (end, phase, event) in [
        (GuestEnd::ShutDown, "Succeeded", SHUT_DOWN),
        (GuestEnd::Crashed { why: why() }, "Failed", CRASHED),
        (GuestEnd::NotStarted { why: why() }, "Failed", CRASHED),
        (
            GuestEnd::Torn { why: why() },
            "Failed",
            "Warning Stopped VMI is irrecoverable due to failed post-copy migration",
        ),
    ] {
        let mut nodes = running(&json!({}));
        let process = nodes.processes.all.values_mut().next().unwrap();
        process.state = GuestState::Ended(end.clone());
        process.runs = false;
        // The node says so before anybody else has looked.
        nodes.refresh("node-1");
        nodes.act("node-1", usize::MAX);
        let pod = nodes.pod("vm", "node-1");
        assert_eq!(text(&nodes.instance("vm"), "/status/phase"), phase, "{end:?}");
        assert_eq!(text(&pod, "/status/phase"), phase, "{end:?}");
        let ended = &pod["status"]["containerStatuses"][0]["state"]["terminated"];
        let is_well = phase == "Succeeded";
        assert_eq!(ended["exitCode"], json!(i32::from(!is_well)));
        assert_eq!(ended["message"].as_str(), (!is_well).then_some("it broke"));
        let told = nodes.cluster.told();
        assert!(told.contains(&format!("VirtualMachineInstance/vm {event}")), "{told:#?}");
        nodes.settle();
        // What never ran is told from what did, for as long as the instance is there.
        let conditions = nodes.instance("vm")["status"]["conditions"].clone();
        let conditions = conditions.as_array().into_iter().flatten();
        let says: Vec<_> = conditions.filter(|it| it["type"] == "Synchronized").collect();
        let has_begun = !matches!(end, GuestEnd::NotStarted { .. });
        assert_eq!(says.is_empty(), has_begun, "{says:?}");
        assert!(says.iter().all(|it| it["status"] == "False" && it["message"] == "it broke"));
        assert_eq!(nodes.processes.all.len(), 1, "people may want to look at it");
        nodes.cluster.delete("VirtualMachineInstance", "vm");
        nodes.settle();
        assert!(nodes.processes.all.is_empty(), "nothing is left behind");
        assert_eq!(nodes.cluster.all::<Pod>().len(), 0);
    }
}

#[test]
fn a_pod_does_not_say_that_it_has_ended_before_its_instance_does() {
    let mut nodes = running(&json!({}));
    nodes.do_one_quietly(|deed| matches!(deed, Deed::Crash(_)));
    nodes.refresh("node-1");
    // The first write is refused, because somebody else was faster.
    let label = json!({ "metadata": { "labels": { "a": "b" } } });
    nodes.cluster.patch("user", "VirtualMachineInstance", Part::Main, "vm", &label);
    nodes.act("node-1", usize::MAX);
    assert_eq!(text(&nodes.pod("vm", "node-1"), "/status/phase"), "Running");
    nodes.refresh("node-1");
    nodes.act("node-1", usize::MAX);
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Failed");
    assert_eq!(text(&nodes.pod("vm", "node-1"), "/status/phase"), "Failed");
}

#[test]
fn a_pod_that_is_deleted_gives_its_guest_the_time_that_its_instance_gives_it() {
    for (grace, seconds) in [(None, 30), (Some(5), 5), (Some(0), 0)] {
        let mut nodes = running(&json!({ "spec": { "terminationGracePeriodSeconds": grace } }));
        let pod = pod_name(&nodes);
        nodes.cluster.delete("Pod", &pod);
        nodes.refresh("node-1");
        let until = nodes.cluster.time().after(std::time::Duration::from_secs(seconds));
        let orders = |nodes: &Nodes| -> Vec<Order> {
            nodes.plans("node-1").into_iter().flat_map(|(_, plan)| plan.orders).collect()
        };
        if seconds > 0 {
            let [Order::ShutDown { until: told, .. }] = &orders(&nodes)[..] else {
                panic!("{:?}", orders(&nodes));
            };
            assert_eq!(*told, until);
            nodes.cluster.seconds += i64::try_from(seconds).unwrap();
        }
        assert!(matches!(orders(&nodes)[..], [Order::Kill { .. }]), "{:?}", orders(&nodes));
    }
}

#[test]
fn an_instance_that_is_deleted_ends_with_its_guest_and_not_before() {
    let mut nodes = running(&json!({}));
    nodes.cluster.delete("VirtualMachineInstance", "vm");
    nodes.run_while(|_| false);
    assert_eq!(nodes.obeyed(), ["node-1: shut down"]);
    assert!(!nodes.instance("vm").is_null(), "its guest still runs");
    nodes.do_one(|deed| matches!(deed, Deed::ShutDown(_)));
    assert!(nodes.instance("vm").is_null());
    assert!(nodes.processes.all.is_empty());
    let told = nodes.cluster.told();
    for event in [
        "VirtualMachineInstance/vm Normal ShuttingDown Signaled Graceful Shutdown",
        "VirtualMachineInstance/vm Normal Stopped The VirtualMachineInstance was shut down.",
    ] {
        assert_eq!(told.iter().filter(|it| *it == event).count(), 1, "{told:#?}");
    }
}

#[test]
fn a_guest_whose_pod_is_gone_or_was_never_known_is_ended() {
    let mut nodes = running(&json!({}));
    let pod = pod_name(&nodes);
    nodes.cluster.delete_with("Pod", &pod, Some(0));
    nodes.refresh("node-1");
    nodes.act("node-1", usize::MAX);
    nodes.act("node-1", usize::MAX);
    assert_eq!(nodes.obeyed(), ["node-1: kill", "node-1: forget"]);
}

#[test]
fn a_guest_whose_instance_is_over_does_not_run_on() {
    let mut nodes = running(&json!({}));
    let over = json!({ "status": { "phase": "Failed" } });
    nodes.cluster.patch("controller", "VirtualMachineInstance", Part::Main, "vm", &over);
    nodes.refresh("node-1");
    nodes.act("node-1", usize::MAX);
    assert_eq!(nodes.obeyed(), ["node-1: kill"]);
}

#[test]
fn a_pod_that_holds_no_guest_goes_when_it_is_deleted_and_is_left_alone_until_then() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "web", "namespace": "ns" },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "c", "image": "nginx" }] },
    }));
    nodes.refresh("node-1");
    let (_, plan) = nodes.plans("node-1").remove(0);
    assert!(plan.api.is_empty() && plan.orders.is_empty(), "{plan:#?}");
    nodes.cluster.delete("Pod", "web");
    nodes.refresh("node-1");
    nodes.act("node-1", usize::MAX);
    assert!(nodes.cluster.get("Pod", "web").is_null());
}

#[test]
fn a_guest_in_doubt_is_given_up_only_when_the_node_it_went_to_is_taken_out_of_the_cluster() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&crate::objects::migration("m", "vm"));
    let stops = |deed: &Deed| matches!(deed, Deed::Stop(_));
    nodes.run_while(|deed| matches!(deed, Deed::Boot(_)) || stops(deed));
    nodes.down.insert("node-2".to_owned());
    let pod = text(&nodes.pod("vm", "node-2"), "/metadata/name").to_owned();
    nodes.cluster.delete_with("Pod", &pod, Some(0));
    nodes.settle();
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running", "who has it can be asked");
    nodes.cluster.delete("Node", "node-2");
    nodes.settle();
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Failed");
    assert_eq!(seen["status"]["migrationState"]["failed"], true);
    assert!(
        nodes
            .processes
            .reports("node-1")
            .iter()
            .all(|report| { matches!(report.state, GuestState::Ended(_)) })
    );
}

#[test]
fn a_guest_that_has_moved_into_a_pod_that_is_gone_is_lost_and_its_instance_says_so() {
    let mut nodes = running(&json!({}));
    nodes.cluster.create(&crate::objects::migration("m", "vm"));
    // It has arrived, and its new node does not live to tell.
    let gone = |deed: &Deed| matches!(deed, Deed::Learn(_));
    nodes.run_while(|deed| is_harmless(deed) && !gone(deed) && !matches!(deed, Deed::Resume(_)));
    nodes.down.insert("node-2".to_owned());
    nodes.do_one(|deed| matches!(deed, Deed::Resume(_)));
    nodes.do_one(gone);
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Running");
    let source = text(&nodes.pod("vm", "node-1"), "/status/phase").to_owned();
    assert_eq!(source, "Running", "the instance counts on it");
    let pod = text(&nodes.pod("vm", "node-2"), "/metadata/name").to_owned();
    nodes.cluster.delete_with("Pod", &pod, Some(0));
    nodes.settle();
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Failed", "{seen:#}");
    assert_eq!(seen["status"]["migrationState"]["failed"], true);
    // The guest is ended when the daemon is there again.
    nodes.down.clear();
    nodes.settle();
    assert!(nodes.processes.all.is_empty());
}
