//! Guests that start, and what their node says of them then.

use ferry_reconcile::claims::Image;
use ferry_reconcile::guest::{Board, DiskPlace, GuestState, Kernel, MachineKind, Order};
use ferry_units::Bytes;
use serde_json::{Value, json};

use super::daemons::{NODES, Nodes};
use super::processes::Deed;
use crate::cluster::Cluster;
use crate::objects::{claim, instance, text, with};

const INSTANCE: &str = "VirtualMachineInstance";
const CLAIM: &str = "PersistentVolumeClaim";

fn condition<'v>(object: &'v Value, type_: &str) -> &'v Value {
    let all = object["status"]["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().find(|condition| condition["type"] == type_).unwrap_or(&Value::Null)
}

fn no_deeds(_: &Deed) -> bool {
    false
}

#[test]
fn parity_a_pod_runs_before_its_guest_and_the_guest_is_started_once() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&instance("vm"));
    nodes.run_while(no_deeds);
    let pod = nodes.pod("vm", "node-1");
    assert_eq!(text(&pod, "/status/phase"), "Running");
    assert_eq!(text(&pod, "/status/podIP"), "10.0.0.1");
    assert_eq!(condition(&pod, "Ready")["status"], "True");
    let container = &pod["status"]["containerStatuses"][0];
    assert_eq!((&container["name"], &container["ready"]), (&json!("compute"), &json!(true)));
    assert!(container["state"]["running"]["startedAt"].is_string());
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Scheduled");
    assert_eq!(nodes.obeyed(), ["node-1: start vm"]);

    nodes.cluster.told();
    nodes.run();
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Running");
    assert_eq!(text(&seen, "/status/interfaces/0/ipAddress"), "10.0.0.1");
    assert_eq!(text(&seen, "/status/machine/type"), "q35");
    assert_eq!(text(&seen, "/metadata/labels/kubevirt.io~1nodeName"), "node-1");
    let entered = seen["status"]["phaseTransitionTimestamps"].as_array().unwrap();
    assert_eq!(entered.last().unwrap()["phase"], "Running");
    let told = nodes.cluster.told();
    for event in [
        "VirtualMachineInstance/vm Normal Created VirtualMachineInstance defined.",
        "VirtualMachineInstance/vm Normal Started VirtualMachineInstance started.",
    ] {
        assert_eq!(told.iter().filter(|it| *it == event).count(), 1, "{told:#?}");
    }
    assert_eq!(nodes.obeyed(), [""; 0], "it is started once");
}

#[test]
fn a_guest_that_has_run_is_never_started_again() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&instance("vm"));
    nodes.run();
    nodes.obeyed();
    // The node has lost all that it knew.
    nodes.processes.all.clear();
    nodes.settle();
    assert_eq!(text(&nodes.instance("vm"), "/status/phase"), "Failed");
    assert_eq!(nodes.obeyed(), [""; 0]);
}

#[test]
fn what_a_guest_is_made_of_follows_from_its_instance_and_its_claims() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&claim("own", "ReadWriteOnce"));
    nodes.cluster.create(&claim("all", "ReadWriteMany"));
    let wish = json!({
        "metadata": { "annotations": {
            "workload.ferry.dev/pattern": "random,rate=1Mi", "other": "x",
            "machine.ferry.dev/type": "qemu",
        } },
        "spec": {
            "domain": {
                "cpu": { "cores": 2, "sockets": 2, "model": "host-model" },
                "machine": { "type": "q35" },
                "firmware": {
                    "uuid": "6a1a24a1-4061-4607-8bf4-a3963d0c5895",
                    "kernelBoot": {
                        "kernelArgs": "quiet",
                        "container": { "image": "i", "kernelPath": "/k", "initrdPath": "/i" },
                    },
                },
                "memory": { "guest": "96Mi" },
                "devices": { "disks": [{ "name": "cd", "cdrom": {} }] },
            },
            "volumes": [
                { "name": "shared", "persistentVolumeClaim": { "claimName": "all" } },
                { "name": "local", "dataVolume": { "name": "own" } },
                { "name": "host", "hostDisk": { "path": "/d", "type": "Disk", "capacity": "2Mi" } },
                { "name": "hosts", "hostDisk": { "path": "/s", "type": "Disk", "shared": true } },
                { "name": "scratch", "emptyDisk": { "capacity": "3Mi" } },
                { "name": "root", "containerDisk": { "image": "fedora" } },
                { "name": "init", "cloudInitNoCloud": { "userData": "x" } },
                { "name": "cd", "containerDisk": { "image": "tools" } },
            ],
        },
    });
    nodes.cluster.create(&with(instance("vm"), &wish));
    nodes.settle();
    let spec = nodes.processes.all.values().next().unwrap().spec.clone();
    assert_eq!((spec.memory, spec.vcpus), (Bytes::from_mib(96), 4));
    assert_eq!(spec.uuid, "6a1a24a1-4061-4607-8bf4-a3963d0c5895");
    assert_eq!(spec.machine, Some(MachineKind::Qemu));
    let kernel = Kernel {
        image: Some("/k".into()),
        initrd: Some("/i".into()),
        arguments: Some("quiet".to_owned()),
    };
    let board = Board {
        machine_type: Some("q35".to_owned()),
        cpu_model: Some("host-model".to_owned()),
        kernel: Some(kernel),
    };
    assert_eq!(spec.board, board);
    assert_eq!(spec.workload, [("pattern".to_owned(), "random,rate=1Mi".to_owned())].into());
    let image = |name: &str| Image {
        namespace: "ns".to_owned(),
        name: name.to_owned(),
        uid: text(&nodes.cluster.get("PersistentVolumeClaim", name), "/metadata/uid").to_owned(),
    };
    let expected = [
        ("shared", Bytes::from_gib(1), DiskPlace::SharedClaim(image("all"))),
        ("local", Bytes::from_gib(1), DiskPlace::Claim(image("own"))),
        ("host", Bytes::from_mib(2), DiskPlace::Host { path: "/d".into() }),
        ("hosts", Bytes::from_mib(64), DiskPlace::SharedHost { path: "/s".into() }),
        ("scratch", Bytes::from_mib(3), DiskPlace::Ephemeral),
        ("root", Bytes::from_mib(64), DiskPlace::Ephemeral),
        ("init", Bytes::from_mib(1), DiskPlace::Ephemeral),
    ];
    let disks: Vec<_> =
        spec.disks.iter().map(|it| (it.name.as_str(), it.size, it.place.clone())).collect();
    assert_eq!(disks, expected);
}

