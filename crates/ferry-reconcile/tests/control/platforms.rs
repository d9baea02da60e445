//! HyperConverged and what it keeps true of KubeVirt; nodes and their silence.

use ferry_reconcile::{Key, NODE_GRACE, Now, Part, node, platform};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::objects::text;

const KUBEVIRT: &str = "kubevirt-kubevirt-hyperconverged";
const PLATFORM: &str = "kubevirt-hyperconverged";

fn platform() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(&json!({
        "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
        "metadata": { "name": PLATFORM, "namespace": "openshift-cnv" },
        "spec": { "liveMigrationConfig": { "progressTimeout": 60, "bandwidthPerMigration": "64Mi" } },
    }));
    cluster.settle();
    cluster
}

fn migrations(cluster: &Cluster) -> Value {
    cluster.get("KubeVirt", KUBEVIRT)["spec"]["configuration"]["migrations"].clone()
}

#[test]
fn parity_hyperconverged_is_made_true_and_what_others_write_is_undone() {
    let mut cluster = platform();
    assert_eq!(migrations(&cluster)["progressTimeout"], 60);
    assert_eq!(migrations(&cluster)["parallelMigrationsPerCluster"], 5);
    assert_eq!(
        cluster.told(),
        [format!("HyperConverged/{PLATFORM} Normal Created Created KubeVirt {KUBEVIRT}")]
    );
    let edit = json!({ "spec": { "liveMigrationConfig": { "progressTimeout": null, "allowPostCopy": true } } });
    cluster.patch("user", "HyperConverged", Part::Main, PLATFORM, &edit);
    cluster.settle();
    // The key that was deleted has its default, with no restart of anything.
    assert_eq!(migrations(&cluster)["progressTimeout"], 150);
    assert_eq!(migrations(&cluster)["allowPostCopy"], true);
    assert_eq!(
        cluster.told(),
        [format!("HyperConverged/{PLATFORM} Normal Updated Updated KubeVirt {KUBEVIRT}")]
    );
    assert_eq!(cluster.metrics, [] as [String; 0]);
    let direct = json!({ "spec": { "configuration": { "migrations": {
        "progressTimeout": 1, "disableTLS": true,
    } } } });
    cluster.patch("user", "KubeVirt", Part::Main, KUBEVIRT, &direct);
    cluster.settle();
    assert_eq!(migrations(&cluster)["progressTimeout"], 150);
    assert!(migrations(&cluster).get("disableTLS").is_none());
    assert_eq!(
        cluster.told(),
        [format!("HyperConverged/{PLATFORM} Warning Overwritten Overwritten KubeVirt {KUBEVIRT}")]
    );
    assert_eq!(cluster.metrics.len(), 1);
}

/// What an object says of itself: each condition with its status and its reason.
fn says(cluster: &Cluster, kind: &str, name: &str) -> Vec<String> {
    let object = cluster.get(kind, name);
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let word = |condition: &Value, field: &str| condition[field].as_str().unwrap().to_owned();
    let one = |it: &Value| [word(it, "type"), word(it, "status"), word(it, "reason")].join(" ");
    conditions.iter().map(one).collect()
}

#[test]
fn parity_a_platform_that_stands_says_that_it_is_available() {
    let mut cluster = platform();
    assert_eq!(
        says(&cluster, "KubeVirt", KUBEVIRT),
        [
            "Created True AllResourcesCreated",
            "Available True AllComponentsReady",
            "Progressing False AllComponentsReady",
            "Degraded False AllComponentsReady",
        ]
    );
    let well = [
        "ReconcileComplete True ReconcileCompleted",
        "Available True ReconcileCompleted",
        "Progressing False ReconcileCompleted",
        "Degraded False ReconcileCompleted",
        "Upgradeable True ReconcileCompleted",
    ];
    assert_eq!(says(&cluster, "HyperConverged", PLATFORM), well);
    // Once said it is not said again, but which change it holds for.
    for progress in [70, 80] {
        let edit = json!({ "spec": { "liveMigrationConfig": { "progressTimeout": progress } } });
        cluster.patch("user", "HyperConverged", Part::Main, PLATFORM, &edit);
        cluster.pass(60);
        cluster.settle();
        for (kind, name) in [("HyperConverged", PLATFORM), ("KubeVirt", KUBEVIRT)] {
            let object = cluster.get(kind, name);
            let generation = &object["metadata"]["generation"];
            assert_eq!(&object["status"]["observedGeneration"], generation, "{kind}");
            let made = object["metadata"]["creationTimestamp"].clone();
            let conditions = object["status"]["conditions"].as_array().unwrap();
            assert!(conditions.iter().all(|it| it["lastTransitionTime"] == made), "{object}");
        }
    }
    assert_eq!(cluster.get("KubeVirt", KUBEVIRT)["status"]["phase"], "Deployed");

    let annotated =
        json!({ "metadata": { "annotations": { "kubevirt.kubevirt.io/jsonpatch": "?" } } });
    cluster.patch("user", "HyperConverged", Part::Main, PLATFORM, &annotated);
    cluster.settle();
    assert_eq!(
        says(&cluster, "HyperConverged", PLATFORM),
        [
            "ReconcileComplete False ReconcileFailed",
            "Available Unknown StatusUnknown",
            "Progressing Unknown StatusUnknown",
            "Degraded Unknown StatusUnknown",
            "Upgradeable Unknown StatusUnknown",
            "TaintedConfiguration True UnsupportedFeatureAnnotation",
        ]
    );
}

