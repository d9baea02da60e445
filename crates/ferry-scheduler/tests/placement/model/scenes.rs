//! Small clusters with few names, so that things meet.

use std::collections::BTreeSet;

use ferry_api::Labels;
use ferry_api::{Operator, Requirement, Selector};
use ferry_scheduler::{
    Arrival, Cordon, Demand, MilliCpu, NameRequirement, NamespaceScope, Node, NodeAffinity,
    NodeHealth, NodeTerm, PlacedPod, PodAffinity, PodKey, PodTerm, PreferredTerm, Resources, Taint,
    TaintEffect, TargetSelector, ToleratedTaints, Toleration,
};
use ferry_units::Bytes;
use proptest::collection::{btree_set, vec};
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

/// A cluster, and a guest that looks for a node in it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) nodes: Vec<Node>,
    pub(super) pods: Vec<PlacedPod>,
    pub(super) demand: Demand,
}

const KEYS: [&str; 3] = ["zone", "rack", "kubernetes.io/hostname"];
const VALUES: [&str; 4] = ["1", "2", "x", ""];
const NAMES: [&str; 7] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6"];
const GUESTS: [&str; 3] = ["uid-0", "uid-1", "uid-2"];
const MODEL: &str = "cpu-model.node.kubevirt.io/M";

fn one_of<const N: usize>(texts: &'static [&'static str; N]) -> impl Strategy<Value = String> {
    select(&texts[..]).prop_map(str::to_owned)
}

fn a_few_labels() -> impl Strategy<Value = Labels> {
    vec((one_of(&KEYS), one_of(&VALUES)), 0..3).prop_map(|pairs| pairs.into_iter().collect())
}

