//! Which pods a guest must, or must not, be close to.

use std::collections::BTreeSet;

use ferry_api::Selector;
use ferry_scheduler::{
    ClusterSnapshot, Demand, NamespaceScope, PlacedPod, PodAffinity, PodTerm, TargetSelector,
};

use crate::{answer, cluster, demand, labels, node, pod, select};

const HOST: &str = "kubernetes.io/hostname";

fn term(pods: &str, topology_key: &str) -> PodTerm {
    PodTerm {
        pods: Some(select(pods)),
        namespaces: NamespaceScope::only("default"),
        topology_key: topology_key.to_owned(),
    }
}

fn attracted(terms: Vec<PodTerm>) -> Demand {
    Demand { pod_affinity: PodAffinity { attracted: terms, repelled: vec![] }, ..demand() }
}

fn repelled(terms: Vec<PodTerm>) -> Demand {
    Demand { pod_affinity: PodAffinity { attracted: vec![], repelled: terms }, ..demand() }
}

/// A pod of no guest.
fn app(name: &str, node: &str, app: &str) -> PlacedPod {
    PlacedPod { labels: labels([("app", app)]), ..pod(name, node, "") }
}

/// Two zones of two nodes, and a node in none.
fn zones(pods: impl IntoIterator<Item = PlacedPod>) -> ClusterSnapshot {
    cluster(
        [
            node("a1", [("zone", "a")]),
            node("a2", [("zone", "a")]),
            node("b1", [("zone", "b")]),
            node("b2", [("zone", "b")]),
            node("lost", []),
        ],
        pods,
    )
}

/// The nodes that would do, asked one by one.
fn fitting(demand: &Demand, cluster: &ClusterSnapshot) -> Vec<&'static str> {
    let fits = |name: &&str| {
        let mut demand = demand.clone();
        demand.selector = TargetSelector::merge(labels([(HOST, name)]), labels([]));
        answer(&demand, cluster) == **name
    };
    ["a1", "a2", "b1", "b2", "lost"].into_iter().filter(fits).collect()
}

#[test]
fn no_node_that_holds_a_pod_of_the_guest_will_do() {
    let mut leaving = demand();
    leaving.source_node = Some("node-1".to_owned());
    let pods = [
        pod("virt-launcher-vm-a", "node-1", "uid-of-vm"),
        pod("virt-launcher-vm-b", "node-2", "uid-of-vm"),
    ];
    let nodes = [node("node-1", []), node("node-2", [])];
    assert_eq!(
        answer(&leaving, &cluster(nodes.clone(), pods.clone())),
        "0/2 nodes are available: 1 had another pod of this VM, 1 is the source node"
    );
    let others = pods.map(|pod| PlacedPod {
        labels: labels([("kubevirt.io/created-by", "uid-of-another")]),
        ..pod
    });
    assert_eq!(answer(&leaving, &cluster(nodes, others)), "node-2");
}

#[test]
fn the_source_node_is_refused_as_such_even_if_it_is_gone_or_ailing() {
    let mut demand = demand();
    demand.source_node = Some("node-9".to_owned());
    assert_eq!(answer(&demand, &cluster([node("node-1", [])], [])), "node-1");
    demand.source_node = Some("node-1".to_owned());
    demand.selector = TargetSelector::merge(labels([("zone", "a")]), labels([]));
    assert_eq!(
        answer(&demand, &cluster([node("node-1", [])], [])),
        "0/1 nodes are available: 1 is the source node"
    );
}

#[test]
fn anti_affinity_keeps_a_guest_out_of_the_whole_topology_of_what_it_avoids() {
    let cluster = zones([app("db", "a1", "db")]);
    for (topology, expected) in [
        (HOST, vec!["a2", "b1", "b2", "lost"]),
        ("zone", vec!["b1", "b2", "lost"]),
        ("continent", vec!["a1", "a2", "b1", "b2", "lost"]),
    ] {
        let demand = repelled(vec![term("app=db", topology)]);
        assert_eq!(fitting(&demand, &cluster), expected, "{topology}");
    }
    let either = repelled(vec![term("app=web", HOST), term("app=db", HOST)]);
    assert_eq!(fitting(&either, &cluster), ["a2", "b1", "b2", "lost"]);
}

#[test]
fn affinity_wants_a_node_close_to_what_matches_every_term() {
    let cluster = zones([app("db", "a1", "db"), app("web", "b2", "web")]);
    let by_host = attracted(vec![term("app=db", HOST)]);
    assert_eq!(fitting(&by_host, &cluster), ["a1"]);
    let by_zone = attracted(vec![term("app=db", "zone")]);
    assert_eq!(fitting(&by_zone, &cluster), ["a1", "a2"]);
    let at_once = attracted(vec![term("app=db", "zone"), term("app=web", "zone")]);
    assert_eq!(fitting(&at_once, &cluster), [""; 0]);
    let twice = attracted(vec![term("app=db", "zone"), term("app=db", HOST)]);
    assert_eq!(fitting(&twice, &cluster), ["a1"]);
    assert_eq!(
        answer(&attracted(vec![term("app=cache", HOST)]), &cluster),
        "0/5 nodes are available: 5 node(s) didn't match pod affinity rules"
    );
}

