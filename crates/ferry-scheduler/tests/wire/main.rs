//! How Kubernetes' nodes and pods are read.

mod refused;
mod requests;

use ferry_api::Labels;
use ferry_api::Selector;
use ferry_scheduler::{
    Arrival, ClusterSnapshot, Cordon, Demand, MilliCpu, NameRequirement, NamespaceScope, Node,
    NodeHealth, NodeTerm, PlacedPod, PodKey, PodTerm, PreferredTerm, Resources, Taint, TaintEffect,
    ToleratedTaints, Toleration, schedule,
};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object of this kind")
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn node(name: &str, more: &Value) -> Node {
    let mut written = json!({
        "metadata": {"name": name, "labels": {
            "kubernetes.io/hostname": name, "kubevirt.io/schedulable": "true",
        }},
        "status": {
            "allocatable": {"cpu": "15500m", "memory": "64Gi"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    });
    for (field, value) in more.as_object().expect("fields") {
        written[field] = value.clone();
    }
    Node::try_from(&object::<v1::Node>(written)).expect("a readable node")
}

/// A migration's target pod, as KubeVirt renders it.
fn launcher() -> Value {
    json!({
        "metadata": {
            "namespace": "shop", "name": "virt-launcher-db-x7x2p",
            "labels": {"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "9c2f", "app": "db"},
        },
        "spec": {
            "containers": [{"name": "compute", "resources": {"requests": {
                "cpu": "400m", "memory": "6444Mi", "devices.kubevirt.io/kvm": "1",
            }}}],
            "nodeSelector": {"kubernetes.io/arch": "amd64", "kubevirt.io/schedulable": "true"},
            "tolerations": [
                {"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                 "effect": "NoExecute", "tolerationSeconds": 300},
                {"key": "gpu", "value": "a100"},
                {"operator": "Exists", "effect": "NoSchedule"},
            ],
            "affinity": {
                "nodeAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{
                        "matchExpressions": [
                            {"key": "generation", "operator": "Gt", "values": ["2"]},
                            {"key": "node-labeller.kubevirt.io/obsolete-host-model",
                             "operator": "DoesNotExist"},
                        ],
                        "matchFields": [
                            {"key": "metadata.name", "operator": "NotIn", "values": ["node-7"]},
                        ],
                    }]},
                    "preferredDuringSchedulingIgnoredDuringExecution": [{
                        "weight": 50,
                        "preference": {"matchExpressions": [
                            {"key": "disk", "operator": "In", "values": ["ssd", "nvme"]},
                        ]},
                    }],
                },
                "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": {"kubevirt.io/created-by": "9c2f"}},
                     "topologyKey": "kubernetes.io/hostname"},
                    {"labelSelector": {}, "namespaces": ["bank"], "namespaceSelector": {},
                     "topologyKey": "zone"},
                ]},
            },
        },
    })
}

#[test]
fn a_node_is_what_its_fields_say() {
    let closed = node(
        "node-1",
        &json!({"spec": {"unschedulable": true, "taints": [
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
            {"key": "spot", "value": "true", "effect": "PreferNoSchedule"},
            {"key": "broken", "value": "", "effect": "NoExecute"},
        ]}}),
    );
    let taint = |key: &str, value: &str, effect| Taint {
        key: key.to_owned(),
        value: value.to_owned(),
        effect,
    };
    let expected = Node {
        labels: labels([("kubernetes.io/hostname", "node-1"), ("kubevirt.io/schedulable", "true")]),
        taints: vec![
            taint("node.kubernetes.io/unschedulable", "", TaintEffect::NoSchedule),
            taint("spot", "true", TaintEffect::PreferNoSchedule),
            taint("broken", "", TaintEffect::NoExecute),
        ],
        health: NodeHealth::Ready,
        cordon: Cordon::Closed,
        ..Node::new("node-1", Resources { cpu: MilliCpu(15_500), memory: Bytes::from_gib(64) })
    };
    assert_eq!(closed, expected);
}

#[test]
fn a_node_is_ready_only_while_it_says_so() {
    for (conditions, health) in [
        (json!([{"type": "Ready", "status": "True"}]), NodeHealth::Ready),
        (json!([{"type": "Ready", "status": "False"}]), NodeHealth::NotReady),
        (json!([{"type": "Ready", "status": "Unknown"}]), NodeHealth::NotReady),
        (json!([{"type": "DiskPressure", "status": "True"}]), NodeHealth::NotReady),
        (json!([]), NodeHealth::NotReady),
    ] {
        let node = node("node-1", &json!({"status": {"conditions": conditions}}));
        assert_eq!(node.health, health, "{conditions}");
        assert_eq!(node.allocatable, Resources::default());
    }
}

