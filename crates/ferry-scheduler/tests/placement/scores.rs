//! Which of the nodes that would do is taken.

use ferry_scheduler::{
    Arrival, NodeTerm, PlacedPod, PreferredTerm, Score, Taint, TaintEffect, ToleratedTaints,
    Toleration, schedule,
};

use crate::{cluster, demand, node, pod, resources, select};

fn soft_taint() -> Taint {
    let (key, value) = ("spot".to_owned(), "true".to_owned());
    Taint { key, value, effect: TaintEffect::PreferNoSchedule }
}

fn preferring(weight: u8, key: &str) -> PreferredTerm {
    PreferredTerm { weight, term: NodeTerm { labels: select(key), names: Vec::new() } }
}

#[test]
fn equal_nodes_are_taken_by_name() {
    let placement =
        schedule(&demand(), &cluster([node("b", []), node("a", []), node("c", [])], [])).unwrap();
    assert_eq!(placement.node, "a");
}

#[test]
fn the_share_of_memory_that_stays_free_is_worth_up_to_1000_points() {
    let mut large = node("large", []);
    large.allocatable = resources(16_000, 128);
    let pods = [pod("p1", "large", "uid-1"), pod("p2", "large", "uid-2")];
    let placement = schedule(&demand(), &cluster([node("small", []), large], pods)).unwrap();
    // 8 of 64 GiB are asked for where nothing runs yet, 24 of 128 where two others do.
    assert_eq!(placement.node, "small");
    assert_eq!(placement.score, Score { free_memory: 875, ..Score::default() });
}

#[test]
fn a_node_without_memory_has_no_share_of_it_free() {
    let mut empty = node("node-1", []);
    empty.allocatable.memory = ferry_units::Bytes::ZERO;
    let mut modest = demand();
    modest.requests = resources(0, 0);
    let placement = schedule(&modest, &cluster([empty], [])).unwrap();
    assert_eq!(placement.score, Score::default());
}

#[test]
fn preferred_terms_add_their_weights_where_they_hold() {
    let mut demand = demand();
    demand.node_affinity.preferred = vec![preferring(30, "ssd"), preferring(5, "near")];
    demand.node_affinity.preferred.push(PreferredTerm { weight: 100, term: NodeTerm::default() });
    let nodes = [node("a", []), node("b", [("ssd", ""), ("near", "")]), node("c", [("ssd", "")])];
    let placement = schedule(&demand, &cluster(nodes, [])).unwrap();
    assert_eq!(placement.node, "b");
    assert_eq!(
        placement.score,
        Score { preferred_affinity: 700, free_memory: 875, ..Score::default() }
    );
}

#[test]
fn a_soft_taint_outweighs_free_memory_unless_it_is_tolerated() {
    let mut spot = node("spot", []);
    spot.taints = vec![soft_taint()];
    let busy = (0..7).map(|number| pod(&format!("p{number}"), "full", &format!("uid-{number}")));
    let cluster = cluster([spot, node("full", [])], busy);
    let mut demand = demand();
    assert_eq!(schedule(&demand, &cluster).unwrap().node, "full");

    demand.tolerations =
        vec![Toleration { taints: ToleratedTaints::WithKey("spot".to_owned()), effect: None }];
    let placement = schedule(&demand, &cluster).unwrap();
    assert_eq!((placement.node.as_str(), placement.score.soft_taints), ("spot", 0));
}

#[test]
fn a_node_that_nobody_is_on_the_way_to_is_a_little_better() {
    let inbound = PlacedPod {
        arrival: Arrival::Inbound,
        requests: resources(0, 0),
        ..pod("incoming", "a", "uid-of-another")
    };
    let nodes = [node("a", []), node("b", [])];
    let placement = schedule(&demand(), &cluster(nodes.clone(), [inbound.clone()])).unwrap();
    assert_eq!((placement.node.as_str(), placement.score.total()), ("b", 875));

    // 2 % of a node's memory weigh as much: 64 GiB lose 1.28 GiB or more on the other one.
    let mut crowd = pod("crowd", "b", "uid-of-third");
    crowd.requests = resources(0, 2);
    let placement = schedule(&demand(), &cluster(nodes, [inbound, crowd])).unwrap();
    assert_eq!(placement.node, "a");
    assert_eq!(placement.score, Score { free_memory: 875, inbound: -20, ..Score::default() });
}