#[test]
fn a_guest_whose_claim_has_gone_waits_for_it_and_says_so() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&claim("data", "ReadWriteMany"));
    let volumes = json!({ "spec": { "volumes": [
        { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
    ] } });
    nodes.cluster.create(&with(instance("vm"), &volumes));
    nodes.cluster.settle();
    nodes.cluster.told();
    nodes.cluster.delete(CLAIM, "data");
    // Its pod holds it; somebody lets it go all the same.
    let without = json!({ "metadata": { "finalizers": null } });
    for (change, expected) in
        [(json!({}), "PVC data is being deleted"), (without, "PVC data does not exist")]
    {
        nodes.cluster.patch("user", CLAIM, ferry_reconcile::Part::Main, "data", &change);
        nodes.settle();
        let said = nodes.instance("vm");
        let said = condition(&said, "Synchronized");
        assert_eq!(
            (&said["status"], &said["reason"]),
            (&json!("False"), &json!("Synchronizing with the Domain failed."))
        );
        assert!(text(said, "/message").contains(expected), "{said}");
        assert_eq!(nodes.obeyed(), [""; 0]);
        let told = nodes.cluster.told();
        assert_eq!(told.iter().filter(|it| it.contains("SyncFailed")).count(), 1, "{told:#?}");
    }
    assert!(nodes.cluster.get(CLAIM, "data").is_null());
    nodes.cluster.create(&claim("data", "ReadWriteMany"));
    nodes.run();
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Running");
    assert!(condition(&seen, "Synchronized").is_null());
}

#[test]
fn a_guest_stands_still_and_goes_on_as_it_is_asked_to() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&instance("vm"));
    nodes.run();
    nodes.obeyed();
    for (state, order, is_paused) in
        [("Paused", "node-1: pause", true), ("Running", "node-1: resume", false)]
    {
        let wish = json!({ "status": { "powerRequest": { "state": state } } });
        nodes.cluster.patch("apiserver", INSTANCE, ferry_reconcile::Part::Main, "vm", &wish);
        nodes.settle();
        assert_eq!(nodes.obeyed(), [order]);
        let seen = nodes.instance("vm");
        assert!(seen["status"].get("powerRequest").is_none(), "{seen:#}");
        let paused = condition(&seen, "Paused");
        assert_eq!(!paused.is_null(), is_paused, "{seen:#}");
        if is_paused {
            assert_eq!(paused["reason"], "PausedByUser");
        }
    }
}

#[test]
fn a_guest_that_starts_paused_stands_still_until_it_is_told_to_go_on() {
    let mut nodes = Nodes::new(Cluster::new());
    let paused = json!({ "spec": { "startStrategy": "Paused" } });
    nodes.cluster.create(&with(instance("vm"), &paused));
    nodes.run();
    assert_eq!(nodes.obeyed(), ["node-1: start vm"]);
    let seen = nodes.instance("vm");
    assert_eq!(text(&seen, "/status/phase"), "Running");
    assert_eq!(condition(&seen, "Paused")["reason"], "PausedByUser");
    let wish = json!({ "status": { "powerRequest": { "state": "Running" } } });
    nodes.cluster.patch("apiserver", INSTANCE, ferry_reconcile::Part::Main, "vm", &wish);
    nodes.settle();
    assert_eq!(nodes.processes.all.values().next().unwrap().state, GuestState::Running);
}

#[test]
fn a_node_does_nothing_about_pods_of_other_nodes() {
    let mut nodes = Nodes::new(Cluster::new());
    nodes.cluster.create(&instance("vm"));
    nodes.cluster.settle();
    for node in NODES {
        nodes.refresh(node);
        let orders: Vec<Order> =
            nodes.plans(node).into_iter().flat_map(|(_, plan)| plan.orders).collect();
        assert!(orders.is_empty());
        let is_here = !nodes.pod("vm", node).is_null();
        assert_eq!(!nodes.plans(node).is_empty(), is_here, "{node}");
    }
}
