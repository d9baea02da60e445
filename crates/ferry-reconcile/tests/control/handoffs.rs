//! What the nodes are told of a migration, and where its target may be.

use ferry_reconcile::Part;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::migrations::{INSTANCE, MIGRATION, in_phase};
use crate::nodes::Deed;
use crate::objects::{kubevirt, migration, text, with};

fn policy(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "migrations.kubevirt.io/v1alpha1", "kind": "MigrationPolicy",
        "metadata": { "name": name }, "spec": spec,
    })
}

fn state(cluster: &Cluster) -> Value {
    cluster.get(INSTANCE, "vm")["status"]["migrationState"].clone()
}

fn target(cluster: &Cluster) -> Value {
    let mut pods = cluster.pods_of("vm").into_iter().map(|name| cluster.get("Pod", &name)).rev();
    let is_target =
        |pod: &Value| pod.pointer("/metadata/labels/kubevirt.io~1migrationJobUID").is_some();
    pods.find(is_target).unwrap()
}

#[test]
fn parity_hand_off_fixes_the_settings_once_and_leaves_nothing_of_an_earlier_migration() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": { "bandwidthPerMigration": "64Mi" } })));
    cluster.create(&policy(
        "to-node-2",
        &json!({
            "allowPostCopy": true,
            "selectors": { "virtualMachineInstanceSelector": {
                "app": "vm", "kubevirt.io/migrationTargetNodeName": "node-2",
            } },
        }),
    ));
    cluster.running("vm", "node-1");
    cluster.create(&migration("first", "vm"));
    cluster.run();
    let first = state(&cluster);
    assert_eq!(first["migrationPolicyName"], "to-node-2");
    let settings = &first["migrationConfiguration"];
    assert_eq!(settings["allowPostCopy"], true);
    assert_eq!(settings["allowWorkloadDisruption"], true);
    assert_eq!(settings["bandwidthPerMigration"], "64Mi");
    assert_eq!(settings["completionTimeoutPerGiB"], 150);

    // What is changed under way is for others.
    let back = json!({ "spec": { "addedNodeSelector": { "name": "node-1" } } });
    cluster.create(&with(migration("second", "vm"), &back));
    cluster.run_while(|_, deed| matches!(deed, Deed::RunPod(_) | Deed::Listen(_)));
    let second = state(&cluster);
    assert!(second.get("migrationPolicyName").is_none());
    assert!(second.get("completed").is_none() && second.get("startTimestamp").is_none());
    assert_eq!((text(&second, "/sourceNode"), text(&second, "/targetNode")), ("node-2", "node-1"));
    cluster.create(&policy("late", &json!({ "allowAutoConverge": true, "selectors": {} })));
    cluster.run();
    assert_eq!(state(&cluster)["migrationConfiguration"], second["migrationConfiguration"]);
    assert_eq!(cluster.phase(MIGRATION, "second"), "Succeeded");
}

#[test]
fn parity_a_policy_that_sets_nothing_is_not_named() {
    let mut cluster = Cluster::new();
    cluster.create(&policy("empty", &json!({ "selectors": {} })));
    cluster.running("vm", "node-1");
    cluster.create(&migration("m", "vm"));
    cluster.run();
    assert!(state(&cluster).get("migrationPolicyName").is_none());
}

#[test]
fn parity_labels_of_a_migration_are_asked_for_with_those_of_the_vm_and_give_way_to_them() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    let own = json!({ "spec": { "nodeSelector": { "name": "node-3" } } });
    cluster.patch("user", INSTANCE, Part::Main, "vm", &own);
    let added = json!({ "spec": { "addedNodeSelector": { "name": "node-2", "kubernetes.io/hostname": "node-3" } } });
    cluster.create(&with(migration("m", "vm"), &added));
    cluster.settle();
    assert_eq!(
        target(&cluster)["spec"]["nodeSelector"],
        json!({
            "kubevirt.io/schedulable": "true", "name": "node-3", "kubernetes.io/hostname": "node-3",
        })
    );
    let apart = target(&cluster)["spec"]["affinity"]["podAntiAffinity"]
        ["requiredDuringSchedulingIgnoredDuringExecution"][0]
        .clone();
    assert_eq!(apart["topologyKey"], "kubernetes.io/hostname");
    let uid = cluster.get(INSTANCE, "vm")["metadata"]["uid"].clone();
    assert_eq!(apart["labelSelector"]["matchLabels"]["kubevirt.io/created-by"], uid);
    cluster.run();
    assert_eq!(text(&cluster.get(INSTANCE, "vm"), "/status/nodeName"), "node-3");
    // The next migration knows nothing of the labels of the first.
    assert_eq!(cluster.get(INSTANCE, "vm")["spec"]["nodeSelector"], own["spec"]["nodeSelector"]);
}