#[test]
fn parity_the_first_of_a_group_that_wants_its_own_company_may_start_anywhere_with_the_topology() {
    let mut first = attracted(vec![term("group=g", "zone")]);
    first.labels.insert("group".to_owned(), "g".to_owned());
    assert_eq!(fitting(&first, &zones([])), ["a1", "a2", "b1", "b2"]);

    let mut second = pod("first", "b1", "uid-of-first");
    second.labels.insert("group".to_owned(), "g".to_owned());
    assert_eq!(fitting(&first, &zones([second])), ["b1", "b2"]);
}

#[test]
fn parity_pods_that_are_there_keep_newcomers_away_too() {
    let wary = |repels: Vec<PodTerm>| zones([PlacedPod { repels, ..app("db", "a1", "db") }]);
    let mut newcomer = demand();
    newcomer.labels.insert("noisy".to_owned(), "true".to_owned());
    let noisy = term("noisy=true", "zone");
    assert_eq!(fitting(&newcomer, &wary(vec![noisy.clone()])), ["b1", "b2", "lost"]);
    assert_eq!(fitting(&demand(), &wary(vec![noisy.clone()])).len(), 5);
    newcomer.namespace = "elsewhere".to_owned();
    assert_eq!(fitting(&newcomer, &wary(vec![noisy])).len(), 5);
    let one_node = cluster(
        [node("a1", [])],
        [PlacedPod { repels: vec![term("noisy=true", HOST)], ..app("db", "a1", "db") }],
    );
    newcomer.namespace = "default".to_owned();
    assert_eq!(
        answer(&newcomer, &one_node),
        "0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules"
    );
}

#[test]
fn a_term_with_several_values_finds_pods_with_any_of_them() {
    let either = term("tier=back, app in (cache, db, web)", HOST);
    let tier = |pod: PlacedPod| {
        let mut labels = pod.labels.clone();
        labels.insert("tier".to_owned(), "back".to_owned());
        PlacedPod { labels, ..pod }
    };
    let either_first = PodTerm { pods: Some(select("app in (cache, db, web)")), ..either.clone() };
    let pods = [app("db", "a1", "db"), app("web", "b1", "web"), app("mail", "b2", "mail")];
    let cluster = zones(pods.map(tier));
    for term in [either, either_first] {
        assert_eq!(fitting(&repelled(vec![term.clone()]), &cluster), ["a2", "b2", "lost"]);
        let mut web = demand();
        web.labels.extend(labels([("tier", "back"), ("app", "web")]));
        let wary = zones([PlacedPod { repels: vec![term], ..app("db", "a1", "db") }]);
        assert_eq!(fitting(&web, &wary), ["a2", "b1", "b2", "lost"]);
        assert_eq!(fitting(&demand(), &wary).len(), 5);
    }
}

#[test]
fn a_selector_without_values_is_held_against_every_pod() {
    let any_app = term("app", HOST);
    let cluster = zones([app("db", "a1", "db"), pod("vm", "b1", "uid")]);
    assert_eq!(fitting(&repelled(vec![any_app.clone()]), &cluster), ["a2", "b1", "b2", "lost"]);

    let anybody = PodTerm { pods: Some(Selector::default()), ..any_app.clone() };
    assert_eq!(fitting(&repelled(vec![anybody.clone()]), &cluster), ["a2", "b2", "lost"]);
    let nobody = PodTerm { pods: None, ..any_app };
    assert_eq!(fitting(&repelled(vec![nobody]), &cluster).len(), 5);

    let wary = zones([PlacedPod { repels: vec![anybody], ..app("db", "a1", "db") }]);
    assert_eq!(fitting(&demand(), &wary), ["a2", "b1", "b2", "lost"]);
}

#[test]
fn a_term_looks_into_named_namespaces_and_those_that_its_selector_matches() {
    let mut cluster = zones([app("db", "a1", "db")]);
    cluster.put_namespace("default", labels([("team", "shop")]));
    for (names, selector, found) in [
        (vec!["default"], None, true),
        (vec!["other", "default"], None, true),
        (vec!["other"], None, false),
        (vec![], None, false),
        (vec![], Some(Selector::default()), true),
        (vec![], Some(select("team=shop")), true),
        (vec!["other"], Some(select("team=bank")), false),
    ] {
        let names = names.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        let mut term = term("app=db", HOST);
        term.namespaces = NamespaceScope { names, selector };
        let expected = if found { 4 } else { 5 };
        assert_eq!(fitting(&repelled(vec![term.clone()]), &cluster).len(), expected, "{term:?}");
    }
    cluster.remove_namespace("default");
    let mut term = term("app=db", HOST);
    term.namespaces =
        NamespaceScope { names: BTreeSet::new(), selector: Some(select("team=shop")) };
    assert_eq!(fitting(&repelled(vec![term]), &cluster).len(), 5);
}
