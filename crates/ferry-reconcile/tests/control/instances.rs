//! Instances and their pods.

use ferry_reconcile::Part;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::migrations::INSTANCE;
use crate::nodes::Deed;
use crate::objects::{claim, instance, kubevirt, text, with};

/// How a guest is lost.
type Loss = fn(&mut Cluster);

fn condition(cluster: &Cluster, type_: &str) -> Value {
    let instance = cluster.get(INSTANCE, "vm");
    let conditions = instance["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|it| it["type"] == type_).unwrap_or_default()
}

fn pod(cluster: &Cluster) -> Value {
    cluster.get("Pod", &cluster.pods_of("vm")[0])
}

#[test]
fn parity_a_launcher_is_written_as_others_expect_it() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "developerConfiguration": {
        "nodeSelectors": { "kubevirt.io/schedulable": "true" }, "cpuAllocationRatio": 4,
    } })));
    cluster.create(&claim("shared", "ReadWriteMany"));
    let spec = json!({ "spec": {
        "nodeSelector": { "name": "node-3" },
        "tolerations": [{ "key": "night", "operator": "Exists" }],
        "terminationGracePeriodSeconds": 5,
        "domain": { "cpu": { "cores": 2 } },
        "volumes": [{ "name": "root", "persistentVolumeClaim": { "claimName": "shared" } }],
    } });
    cluster.create(&with(instance("vm"), &spec));
    cluster.settle();
    let pod = pod(&cluster);
    let uid = cluster.get(INSTANCE, "vm")["metadata"]["uid"].clone();
    let labels = &pod["metadata"]["labels"];
    assert_eq!(labels["app"], "vm");
    assert_eq!(labels["kubevirt.io"], "virt-launcher");
    assert_eq!(labels["kubevirt.io/created-by"], uid);
    assert_eq!(labels["vm.kubevirt.io/name"], "vm");
    assert_eq!(pod["metadata"]["annotations"]["kubevirt.io/domain"], "vm");
    let owner = &pod["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"], &owner["controller"]),
        (&json!(INSTANCE), &uid, &json!(true))
    );
    let spec = &pod["spec"];
    assert_eq!(
        spec["nodeSelector"],
        json!({ "kubevirt.io/schedulable": "true", "name": "node-3" })
    );
    assert_eq!(spec["tolerations"][0]["key"], "night");
    assert_eq!(spec["terminationGracePeriodSeconds"], 20);
    assert_eq!(spec["volumes"][0]["persistentVolumeClaim"]["claimName"], "shared");
    let requests = &spec["containers"][0]["resources"]["requests"];
    // 256 MiB, half a MiB of page tables, 260 of programs and screen, 8 for each of two vCPUs.
    assert_eq!(requests["memory"], "545280Ki");
    assert_eq!(requests["cpu"], "500m");
    assert_eq!(spec["nodeName"], "node-3");
}

#[test]
fn an_instance_comes_to_its_node_and_is_the_nodes_from_then_on() {
    let mut cluster = Cluster::new();
    cluster.create(&instance("vm"));
    cluster.settle();
    assert_eq!(cluster.phase(INSTANCE, "vm"), "Scheduling");
    assert_eq!(condition(&cluster, "Ready")["reason"], "GuestNotRunning");
    cluster.do_one(|deed| matches!(deed, Deed::RunPod(_)));
    cluster.settle();
    let scheduled = cluster.get(INSTANCE, "vm");
    assert_eq!(text(&scheduled, "/status/phase"), "Scheduled");
    assert_eq!(text(&scheduled, "/status/nodeName"), "node-1");
    assert_eq!(text(&scheduled, "/metadata/labels/kubevirt.io~1nodeName"), "node-1");
    assert_eq!(text(&scheduled, "/status/migrationTransport"), "Unix");
    let pod = pod(&cluster);
    assert_eq!(scheduled["status"]["activePods"], json!({ text(&pod, "/metadata/uid"): "node-1" }));
    cluster.run();
    assert_eq!(condition(&cluster, "Ready")["status"], "True");
    assert_eq!(condition(&cluster, "LiveMigratable")["status"], "True");
    let created = format!("{INSTANCE}/vm Normal SuccessfulCreate Created virtual machine pod ");
    assert!(cluster.told().iter().any(|event| event.starts_with(&created)));
}