#[test]
fn a_platform_waits_for_a_kubevirt_that_says_nothing_yet() {
    let mut cluster = Cluster::new();
    cluster.create(&json!({
        "apiVersion": "hco.kubevirt.io/v1beta1", "kind": "HyperConverged",
        "metadata": { "name": PLATFORM, "namespace": "openshift-cnv" }, "spec": {},
    }));
    let key = Key::new("openshift-cnv", PLATFORM);
    let now = Now::at(cluster.time());
    let plan = platform::plan(&platform::observe(&cluster.state, &key, &now).unwrap());
    let said = format!("{:?}", plan.actions);
    for part in ["KubeVirtConditions", "KubeVirt resource has no conditions"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn parity_an_annotation_patches_the_result_and_taints_the_configuration() {
    for (patch, expected, complete) in [
        (
            r#"[{"op":"add","path":"/spec/configuration/migrations/disableTLS","value":true}]"#,
            json!(true),
            "True",
        ),
        (r#"[{"op":"remove","path":"/spec/nothing"}]"#, Value::Null, "False"),
        ("no patch", Value::Null, "False"),
    ] {
        let mut cluster = platform();
        let annotated =
            json!({ "metadata": { "annotations": { "kubevirt.kubevirt.io/jsonpatch": patch } } });
        cluster.patch("user", "HyperConverged", Part::Main, PLATFORM, &annotated);
        cluster.settle();
        assert_eq!(migrations(&cluster).get("disableTLS").cloned().unwrap_or_default(), expected);
        let status = cluster.get("HyperConverged", PLATFORM)["status"].clone();
        let of = |type_: &str| {
            let conditions = status["conditions"].as_array().unwrap().iter();
            conditions.clone().find(|it| it["type"] == type_).unwrap()["status"].clone()
        };
        assert_eq!(of("TaintedConfiguration"), "True");
        assert_eq!(of("ReconcileComplete"), complete, "{patch}");
    }
}

#[test]
fn parity_a_silent_node_is_reported_with_its_guests_and_takes_no_others() {
    let mut cluster = Cluster::new();
    cluster.running("vm", "node-1");
    cluster.silence("node-1");
    cluster.pass(39);
    cluster.settle();
    let health = |cluster: &Cluster| {
        let node = cluster.get("Node", "node-1");
        let taint = text(&node, "/spec/taints/0/key").to_owned();
        (text(&node, "/status/conditions/0/status").to_owned(), taint)
    };
    assert_eq!(health(&cluster), ("True".to_owned(), String::new()));
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": "node-1", "namespace": "kube-node-lease" },
        "spec": { "renewTime": format!("{}", cluster.time().to_micros()) },
    });
    cluster.create(&lease);
    cluster.pass(39);
    cluster.settle();
    assert_eq!(health(&cluster).0, "True", "its lease was renewed");
    cluster.pass(1);
    cluster.settle();
    assert_eq!(
        health(&cluster),
        ("Unknown".to_owned(), "node.kubernetes.io/unreachable".to_owned())
    );
    let instance = cluster.get("VirtualMachineInstance", "vm");
    assert_eq!(text(&instance, "/status/phase"), "Running");
    let conditions = instance["status"]["conditions"].as_array().unwrap();
    let ready = conditions.iter().find(|it| it["type"] == "Ready").unwrap();
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("NodeNotReady")));
    let pod = cluster.pods_of("vm")[0].clone();
    assert_eq!(
        cluster.told(),
        [
            "Node/node-1 Normal NodeNotReady Node node-1 status is now: NodeNotReady".to_owned(),
            format!("Pod/{pod} Warning NodeNotReady Node is not ready"),
        ]
    );
    let back = json!({ "metadata": { "annotations": { "silent": null } } });
    cluster.patch("user", "Node", Part::Main, "node-1", &back);
    cluster.pass(1);
    cluster.settle();
    assert_eq!(health(&cluster), ("True".to_owned(), String::new()));
    assert!(cluster.told().iter().any(|event| event.contains("NodeReady")));
}

#[test]
fn parity_a_node_is_not_blamed_for_what_nobody_could_hear() {
    let mut cluster = Cluster::new();
    cluster.silence("node-1");
    cluster.pass(30);
    let listening_since = cluster.time();
    cluster.pass(39);
    let look = |cluster: &Cluster| {
        let now = Now { listening_since, ..cluster.now() };
        let key = Key::new("", "node-1");
        node::plan(&node::observe(&cluster.state, &key, &now).unwrap())
    };
    let plan = look(&cluster);
    assert!(plan.is_empty(), "{plan:?}");
    assert_eq!(plan.revisit, Some(listening_since.after(NODE_GRACE)));
    cluster.pass(1);
    assert!(!look(&cluster).is_empty(), "now it is silent");
}
