//! Which labels a node must have.

use ferry_api::Selector;
use ferry_scheduler::{
    Demand, DroppedPair, NameRequirement, NodeAffinity, NodeTerm, TargetSelector, schedule,
};

use crate::{answer, cluster, demand, labels, node, select};

fn selecting<const V: usize, const A: usize>(
    vm: [(&str, &str); V],
    added: [(&str, &str); A],
) -> Demand {
    Demand { selector: TargetSelector::merge(labels(vm), labels(added)), ..demand() }
}

fn requiring(terms: Vec<NodeTerm>) -> Demand {
    let node_affinity = NodeAffinity { required: Some(terms), preferred: Vec::new() };
    Demand { node_affinity, ..demand() }
}

fn term(labels: &str) -> NodeTerm {
    NodeTerm { labels: select(labels), names: Vec::new() }
}

const NO_AFFINE: &str =
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector";

#[test]
fn the_vms_labels_and_the_added_ones_must_all_be_there() {
    let cluster = cluster(
        [
            node("node-1", [("zone", "a")]),
            node("node-2", [("accelerator", "gpu-enabled23")]),
            node("node-3", [("zone", "a"), ("accelerator", "gpu-enabled23")]),
            node("node-4", [("zone", "b"), ("accelerator", "gpu-enabled23")]),
        ],
        [],
    );
    let both = selecting([("zone", "a")], [("accelerator", "gpu-enabled23")]);
    assert_eq!(answer(&both, &cluster), "node-3");
    assert_eq!(answer(&selecting([("zone", "b")], []), &cluster), "node-4");
    assert_eq!(answer(&selecting([], [("zone", "b")]), &cluster), "node-4");
}

#[test]
fn parity_where_the_vm_and_the_migration_name_the_same_label_the_vm_wins_and_the_answer_says_so() {
    let colliding = selecting(
        [("zone", "a"), ("disk", "ssd")],
        [("zone", "b"), ("disk", "ssd"), ("kubevirt.io/schedulable", "false")],
    );
    let dropped = vec![
        DroppedPair {
            key: "kubevirt.io/schedulable".to_owned(),
            dropped: "false".to_owned(),
            kept: "true".to_owned(),
        },
        DroppedPair { key: "zone".to_owned(), dropped: "b".to_owned(), kept: "a".to_owned() },
    ];
    let there = cluster([node("node-1", [("zone", "a"), ("disk", "ssd")])], []);
    let placement = schedule(&colliding, &there).unwrap();
    assert_eq!((placement.node.as_str(), &placement.dropped), ("node-1", &dropped));

    let elsewhere = cluster([node("node-1", [("zone", "b"), ("disk", "ssd")])], []);
    let unschedulable = schedule(&colliding, &elsewhere).unwrap_err();
    assert_eq!(unschedulable.dropped, dropped);
    assert_eq!(
        unschedulable.to_string(),
        "0/1 nodes are available: 1 didn't match node selector zone=a; addedNodeSelector \
         kubevirt.io/schedulable=false gives way to the VM's kubevirt.io/schedulable=true; \
         addedNodeSelector zone=b gives way to the VM's zone=a"
    );
}

#[test]
fn a_node_without_a_live_kubevirt_takes_no_guest() {
    for value in [None, Some("false")] {
        let mut silent = node("node-1", []);
        match value {
            Some(value) => {
                silent.labels.insert("kubevirt.io/schedulable".to_owned(), value.to_owned());
            }
            None => drop(silent.labels.remove("kubevirt.io/schedulable")),
        }
        assert_eq!(
            answer(&selecting([("kubevirt.io/schedulable", "true")], []), &cluster([silent], [])),
            "0/1 nodes are available: 1 didn't have label kubevirt.io/schedulable=true"
        );
    }
}

