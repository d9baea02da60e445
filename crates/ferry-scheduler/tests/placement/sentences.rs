//! The sentence that a user reads where no node will do.

use ferry_scheduler::{
    Demand, Hardware, Node, NodeHealth, Taint, TaintEffect, TargetSelector, schedule,
};

use crate::{answer, cluster, demand, labels, node, resources};

fn selecting<const V: usize, const A: usize>(
    vm: [(&str, &str); V],
    added: [(&str, &str); A],
) -> Demand {
    Demand { selector: TargetSelector::merge(labels(vm), labels(added)), ..demand() }
}

#[test]
fn an_added_selector_that_no_node_satisfies_is_named() {
    let mut demand = selecting([], [("accelerator", "gpu-enabled23")]);
    demand.source_node = Some("node-1".to_owned());
    let nodes = [node("node-1", []), node("node-2", []), node("node-3", [])];
    assert_eq!(
        answer(&demand, &cluster(nodes, [])),
        "0/3 nodes are available: 1 is the source node, \
         2 didn't match node selector accelerator=gpu-enabled23"
    );
}

#[test]
fn parity_without_nodes_there_is_nothing_to_count() {
    assert_eq!(answer(&demand(), &cluster([], [])), "no nodes available to schedule pods");
}

#[test]
fn every_pair_that_a_node_lacks_is_named() {
    let demand = selecting([("zone", "a")], [("accelerator", "gpu"), ("disk", "ssd")]);
    let nodes = [
        node("node-1", [("zone", "a"), ("disk", "ssd")]),
        node("node-2", [("zone", "a"), ("disk", "ssd"), ("accelerator", "fpga")]),
        node("node-3", [("zone", "b"), ("disk", "ssd")]),
        node("node-4", []),
    ];
    assert_eq!(
        answer(&demand, &cluster(nodes, [])),
        "0/4 nodes are available: \
         1 didn't match node selector accelerator=gpu and disk=ssd and zone=a, \
         1 didn't match node selector accelerator=gpu and zone=a, \
         2 didn't match node selector accelerator=gpu"
    );
}

#[test]
fn parity_clauses_are_sorted_by_their_text_with_the_number_in_front() {
    let mut many: Vec<Node> = (0..10).map(|number| node(&format!("full-{number}"), [])).collect();
    for node in &mut many {
        node.allocatable = resources(16_000, 0);
    }
    let mut broken = [node("broken-1", []), node("broken-2", [])];
    for node in &mut broken {
        node.health = NodeHealth::NotReady;
    }
    assert_eq!(
        answer(&demand(), &cluster(many.into_iter().chain(broken), [])),
        "0/12 nodes are available: 10 Insufficient memory, 2 node(s) were not ready"
    );
}

#[test]
fn hardware_is_called_by_its_name_and_the_most_basic_lack_first() {
    let vendor = ("cpu-vendor.node.kubevirt.io/Intel", "true");
    let model = ("cpu-model.node.kubevirt.io/Skylake-Server", "true");
    let host_model = ("cpu-model-migration.node.kubevirt.io/Skylake-Client", "true");
    let machine = ("machine-type.node.kubevirt.io/pc-q35-rhel9.4.0", "true");
    let feature = ("cpu-feature.node.kubevirt.io/vmx", "true");
    let demand = selecting([vendor, model, host_model, machine, feature], []);
    let nodes = [
        node("n1", []),
        node("n2", [vendor]),
        node("n3", [vendor, model]),
        node("n4", [vendor, model, host_model]),
        node("n5", [vendor, model, host_model, machine]),
    ];
    assert_eq!(
        answer(&demand, &cluster(nodes, [])),
        "0/5 nodes are available: \
         1 didn't support CPU feature vmx, \
         1 didn't support CPU model Skylake-Client for migration, \
         1 didn't support CPU model Skylake-Server, \
         1 didn't support CPU vendor Intel, \
         1 didn't support machine type pc-q35-rhel9.4.0"
    );
    let fits = node("n6", [vendor, model, host_model, machine, feature]);
    assert_eq!(answer(&demand, &cluster([fits], [])), "n6");
    assert_eq!(demand.selector.hardware().count(), 5);
    assert!(demand.selector.labels().is_empty());
}

#[test]
fn a_label_of_the_hardware_with_another_value_than_true_is_a_plain_pair() {
    assert_eq!(Hardware::of_label("cpu-model.node.kubevirt.io/Penryn", "false"), None);
    assert_eq!(Hardware::of_label("cpu-model.node.kubevirt.io", "true"), None);
    let demand = selecting([("cpu-model.node.kubevirt.io/Penryn", "false")], []);
    assert_eq!(
        answer(&demand, &cluster([node("node-1", [])], [])),
        "0/1 nodes are available: \
         1 didn't match node selector cpu-model.node.kubevirt.io/Penryn=false"
    );
}

#[test]
fn a_sentence_lists_sixteen_clauses_at_most_and_its_numbers_still_add_up() {
    let tainted = |number: usize| {
        let mut node = node(&format!("node-{number}"), []);
        let (key, value) = ("owner".to_owned(), format!("team-{:02}", number % 40));
        node.taints.push(Taint { key, value, effect: TaintEffect::NoSchedule });
        node
    };
    let unschedulable = schedule(&demand(), &cluster((0..45).map(tainted), [])).unwrap_err();
    assert_eq!(unschedulable.refusals.iter().count(), 40);
    let sentence = unschedulable.to_string();
    let clauses: Vec<&str> =
        sentence.strip_prefix("0/45 nodes are available: ").unwrap().split(", ").collect();
    assert_eq!(clauses.len(), 16);
    assert_eq!(clauses[0], "1 node(s) had untolerated taint {owner: team-05}");
    assert_eq!(clauses[14], "2 node(s) had untolerated taint {owner: team-04}");
    assert_eq!(clauses[15], "25 for 25 other reasons");
}