#[test]
fn parity_a_guest_whose_pod_or_node_is_gone_has_failed_and_a_silent_node_proves_nothing() {
    let lose_pod = |cluster: &mut Cluster| {
        let pod = cluster.pods_of("vm")[0].clone();
        cluster.delete_with("Pod", &pod, Some(0));
    };
    let lose_node = |cluster: &mut Cluster| cluster.delete("Node", "node-1");
    let silence = |cluster: &mut Cluster| {
        cluster.silence("node-1");
        cluster.pass(3600);
    };
    for (what, loss, phase) in [
        ("pod", lose_pod as Loss, "Failed"),
        ("node", lose_node as Loss, "Failed"),
        ("word", silence as Loss, "Running"),
    ] {
        let mut cluster = Cluster::new();
        cluster.running("vm", "node-1");
        loss(&mut cluster);
        cluster.settle();
        assert_eq!(cluster.phase(INSTANCE, "vm"), phase, "{what}");
        assert_eq!(cluster.pods_of("vm").len(), usize::from(phase == "Running"), "{what}");
    }
}

#[test]
fn parity_a_pod_is_ready_for_a_guest_when_its_container_runs() {
    for (containers, expected) in [
        (json!([{ "name": "compute", "ready": false, "state": { "running": {} } }]), "Scheduled"),
        (json!([{ "name": "compute", "ready": true, "state": { "waiting": {} } }]), "Scheduling"),
        (
            json!([
                { "name": "compute", "ready": true, "state": { "running": {} } },
                { "name": "side", "ready": false, "state": { "running": {} } },
            ]),
            "Scheduling",
        ),
        (
            json!([{ "name": "compute", "ready": false, "state": { "terminated": { "exitCode": 1 } } }]),
            "Failed",
        ),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&instance("vm"));
        cluster.settle();
        let mut statuses = containers.clone();
        for status in statuses.as_array_mut().unwrap() {
            for (field, value) in
                [("image", json!("i")), ("imageID", json!("i")), ("restartCount", json!(0))]
            {
                status[field] = value;
            }
        }
        let patch = json!({ "status": { "phase": "Running", "containerStatuses": statuses } });
        let name = cluster.pods_of("vm")[0].clone();
        cluster.patch("kubelet", "Pod", Part::Status, &name, &patch);
        cluster.settle();
        assert_eq!(cluster.phase(INSTANCE, "vm"), expected, "{containers}");
    }
}

#[test]
fn parity_a_guest_that_cannot_move_says_the_first_reason() {
    let disk = |volume: Value| json!({ "volumes": [volume] });
    let pvc =
        |name: &str| disk(json!({ "name": "d", "persistentVolumeClaim": { "claimName": name } }));
    let devices = |devices: Value| json!({ "domain": { "devices": devices } });
    let pod_network = |interface: Value| {
        json!({
            "networks": [{ "name": "default", "pod": {} }],
            "domain": { "devices": { "interfaces": [interface] } },
        })
    };
    for (spec, method, reason, message) in [
        (json!({}), "LiveMigration", "", ""),
        (pvc("shared"), "LiveMigration", "", ""),
        (
            pvc("local"),
            "BlockMigration",
            "DisksNotLiveMigratable",
            "cannot migrate VMI: PVC local is not shared, live migration requires that all PVCs \
             must be shared (using ReadWriteMany access mode)",
        ),
        (
            disk(json!({ "name": "d", "hostDisk": { "path": "/d", "type": "Disk" } })),
            "BlockMigration",
            "DisksNotLiveMigratable",
            "cannot migrate VMI with non-shared HostDisk",
        ),
        (disk(json!({ "name": "d", "containerDisk": { "image": "i" } })), "BlockMigration", "", ""),
        (
            devices(json!({ "hostDevices": [{ "name": "gpu", "deviceName": "x" }] })),
            "LiveMigration",
            "HostDeviceNotLiveMigratable",
            "VMI uses a PCI host devices",
        ),
        (
            json!({ "domain": { "launchSecurity": { "sev": {} } } }),
            "LiveMigration",
            "SEVNotLiveMigratable",
            "VMI uses SEV",
        ),
        (pod_network(json!({ "name": "default", "masquerade": {} })), "LiveMigration", "", ""),
        (
            pod_network(json!({ "name": "default", "bridge": {} })),
            "LiveMigration",
            "InterfaceNotLiveMigratable",
            "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to \
             the pod network",
        ),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&permitting(&json!({ "pciHostDevices": [{ "resourceName": "x" }] })));
        cluster.create(&claim("shared", "ReadWriteMany"));
        cluster.create(&claim("local", "ReadWriteOnce"));
        cluster.create(&with(instance("vm"), &json!({ "spec": spec })));
        cluster.run();
        let status = cluster.get(INSTANCE, "vm")["status"].clone();
        assert_eq!(status["migrationMethod"], method, "{spec}");
        let live = condition(&cluster, "LiveMigratable");
        assert_eq!(text(&live, "/reason"), reason, "{spec}");
        assert_eq!(text(&live, "/message"), message, "{spec}");
        assert_eq!(live["status"], if reason.is_empty() { "True" } else { "False" });
        let storage = condition(&cluster, "StorageLiveMigratable");
        let is_disk = reason.is_empty() || reason == "DisksNotLiveMigratable";
        assert_eq!(storage["status"], if is_disk { "True" } else { "False" }, "{spec}");
    }
}