#[test]
fn required_node_affinity_knows_six_operators() {
    let cluster = cluster([node("node-1", [("generation", "7"), ("zone", "a")])], []);
    for (labels, fits) in [
        ("zone in (a, b)", true),
        ("zone in (b)", false),
        ("rack in (a)", false),
        ("zone notin (a, b)", false),
        ("zone notin (b)", true),
        ("rack notin (a)", true),
        ("zone", true),
        ("rack", false),
        ("!zone", false),
        ("!rack", true),
        ("generation > 6", true),
        ("generation > 7", false),
        ("generation < 8", true),
        ("generation < 7", false),
        ("zone > 0", false),
        ("zone < 9", false),
        ("rack > 0", false),
        ("rack < 9", false),
        ("zone = a", true),
        ("rack = a", false),
        ("zone != a", false),
        ("rack != a", true),
    ] {
        let expected = if fits { "node-1" } else { NO_AFFINE };
        assert_eq!(answer(&requiring(vec![term(labels)]), &cluster), expected, "{labels}");
    }
}

#[test]
fn terms_are_alternatives_and_what_a_term_lists_must_all_hold() {
    let cluster = cluster([node("node-1", [("zone", "a"), ("disk", "ssd")])], []);
    for (terms, fits) in [
        (vec![term("zone=a, disk=ssd")], true),
        (vec![term("zone=a, disk=hdd")], false),
        (vec![term("zone=b"), term("disk=ssd")], true),
        (vec![term("zone=b"), term("disk=hdd")], false),
    ] {
        let expected = if fits { "node-1" } else { NO_AFFINE };
        assert_eq!(answer(&requiring(terms), &cluster), expected);
    }
}

#[test]
fn parity_an_empty_term_matches_no_node() {
    let cluster = cluster([node("node-1", [("zone", "a")])], []);
    let empty = NodeTerm::default();
    assert_eq!(answer(&requiring(vec![]), &cluster), NO_AFFINE);
    assert_eq!(answer(&requiring(vec![empty.clone()]), &cluster), NO_AFFINE);
    assert_eq!(answer(&requiring(vec![empty, term("zone")]), &cluster), "node-1");
}

#[test]
fn a_term_can_ask_for_a_name() {
    let cluster = cluster([node("node-1", []), node("node-2", [])], []);
    let named = |names: Vec<NameRequirement>| {
        requiring(vec![NodeTerm { labels: Selector::default(), names }])
    };
    let is = |name: &str| NameRequirement::Is(name.to_owned());
    let is_not = |name: &str| NameRequirement::IsNot(name.to_owned());
    let none = "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector";
    for (names, expected) in [
        (vec![is("node-2")], "node-2"),
        (vec![is_not("node-1")], "node-2"),
        (vec![is("node-3")], none),
        (vec![is_not("node-3")], "node-1"),
        (vec![is("node-1"), is_not("node-1")], none),
    ] {
        assert_eq!(answer(&named(names.clone()), &cluster), expected, "{names:?}");
    }
}

#[test]
fn plain_pairs_and_affinity_must_both_hold_and_pairs_are_asked_first() {
    let cluster = cluster([node("node-1", [("zone", "a")]), node("node-2", [("disk", "ssd")])], []);
    let mut demand = selecting([("zone", "a")], []);
    demand.node_affinity.required = Some(vec![term("disk")]);
    assert_eq!(
        answer(&demand, &cluster),
        "0/2 nodes are available: 1 didn't match node selector zone=a, \
         1 node(s) didn't match Pod's node affinity/selector"
    );
}

#[test]
fn a_selector_may_have_more_than_64_pairs() {
    let key = |number: usize| format!("label-{number:03}");
    let vm = (0..130).map(|number| (key(number), "yes".to_owned()));
    let mut demand = demand();
    demand.selector = TargetSelector::merge(vm.clone().collect(), labels([]));
    let mut complete = node("node-1", []);
    complete.labels.extend(vm);
    let mut lacking = complete.clone();
    lacking.labels.retain(|label, _| ![key(70), key(127), key(129)].contains(label));
    assert_eq!(answer(&demand, &cluster([complete], [])), "node-1");
    assert_eq!(
        answer(&demand, &cluster([lacking], [])),
        "0/1 nodes are available: 1 didn't match node selector label-070=yes and label-127=yes"
    );
}
