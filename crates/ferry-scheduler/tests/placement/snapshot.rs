//! A snapshot that was kept up to date equals one that was made anew.

use ferry_scheduler::{ClusterSnapshot, NodeTerm, PodKey, Resources, TargetSelector};

use crate::{answer, cluster, demand, labels, node, pod, resources, select};

fn free(cluster: &ClusterSnapshot, name: &str) -> Option<Resources> {
    cluster.free_on(name)
}

#[test]
fn a_pod_takes_its_room_whether_it_or_its_node_comes_first() {
    let mut cluster = ClusterSnapshot::new();
    cluster.put_pod(pod("p", "node-1", "uid"));
    assert_eq!(cluster.node_count(), 0);
    cluster.put_node(node("node-1", []));
    cluster.put_pod(pod("q", "node-1", "uid"));
    assert_eq!(free(&cluster, "node-1"), Some(resources(14_000, 48)));
}

#[test]
fn a_pod_that_changes_moves_or_ends_gives_back_what_it_took() {
    let mut cluster = cluster([node("node-1", []), node("node-2", [])], []);
    cluster.put_pod(pod("p", "node-1", "uid"));
    let mut larger = pod("p", "node-1", "uid");
    larger.requests = resources(2000, 16);
    cluster.put_pod(larger.clone());
    assert_eq!(free(&cluster, "node-1"), Some(resources(14_000, 48)));

    larger.node = "node-2".to_owned();
    cluster.put_pod(larger);
    assert_eq!(free(&cluster, "node-1"), Some(resources(16_000, 64)));
    assert_eq!(free(&cluster, "node-2"), Some(resources(14_000, 48)));

    let key = PodKey { namespace: "default".to_owned(), name: "p".to_owned() };
    cluster.remove_pod(&key);
    cluster.remove_pod(&key);
    assert_eq!(free(&cluster, "node-2"), Some(resources(16_000, 64)));
}

#[test]
fn a_node_that_comes_back_finds_its_pods() {
    let mut cluster = cluster([node("node-1", [])], [pod("p", "node-1", "uid")]);
    cluster.remove_node("node-1");
    cluster.remove_node("node-1");
    assert_eq!((cluster.node_count(), free(&cluster, "node-1")), (0, None));
    cluster.put_node(node("node-1", []));
    assert_eq!(free(&cluster, "node-1"), Some(resources(15_000, 56)));
}

#[test]
fn a_node_that_lost_a_label_is_not_found_by_it_any_more() {
    let mut demand = demand();
    let zone = labels([("zone", "a")]);
    demand.selector = TargetSelector::merge(zone, labels([]));
    let nodes = [node("a", [("zone", "a")]), node("b", []), node("c", [("zone", "a")])];
    let mut cluster = cluster(nodes, []);
    cluster.put_node(node("a", []));
    assert_eq!(answer(&demand, &cluster), "c");
    let anywhere_in_a_zone = NodeTerm { labels: select("zone"), names: Vec::new() };
    let mut zoned = crate::demand();
    zoned.node_affinity.required = Some(vec![anywhere_in_a_zone]);
    assert_eq!(answer(&zoned, &cluster), "c");
    // The last node takes over the slot of the one that goes.
    cluster.remove_node("a");
    assert_eq!(answer(&demand, &cluster), "c");
    cluster.remove_node("c");
    assert_eq!(
        answer(&demand, &cluster),
        "0/1 nodes are available: 1 didn't match node selector zone=a"
    );
    assert_eq!(cluster.node("b").map(|node| node.name.as_str()), Some("b"));
}
