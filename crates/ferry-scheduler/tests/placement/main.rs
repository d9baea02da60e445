//! Placement's behaviour, seen from outside.

mod company;
mod labels;
mod model;
mod refusals;
mod resources;
mod scores;
mod sentences;
mod snapshot;
mod taints;

use ferry_api::Labels;
use ferry_api::Selector;
use ferry_scheduler::{
    Arrival, ClusterSnapshot, Demand, MilliCpu, Node, PlacedPod, PodKey, Resources, schedule,
};
use ferry_units::Bytes;

/// CPU time in thousandths of a core and memory in GiB.
const fn resources(cpu: u64, gib: u64) -> Resources {
    Resources { cpu: MilliCpu(cpu), memory: Bytes::from_gib(gib) }
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> Labels {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// A selector as kubectl's `-l` takes it.
fn select(text: &str) -> Selector {
    Selector::parse(text).expect("a selector")
}

/// A node that takes guests: 16 cores, 64 GiB, and these labels on top of the usual ones.
fn node<const N: usize>(name: &str, more: [(&str, &str); N]) -> Node {
    let mut node = Node::new(name, resources(16_000, 64));
    node.labels = labels([("kubernetes.io/hostname", name), ("kubevirt.io/schedulable", "true")]);
    node.labels.extend(labels(more));
    node
}

/// A pod of the guest `guest` on `node` that takes 1 core and 8 GiB.
fn pod(name: &str, node: &str, guest: &str) -> PlacedPod {
    PlacedPod {
        key: PodKey { namespace: "default".to_owned(), name: name.to_owned() },
        node: node.to_owned(),
        labels: labels([("kubevirt.io/created-by", guest)]),
        requests: resources(1000, 8),
        arrival: Arrival::Settled,
        repels: Vec::new(),
    }
}

/// A guest that asks for 1 core and 8 GiB.
fn demand() -> Demand {
    Demand::new("default", "uid-of-vm", resources(1000, 8))
}

fn cluster(
    nodes: impl IntoIterator<Item = Node>,
    pods: impl IntoIterator<Item = PlacedPod>,
) -> ClusterSnapshot {
    let mut cluster = ClusterSnapshot::new();
    cluster.extend(nodes);
    cluster.extend(pods);
    cluster
}

/// The chosen node, or the sentence.
fn answer(demand: &Demand, cluster: &ClusterSnapshot) -> String {
    match schedule(demand, cluster) {
        Ok(placement) => placement.node,
        Err(unschedulable) => unschedulable.to_string(),
    }
}
