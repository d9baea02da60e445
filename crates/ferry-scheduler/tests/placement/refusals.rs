//! Each node counts once, for the first filter that refuses it.

use ferry_scheduler::{
    Cordon, Filter, Node, NodeHealth, Taint, TaintEffect, TargetSelector, schedule,
};

use crate::{cluster, demand, labels, node, pod, resources};

/// A node that fails every filter from `first` on, and none before.
fn failing_from(first: Filter, name: &str) -> Node {
    let fails = |filter: Filter| filter >= first;
    let mut node = node(name, []);
    if fails(Filter::Ready) {
        node.health = NodeHealth::NotReady;
        node.cordon = Cordon::Closed;
    }
    if fails(Filter::Taints) {
        let (key, value) = ("gpu".to_owned(), String::new());
        node.taints.push(Taint { key, value, effect: TaintEffect::NoSchedule });
    }
    if !fails(Filter::Selector) {
        node.labels.extend(labels([("zone", "a")]));
    }
    if fails(Filter::Resources) {
        node.allocatable = resources(0, 0);
    }
    node
}

#[test]
fn a_node_counts_for_the_first_filter_that_refuses_it() {
    let mut demand = demand();
    demand.source_node = Some("from-Source".to_owned());
    let model = ("cpu-model.node.kubevirt.io/Skylake", "true");
    demand.selector = TargetSelector::merge(labels([("zone", "a"), model]), labels([]));
    let name = |filter: Filter| format!("from-{filter:?}");
    let nodes = Filter::ALL.map(|filter| failing_from(filter, &name(filter)));
    let held =
        [Filter::Source, Filter::Ready, Filter::Taints, Filter::Selector, Filter::AntiAffinity]
            .map(|filter| pod(&name(filter), &name(filter), "uid-of-vm"));

    let unschedulable = schedule(&demand, &cluster(nodes, held)).unwrap_err();
    let once_each = Filter::ALL.map(|filter| (filter, 1));
    assert_eq!(unschedulable.refusals.by_filter(), once_each.into());
    assert_eq!(unschedulable.refusals.total(), Filter::ALL.len());
    assert!(Filter::ALL.is_sorted());
}

#[test]
fn a_placement_tells_how_many_nodes_each_filter_refused() {
    let mut demand = demand();
    demand.source_node = Some("node-1".to_owned());
    demand.selector = TargetSelector::merge(labels([]), labels([("zone", "a")]));
    let nodes = [
        node("node-1", [("zone", "a")]),
        node("node-2", []),
        node("node-3", []),
        node("node-4", [("zone", "a")]),
    ];
    let placement = schedule(&demand, &cluster(nodes, [])).unwrap();
    assert_eq!(placement.node, "node-4");
    assert_eq!(placement.refusals.by_filter(), [(Filter::Source, 1), (Filter::Selector, 2)].into());
    assert_eq!(
        placement.refusals.to_string(),
        "1 is the source node, 2 didn't match node selector zone=a"
    );
}