#[test]
fn a_target_pods_demand_is_what_its_fields_say() {
    let added = labels([("kubernetes.io/arch", "arm64"), ("zone", "a")]);
    let source = Some("node-1".to_owned());
    let demand = Demand::from_wire(&object(launcher()), source, added).unwrap();
    let requests = Resources { cpu: MilliCpu(400), memory: Bytes::from_mib(6444) };
    assert_eq!((demand.guest.as_str(), demand.namespace.as_str()), ("9c2f", "shop"));
    assert_eq!((demand.requests, demand.source_node.as_deref()), (requests, Some("node-1")));
    assert_eq!(demand.labels["app"], "db");
    assert_eq!(*demand.selector.labels(), labels([("kubernetes.io/arch", "amd64"), ("zone", "a")]));
    assert_eq!(demand.selector.dropped().len(), 1);
    let key = |key: &str| ToleratedTaints::WithKey(key.to_owned());
    let equal = ToleratedTaints::Equal { key: "gpu".to_owned(), value: "a100".to_owned() };
    let toleration = |taints, effect| Toleration { taints, effect };
    assert_eq!(
        demand.tolerations,
        [
            toleration(key("node.kubernetes.io/not-ready"), Some(TaintEffect::NoExecute)),
            toleration(equal, None),
            toleration(ToleratedTaints::All, Some(TaintEffect::NoSchedule)),
        ]
    );
}

#[test]
fn a_target_pods_affinity_is_what_its_fields_say() {
    let demand = Demand::from_wire(&object(launcher()), None, Labels::new()).unwrap();
    let select = |text: &str| Selector::parse(text).unwrap();
    let term =
        |labels: &str, names: Vec<NameRequirement>| NodeTerm { labels: select(labels), names };
    let not_seven = vec![NameRequirement::IsNot("node-7".to_owned())];
    let obsolete = "generation>2,!node-labeller.kubevirt.io/obsolete-host-model";
    assert_eq!(demand.node_affinity.required, Some(vec![term(obsolete, not_seven)]));
    let preferred = PreferredTerm { weight: 50, term: term("disk in (nvme, ssd)", vec![]) };
    assert_eq!(demand.node_affinity.preferred, [preferred]);
    let own_pods = PodTerm {
        pods: Some(select("kubevirt.io/created-by=9c2f")),
        namespaces: NamespaceScope::only("shop"),
        topology_key: "kubernetes.io/hostname".to_owned(),
    };
    let everybody = PodTerm {
        pods: Some(Selector::default()),
        namespaces: NamespaceScope {
            names: ["bank".to_owned()].into(),
            selector: Some(Selector::default()),
        },
        topology_key: "zone".to_owned(),
    };
    assert_eq!(demand.pod_affinity.repelled, [own_pods, everybody]);
    assert_eq!(demand.pod_affinity.attracted, []);
}

#[test]
fn parity_a_term_that_says_nothing_of_namespaces_looks_into_its_pods_own() {
    let only = |name: &str| NamespaceScope::only(name);
    let all = |names: &[&str]| NamespaceScope {
        names: names.iter().map(ToString::to_string).collect(),
        selector: Some(Selector::default()),
    };
    for (namespaces, selector, scope) in [
        (json!(null), json!(null), only("shop")),
        (json!([]), json!(null), only("shop")),
        (json!(["bank"]), json!(null), only("bank")),
        (json!(null), json!({}), all(&[])),
        (json!(["bank"]), json!({}), all(&["bank"])),
    ] {
        let mut pod = launcher();
        pod["spec"]["affinity"] = json!({"podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [{
                "topologyKey": "zone", "namespaces": namespaces, "namespaceSelector": selector,
            }],
        }});
        let demand = Demand::from_wire(&object(pod), None, Labels::new()).unwrap();
        assert_eq!(demand.pod_affinity.attracted[0].namespaces, scope);
        assert_eq!(demand.pod_affinity.attracted[0].pods, None);
    }
}

#[test]
fn a_pod_takes_room_from_the_time_it_has_a_node_until_it_is_over() {
    for (node, phase, takes) in [
        (json!("node-1"), json!("Running"), true),
        (json!("node-1"), json!("Pending"), true),
        (json!("node-1"), json!(null), true),
        (json!("node-1"), json!("Succeeded"), false),
        (json!("node-1"), json!("Failed"), false),
        (json!(""), json!("Pending"), false),
        (json!(null), json!("Pending"), false),
    ] {
        let mut pod = launcher();
        pod["spec"]["nodeName"] = node;
        pod["status"] = json!({"phase": phase});
        let placed = PlacedPod::from_wire(&object(pod.clone()), Arrival::Inbound).unwrap();
        assert_eq!(placed.is_some(), takes, "{pod}");
        if let Some(placed) = placed {
            let name = "virt-launcher-db-x7x2p".to_owned();
            assert_eq!(placed.key, PodKey { namespace: "shop".to_owned(), name });
            assert_eq!((placed.guest(), placed.arrival), (Some("9c2f"), Arrival::Inbound));
            assert_eq!(placed.repels.len(), 2);
        }
    }
}

#[test]
fn a_migration_to_a_label_that_no_node_has_gets_the_sentence_that_names_it() {
    let mut plain = launcher();
    plain["spec"]["affinity"] = json!(null);
    plain["spec"]["nodeSelector"] = json!({"kubevirt.io/schedulable": "true"});
    let added = labels([("accelerator", "gpu-enabled23")]);
    let mut cluster = ClusterSnapshot::new();
    cluster.extend(["node-1", "node-2", "node-3"].map(|name| node(name, &json!({}))));
    let demand = Demand::from_wire(&object(plain), Some("node-1".to_owned()), added).unwrap();
    assert_eq!(
        schedule(&demand, &cluster).unwrap_err().to_string(),
        "0/3 nodes are available: 1 is the source node, \
         2 didn't match node selector accelerator=gpu-enabled23"
    );
}