fn selector(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Selector> {
    let values = || btree_set(one_of(&VALUES), 1..3);
    let operator = prop_oneof![
        4 => values().prop_map(Operator::In),
        2 => one_of(&VALUES).prop_map(Operator::Equals),
        1 => one_of(&VALUES).prop_map(Operator::NotEquals),
        1 => values().prop_map(Operator::NotIn),
        1 => Just(Operator::Exists),
        1 => Just(Operator::DoesNotExist),
        1 => (0..3_i64).prop_map(Operator::GreaterThan),
        1 => (0..3_i64).prop_map(Operator::LessThan),
    ];
    let requirement = (one_of(&KEYS), operator)
        .prop_map(|(key, operator)| Requirement::new(key, operator).expect("well-formed parts"));
    vec(requirement, sizes).prop_map(Selector::from_iter)
}

fn node_term() -> impl Strategy<Value = NodeTerm> {
    let name = prop_oneof![
        one_of(&NAMES).prop_map(NameRequirement::Is),
        one_of(&NAMES).prop_map(NameRequirement::IsNot),
    ];
    (selector(0..3), vec(name, 0..2)).prop_map(|(labels, names)| NodeTerm { labels, names })
}

/// Terms find pods by the labels of [`a_few_labels`] or by their guest.
fn pod_term() -> impl Strategy<Value = PodTerm> {
    let by_guest = one_of(&GUESTS).prop_map(|guest| {
        let labels = Labels::from([("kubevirt.io/created-by".to_owned(), guest)]);
        Selector::from_labels(&labels).expect("a well-formed uid")
    });
    let pods = prop_oneof![
        6 => selector(1..3).prop_map(Some),
        2 => by_guest.prop_map(Some),
        1 => Just(Some(Selector::default())),
        1 => Just(None),
    ];
    let names = btree_set(select(&["red", "blue"][..]).prop_map(str::to_owned), 1..3);
    (pods, names, one_of(&KEYS)).prop_map(|(pods, names, topology_key)| PodTerm {
        pods,
        namespaces: NamespaceScope { names, selector: None },
        topology_key,
    })
}

fn effect() -> impl Strategy<Value = TaintEffect> {
    select(vec![TaintEffect::NoSchedule, TaintEffect::PreferNoSchedule, TaintEffect::NoExecute])
}

fn taint_key() -> impl Strategy<Value = String> {
    select(&["gpu", "spot", "node.kubernetes.io/unschedulable"][..]).prop_map(str::to_owned)
}

fn taint() -> impl Strategy<Value = Taint> {
    let parts = (taint_key(), one_of(&VALUES), effect());
    parts.prop_map(|(key, value, effect)| Taint { key, value, effect })
}

fn toleration() -> impl Strategy<Value = Toleration> {
    let taints = prop_oneof![
        Just(ToleratedTaints::All),
        taint_key().prop_map(ToleratedTaints::WithKey),
        (taint_key(), one_of(&VALUES))
            .prop_map(|(key, value)| ToleratedTaints::Equal { key, value }),
    ];
    (taints, weighted(0.5, effect())).prop_map(|(taints, effect)| Toleration { taints, effect })
}

fn resources() -> impl Strategy<Value = Resources> {
    (0..4_u64, 0..4_u64)
        .prop_map(|(cpu, memory)| Resources { cpu: MilliCpu(cpu), memory: Bytes::new(memory) })
}

fn node(name: &'static str) -> impl Strategy<Value = Node> {
    let taints = prop_oneof![3 => Just(Vec::new()), 1 => vec(taint(), 1..3)];
    let health = prop_oneof![9 => Just(NodeHealth::Ready), 1 => Just(NodeHealth::NotReady)];
    let cordon = prop_oneof![9 => Just(Cordon::Open), 1 => Just(Cordon::Closed)];
    let labels = (a_few_labels(), weighted(0.9, Just("true")), weighted(0.8, Just("true")));
    (labels, taints, health, cordon, resources()).prop_map(
        move |((mut labels, alive, model), taints, health, cordon, room)| {
            let known = [("kubevirt.io/schedulable", alive), (MODEL, model)];
            let known = known.into_iter().filter_map(|(key, value)| Some((key, value?)));
            labels.extend(known.map(|(key, value)| (key.to_owned(), value.to_owned())));
            let allocatable = room + room;
            Node { name: name.to_owned(), labels, taints, health, cordon, allocatable }
        },
    )
}

fn pod(number: usize) -> impl Strategy<Value = PlacedPod> {
    let namespace = select(&["red", "blue"][..]);
    let repels = prop_oneof![3 => Just(Vec::new()), 1 => vec(pod_term(), 1..3)];
    let guest = weighted(0.7, one_of(&GUESTS));
    let arrival = select(vec![Arrival::Settled, Arrival::Inbound]);
    (namespace, one_of(&NAMES), a_few_labels(), guest, resources(), arrival, repels).prop_map(
        move |(namespace, node, mut labels, guest, requests, arrival, repels)| {
            labels.extend(guest.map(|guest| ("kubevirt.io/created-by".to_owned(), guest)));
            let key = PodKey { namespace: namespace.to_owned(), name: format!("pod-{number}") };
            PlacedPod { key, node, labels, requests, arrival, repels }
        },
    )
}

fn rarely<S: Strategy<Value: Clone>>(one: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop_oneof![3 => Just(Vec::new()), 1 => vec(one, 1..3)]
}

fn demand() -> impl Strategy<Value = Demand> {
    let affinity = (weighted(0.3, vec(node_term(), 0..3)), vec((1..=100_u8, node_term()), 0..3));
    let company = (rarely(pod_term()), rarely(pod_term()));
    let selector = (rarely((one_of(&KEYS), one_of(&VALUES))), weighted(0.3, Just(MODEL)));
    let source = weighted(0.5, one_of(&NAMES));
    (a_few_labels(), affinity, company, selector, source, rarely(toleration()), resources())
        .prop_map(|(labels, affinity, company, selector, source_node, tolerations, requests)| {
            let mut demand = Demand::new("red", "uid-0", requests);
            demand.labels.extend(labels);
            let (pairs, model) = selector;
            let vm = pairs.into_iter().chain(model.map(|key| (key.to_owned(), "true".to_owned())));
            demand.selector = TargetSelector::merge(vm.collect(), Labels::new());
            let preferred = affinity.1.into_iter();
            demand.node_affinity = NodeAffinity {
                required: affinity.0,
                preferred: preferred.map(|(weight, term)| PreferredTerm { weight, term }).collect(),
            };
            demand.pod_affinity = PodAffinity { attracted: company.0, repelled: company.1 };
            Demand { source_node, tolerations, ..demand }
        })
}

pub(super) fn scene() -> impl Strategy<Value = Scene> {
    let names = btree_set(select(&NAMES[..]), 0..NAMES.len());
    let nodes = names.prop_flat_map(|names: BTreeSet<&'static str>| {
        names.into_iter().map(node).collect::<Vec<_>>()
    });
    let pods = (0..8_usize).prop_flat_map(|count| (0..count).map(pod).collect::<Vec<_>>());
    (nodes, pods, demand()).prop_map(|(nodes, pods, demand)| Scene { nodes, pods, demand })
}