#[test]
fn parity_who_is_to_move_when_its_node_is_emptied_and_cannot_says_so_once() {
    for (strategy, times) in [("LiveMigrate", 1), ("LiveMigrateIfPossible", 0), ("None", 0)] {
        let mut cluster = Cluster::new();
        cluster.create(&claim("local", "ReadWriteOnce"));
        let spec = json!({ "spec": {
            "evictionStrategy": strategy,
            "volumes": [{ "name": "d", "persistentVolumeClaim": { "claimName": "local" } }],
        } });
        cluster.create(&with(instance("vm"), &spec));
        cluster.run();
        cluster.pass(60);
        cluster.run();
        let event = format!(
            "{INSTANCE}/vm Warning Migrated EvictionStrategy is set but vmi is not migratable; cannot \
             migrate VMI: PVC local is not shared, live migration requires that all PVCs must be \
             shared (using ReadWriteMany access mode)"
        );
        let found = cluster.told().iter().filter(|told| **told == event).count();
        assert_eq!(found, times, "{strategy}");
    }
}

#[test]
fn parity_an_instance_on_a_network_that_is_not_there_says_so_and_goes_on_when_it_is() {
    for (named, namespace) in [("fast", "ns"), ("kube-node-lease/fast", "kube-node-lease")] {
        let mut cluster = Cluster::new();
        let spec = json!({ "spec": {
            "networks": [{ "name": "n", "multus": { "networkName": named } }],
            "domain": { "devices": { "interfaces": [{ "name": "n", "bridge": {} }] } },
        } });
        cluster.create(&with(instance("vm"), &spec));
        cluster.settle();
        let message = format!(
            "failed to render launch manifest: failed to locate network attachment definition \
             {namespace}/fast"
        );
        let said = condition(&cluster, "Synchronized");
        assert_eq!((&said["reason"], &said["message"]), (&json!("FailedCreate"), &json!(message)));
        assert_eq!(cluster.pods_of("vm"), [] as [String; 0]);
        assert_eq!(cluster.phase(INSTANCE, "vm"), "Pending");
        let event = format!("{INSTANCE}/vm Warning FailedCreate {message}");
        assert_eq!(cluster.told().iter().filter(|told| **told == event).count(), 1);
        cluster.create(&json!({
            "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": { "name": "fast", "namespace": namespace }, "spec": {},
        }));
        cluster.run();
        assert_eq!(cluster.phase(INSTANCE, "vm"), "Running");
        assert_eq!(condition(&cluster, "Synchronized"), Value::Null);
    }
}

/// A platform whose guests may have these devices.
fn permitting(devices: &Value) -> Value {
    json!({
        "apiVersion": "kubevirt.io/v1", "kind": "KubeVirt",
        "metadata": { "name": "kubevirt", "namespace": "openshift-cnv" },
        "spec": { "configuration": { "permittedHostDevices": devices } },
    })
}