#[test]
fn parity_a_guest_with_the_model_of_its_host_looks_for_that_model() {
    let mut cluster = Cluster::new();
    let labels = json!({ "metadata": { "labels": {
        "host-model-cpu.node.kubevirt.io/Skylake": "true",
        "host-model-required-features.node.kubevirt.io/vmx": "true",
        "cpu-vendor.node.kubevirt.io/Intel": "true",
    } } });
    cluster.patch("user", "Node", Part::Main, "node-1", &labels);
    cluster.running("vm", "node-1");
    cluster.told();
    cluster.create(&migration("m", "vm"));
    cluster.settle();
    let told = cluster.told();
    let alert = "VirtualMachineInstance/vm Warning NoSuitableNodesForHostModelMigration Migration \
                 cannot proceed since no node is suitable to run the required CPU model / required \
                 features: map[cpu-feature.node.kubevirt.io/vmx:true \
                 cpu-model-migration.node.kubevirt.io/Skylake:true]";
    assert_eq!(told.iter().filter(|it| *it == alert).count(), 1, "{told:#?}");
    let selector = target(&cluster)["spec"]["nodeSelector"].clone();
    for key in [
        "cpu-model-migration.node.kubevirt.io/Skylake",
        "cpu-feature.node.kubevirt.io/vmx",
        "cpu-vendor.node.kubevirt.io/Intel",
    ] {
        assert_eq!(selector[key], "true", "{selector}");
    }
}

#[test]
fn parity_the_hardware_that_a_machine_names_is_asked_of_its_node() {
    let mut cluster = Cluster::new();
    let hardware = json!({ "spec": { "domain": {
        "cpu": {
            "model": "Haswell", "dedicatedCpuPlacement": true,
            "features": [{ "name": "aes" }, { "name": "vmx", "policy": "disable" }],
        },
        "machine": { "type": "q35" },
    } } });
    cluster.create(&with(crate::objects::instance("vm"), &hardware));
    cluster.settle();
    let pod = cluster.get("Pod", &cluster.pods_of("vm")[0]);
    assert_eq!(
        pod["spec"]["nodeSelector"],
        json!({
            "kubevirt.io/schedulable": "true",
            "kubevirt.io/cpumanager": "true",
            "cpu-model.node.kubevirt.io/Haswell": "true",
            "cpu-feature.node.kubevirt.io/aes": "true",
            "machine-type.node.kubevirt.io/q35": "true",
        })
    );
    assert_eq!(
        text(&pod, "/status/conditions/0/message").split(':').next(),
        Some("0/3 nodes are available")
    );
}

#[test]
fn two_pods_never_take_the_same_room() {
    let mut cluster = Cluster::new();
    cluster.delete("Node", "node-3");
    let large = json!({ "spec": { "domain": { "memory": { "guest": "10Gi" } } } });
    for name in ["a", "b", "c"] {
        cluster.create(&with(crate::objects::instance(name), &large));
    }
    cluster.run();
    let mut nodes: Vec<String> = ["a", "b", "c"]
        .map(|name| text(&cluster.get(INSTANCE, name), "/status/nodeName").to_owned())
        .to_vec();
    nodes.sort();
    assert_eq!(nodes, ["", "node-1", "node-2"]);
}

#[test]
fn the_target_pod_tells_since_when_its_guest_runs() {
    let mut cluster = in_phase("Running");
    cluster.do_one(|deed| matches!(deed, Deed::Arrive(_)));
    cluster.settle();
    let pod = target(&cluster);
    let key = "/metadata/annotations/kubevirt.io~1migration-target-ready-timestamp";
    assert_eq!(text(&pod, key), cluster.time().to_string());
}

#[test]
fn a_target_has_an_address_on_the_network_that_is_configured() {
    for (configured, key) in [
        ("fast", "network.node.ferry.dev/fast"),
        ("openshift-cnv/fast", "network.node.ferry.dev/fast"),
    ] {
        let mut cluster = Cluster::new();
        cluster.create(&kubevirt(&json!({ "migrations": { "network": configured } })));
        cluster.create(&json!({
            "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
            "metadata": { "name": "fast", "namespace": "openshift-cnv" }, "spec": { "config": "{}" },
        }));
        cluster.running("vm", "node-1");
        let first = cluster.pods_of("vm").remove(0);
        assert!(cluster.get("Pod", &first)["spec"]["nodeSelector"].get(key).is_none());
        cluster.create(&migration("m", "vm"));
        cluster.settle();
        assert_eq!(target(&cluster)["spec"]["nodeSelector"][key], "true", "{configured}");
        assert_eq!(cluster.phase(MIGRATION, "m"), "Scheduling", "no node has an address there");
        let labels = json!({ "metadata": { "labels": { key: "true" } } });
        cluster.patch("user", "Node", Part::Main, "node-3", &labels);
        cluster.run();
        assert_eq!(cluster.phase(MIGRATION, "m"), "Succeeded");
        assert_eq!(text(&cluster.get(INSTANCE, "vm"), "/status/nodeName"), "node-3");
    }
}

#[test]
fn hand_off_notes_where_each_setting_comes_from() {
    let mut cluster = Cluster::new();
    cluster.create(&kubevirt(&json!({ "migrations": { "bandwidthPerMigration": "64Mi" } })));
    cluster.create(&policy("fast", &json!({ "allowPostCopy": true, "selectors": {} })));
    cluster.running("vm", "node-1");
    cluster.create(&migration("m", "vm"));
    cluster.run();
    let migration = cluster.get(MIGRATION, "m");
    let noted = text(&migration, "/metadata/annotations/migration.ferry.dev~1origins");
    let noted: Value = serde_json::from_str(noted).unwrap();
    for (setting, origin) in [
        ("allowPostCopy", "policy/fast"),
        ("allowWorkloadDisruption", "policy/fast"),
        ("bandwidthPerMigration", "cluster"),
        ("progressTimeout", "default"),
    ] {
        assert_eq!(noted[setting], origin, "{setting}");
    }
    let settings = state(&cluster)["migrationConfiguration"].clone();
    let named = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(named(&noted), named(&settings), "every setting has an origin");
}
