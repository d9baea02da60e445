//! One guest among 5,000 nodes that carry 120 labels and 10 guests each.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ferry_api::Labels;
use ferry_api::Selector;
use ferry_scheduler::{
    Arrival, ClusterSnapshot, Demand, MilliCpu, NamespaceScope, Node, NodeTerm, PlacedPod, PodKey,
    PodTerm, PreferredTerm, Resources, Taint, TaintEffect, TargetSelector, schedule,
};
use ferry_units::Bytes;

const NODES: usize = 5_000;
const GUESTS_PER_NODE: usize = 10;

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn resources(cpu: u64, gib: u64) -> Resources {
    Resources { cpu: MilliCpu(cpu), memory: Bytes::from_gib(gib) }
}

fn node(number: usize) -> Node {
    let name = format!("worker-{number:04}.example.com");
    let mut node = Node::new(name.clone(), resources(64_000, 512));
    node.labels = labels([
        ("kubernetes.io/hostname", &name),
        ("kubernetes.io/arch", "amd64"),
        ("kubevirt.io/schedulable", "true"),
        ("topology.kubernetes.io/zone", &format!("zone-{}", number % 3)),
        ("topology.kubernetes.io/rack", &format!("rack-{:03}", number % 200)),
        ("generation", &(number % 7).to_string()),
        ("cpu-vendor.node.kubevirt.io/Intel", "true"),
        ("machine-type.node.kubevirt.io/pc-q35-rhel9.4.0", "true"),
    ]);
    for feature in 0..90 {
        node.labels.insert(format!("cpu-feature.node.kubevirt.io/f{feature:02}"), "true".into());
    }
    for model in 0..20 + number % 4 {
        node.labels.insert(format!("cpu-model.node.kubevirt.io/Model{model:02}"), "true".into());
    }
    if number.is_multiple_of(50) {
        let (key, value) = ("dedicated".to_owned(), "storage".to_owned());
        node.taints.push(Taint { key, value, effect: TaintEffect::NoSchedule });
    }
    node
}

fn select(text: &str) -> Selector {
    Selector::parse(text).expect("a selector")
}

fn apart(guest: &str) -> PodTerm {
    PodTerm {
        pods: Some(select(&format!("kubevirt.io/created-by={guest}"))),
        namespaces: NamespaceScope::only("shop"),
        topology_key: "kubernetes.io/hostname".to_owned(),
    }
}

fn pod(number: usize) -> PlacedPod {
    let guest = format!("{number:08}-3f1c-4a52-9d2e-0d9b8f3c6a11");
    PlacedPod {
        key: PodKey { namespace: "shop".to_owned(), name: format!("virt-launcher-{number:06}") },
        node: format!("worker-{:04}.example.com", number % NODES),
        labels: labels([
            ("kubevirt.io", "virt-launcher"),
            ("kubevirt.io/created-by", &guest),
            ("vm.kubevirt.io/name", &format!("vm-{number}")),
            ("app", if number.is_multiple_of(1_000) { "quorum" } else { "shop" }),
        ]),
        requests: resources(400, 8 + number as u64 % 32),
        arrival: if number.is_multiple_of(997) { Arrival::Inbound } else { Arrival::Settled },
        repels: vec![apart(&guest)],
    }
}

fn cluster() -> ClusterSnapshot {
    let mut cluster = ClusterSnapshot::new();
    cluster.extend((0..NODES).map(node));
    cluster.extend((0..NODES * GUESTS_PER_NODE).map(pod));
    cluster
}

/// A guest that migrates: the pod's own selector, one label for this attempt, and KubeVirt's
/// anti-affinity to its own pods.
fn demand(zone: &str) -> Demand {
    let guest = "00000042-3f1c-4a52-9d2e-0d9b8f3c6a11";
    let vm = labels([
        ("kubernetes.io/arch", "amd64"),
        ("cpu-model.node.kubevirt.io/Model21", "true"),
        ("cpu-vendor.node.kubevirt.io/Intel", "true"),
        ("machine-type.node.kubevirt.io/pc-q35-rhel9.4.0", "true"),
    ]);
    let added = labels([("topology.kubernetes.io/zone", zone)]);
    let mut demand = Demand::new("shop", guest, resources(400, 16));
    demand.source_node = Some("worker-0042.example.com".to_owned());
    demand.selector = TargetSelector::merge(vm, added);
    demand.pod_affinity.repelled.push(apart(guest));
    demand
}

/// Adds what needs more than a look at the index: numbers, weights, and a term about any pod.
fn choosy(mut demand: Demand) -> Demand {
    let term = |labels: &str| NodeTerm { labels: select(labels), names: Vec::new() };
    demand.node_affinity.required = Some(vec![
        term("generation > 2"),
        term("topology.kubernetes.io/rack notin (rack-000, rack-001)"),
    ]);
    demand.node_affinity.preferred =
        vec![PreferredTerm { weight: 50, term: term("generation > 5") }];
    demand.pod_affinity.repelled.push(PodTerm {
        pods: Some(select("app = quorum")),
        namespaces: NamespaceScope::only("shop"),
        topology_key: "topology.kubernetes.io/rack".to_owned(),
    });
    demand
}

fn placement(criterion: &mut Criterion) {
    let mut cluster = cluster();
    let common = demand("zone-1");
    assert!(schedule(&common, &cluster).is_ok());
    criterion.bench_function("placement/5000 nodes, a migration", |bencher| {
        bencher.iter(|| schedule(black_box(&common), black_box(&cluster)));
    });
    let hopeless = demand("zone-9");
    assert!(schedule(&hopeless, &cluster).is_err());
    criterion.bench_function("placement/5000 nodes, none fits", |bencher| {
        bencher.iter(|| schedule(black_box(&hopeless), black_box(&cluster)));
    });
    let choosy = choosy(demand("zone-1"));
    assert!(schedule(&choosy, &cluster).is_ok());
    criterion.bench_function("placement/5000 nodes, node and pod affinity", |bencher| {
        bencher.iter(|| schedule(black_box(&choosy), black_box(&cluster)));
    });
    criterion.bench_function("placement/5000 nodes, update of one pod and one node", |bencher| {
        let (changed_pod, changed_node) = (pod(4_711), node(4_711));
        bencher.iter(|| {
            cluster.put_pod(changed_pod.clone());
            cluster.put_node(changed_node.clone());
        });
    });
}

criterion_group!(benches, placement);
criterion_main!(benches);