#[test]
fn parity_an_instance_gets_only_devices_that_are_permitted() {
    for (permitted, is_made) in [
        (json!({}), false),
        (json!({ "mediatedDevices": [{ "resourceName": "nvidia.com/A100" }] }), true),
        (json!({ "usb": [{ "resourceName": "nvidia.com/T4" }] }), false),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&permitting(&permitted));
        let spec = json!({ "spec": { "domain": { "devices": {
            "gpus": [{ "name": "g", "deviceName": "nvidia.com/A100" }],
        } } } });
        cluster.create(&with(instance("vm"), &spec));
        cluster.settle();
        let said = condition(&cluster, "Synchronized");
        if is_made {
            assert_eq!((said, cluster.pods_of("vm").len()), (Value::Null, 1));
        } else {
            assert_eq!(
                said["message"],
                "failed to render launch manifest: GPU nvidia.com/A100 is not permitted in \
                 permittedHostDevices configuration"
            );
            assert_eq!(cluster.pods_of("vm"), [] as [String; 0]);
        }
    }
}

#[test]
fn an_instance_that_waits_for_a_claim_says_so_and_goes_on_when_it_is_there() {
    let mut cluster = Cluster::new();
    let spec = json!({ "spec": {
        "volumes": [{ "name": "d", "dataVolume": { "name": "disk" } }],
    } });
    cluster.create(&with(instance("vm"), &spec));
    cluster.settle();
    assert_eq!(condition(&cluster, "Synchronized")["reason"], "FailedPvcNotFound");
    assert_eq!(cluster.pods_of("vm"), [] as [String; 0]);
    let event = format!(
        "{INSTANCE}/vm Warning FailedPvcNotFound PVC disk does not exist, waiting for it to appear"
    );
    assert_eq!(cluster.told().iter().filter(|told| **told == event).count(), 1);
    cluster.create(&claim("disk", "ReadWriteMany"));
    cluster.run();
    assert_eq!(cluster.phase(INSTANCE, "vm"), "Running");
    assert_eq!(condition(&cluster, "Synchronized"), Value::Null);
}

#[test]
fn a_pod_that_nobody_wants_is_not_taken_for_an_instances_and_its_name_is_not_taken() {
    let mut cluster = Cluster::new();
    cluster.create(&instance("vm"));
    cluster.settle();
    let name = cluster.pods_of("vm")[0].clone();
    cluster.delete(INSTANCE, "vm");
    cluster.run();
    // The next instance has another uid, and so another pod.
    cluster.create(&instance("vm"));
    cluster.settle();
    assert_ne!(cluster.pods_of("vm"), [name]);
}

#[test]
fn parity_an_instance_says_where_its_volumes_are() {
    let mut cluster = Cluster::new();
    cluster.create(&claim("shared", "ReadWriteMany"));
    let disks = json!({ "spec": {
        "domain": { "devices": { "disks": [
            { "name": "root", "disk": { "bus": "virtio" } },
            { "name": "init", "disk": { "bus": "virtio" } },
        ] } },
        "volumes": [
            { "name": "root", "persistentVolumeClaim": { "claimName": "shared" } },
            { "name": "init", "emptyDisk": { "capacity": "1Mi" } },
        ],
    } });
    cluster.create(&with(instance("vm"), &disks));
    cluster.settle();
    let targets = |cluster: &Cluster| {
        let said = cluster.get("VirtualMachineInstance", "vm")["status"]["volumeStatus"].clone();
        let word = |it: &Value, field: &str| it[field].as_str().unwrap().to_owned();
        let said = said.as_array().unwrap().iter();
        said.map(|it| (word(it, "name"), word(it, "target"))).collect::<Vec<_>>()
    };
    let named = |target: &str, name: &str| (name.to_owned(), target.to_owned());
    assert_eq!(targets(&cluster), [named("", "init"), named("", "root")]);
    cluster.run();
    assert_eq!(targets(&cluster), [named("vdb", "init"), named("vda", "root")]);
    let status = cluster.get("VirtualMachineInstance", "vm")["status"].clone();
    assert_eq!(
        status["volumeStatus"][1]["persistentVolumeClaimInfo"],
        json!({
            "claimName": "shared", "accessModes": ["ReadWriteMany"],
            "requests": { "storage": "1Gi" }, "volumeMode": "Filesystem",
        })
    );
}
