//! Topologies that are read, and everything that can be wrong with one.

use super::*;

fn read(text: &str) -> Topology {
    Topology::parse(text, "t.yaml").unwrap()
}

#[test]
fn nothing_said_is_three_nodes_on_one_network() {
    for text in ["", "{}", "nodes: []", "# nothing\n"] {
        let topology = read(text);
        let names: Vec<_> = topology.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["node-1", "node-2", "node-3"], "{text:?}");
        assert!(topology.nodes.iter().all(|node| node.memory.0 == Bytes::from_gib(4)));
        assert!(topology.networks.is_empty());
    }
}

#[test]
fn everything_that_can_be_said_is_read_and_written_again() {
    let text = "
nodes:
- name: a
  zone: east
  labels: {tier: gold, example.com/rack: '7'}
  taints: [dedicated=db:NoSchedule]
  memory: 2Gi
  cpus: 8
  cpuModel: Cascadelake-Server
  networks:
    fast: {linkSpeed: 100Mbit}
- name: b
networks:
- name: pod
  latency: 1ms
- name: fast
  namespace: networks
  linkSpeed: 1Gi
  latency: 500us
  nodes: [a]
links: namespaces
storage:
  shared: /srv/claims
machine: qemu
qemu: {program: /opt/qemu, accelerator: kvm}
";
    let topology = read(text);
    assert_eq!((topology.machine.name(), topology.qemu.accelerator.name()), ("qemu", "kvm"));
    let fast = &topology.networks[1];
    assert!(fast.reaches("a") && !fast.reaches("b") && topology.networks[0].reaches("b"));
    let link = fast.link_to(&topology.nodes[0]);
    assert_eq!(link.link_speed.unwrap().0.get(), 12_500_000);
    assert_eq!(link.latency.unwrap().to_string(), "500us");
    assert!(link.is_relayed());
    assert_eq!(topology.storage.shared.as_deref(), Some(std::path::Path::new("/srv/claims")));
    let written = serde_json::to_string(&topology).unwrap();
    assert_eq!(read(&written), topology);
}

#[test]
fn a_relay_stands_where_a_link_is_slowed_or_somebody_wants_one() {
    for (link, is_relayed) in [
        ("", false),
        ("latency: 0", false),
        ("relay: false", false),
        ("relay: true", true),
        ("latency: 1us", true),
        ("linkSpeed: 1Gi", true),
    ] {
        let topology = read(&format!("networks: [{{name: net, {link}}}]"));
        assert_eq!(
            topology.networks[0].link_to(&topology.nodes[0]).is_relayed(),
            is_relayed,
            "{link}"
        );
    }
    let topology = Topology::default().network(Network::named("net")).relayed();
    let node = &topology.nodes[0];
    assert!(topology.networks.iter().all(|network| network.link_to(node).is_relayed()));
    assert_eq!(topology.networks.len(), 2);
}

#[test]
fn each_bad_field_is_named_with_its_value_and_what_is_accepted() {
    for (text, said) in [
        (
            "nodez: []",
            "t.yaml: nodez: unknown field `nodez`, expected one of `nodes`, `networks`, `links`,",
        ),
        (
            "nodes: [{name: a, memroy: 1Gi}]",
            "t.yaml: nodes[0].memroy: unknown field `memroy`, expected one of `name`",
        ),
        ("nodes: [{}]", "nodes[0]: missing field `name`"),
        ("nodes: 3", "nodes: invalid type: integer `3`, expected a sequence"),
        ("nodes: [{name: A_b}]", "nodes[0].name: \"A_b\": a lowercase RFC 1123 subdomain"),
        ("nodes: [{name: a}, {name: a}]", "nodes[1].name: \"a\": another node has this name"),
        ("nodes: [{name: relay}]", "\"relay\": a testbed has other things named apiserver"),
        ("nodes: [{name: a, memory: [1]}]", "nodes[0].memory: give a text"),
        ("nodes: [{name: a, memory: 0}]", "\"0\": give a size above zero, such as 4Gi"),
        ("nodes: [{name: a, cpus: 0}]", "nodes[0].cpus: 0: give 1 to 1024"),
        ("nodes: [{name: a, cpus: -1}]", "nodes[0].cpus: invalid value: integer `-1`"),
        ("nodes: [{name: a, taints: [x]}]", "nodes[0].taints[0]: \"x\": give KEY=VALUE:EFFECT"),
        ("nodes: [{name: a, labels: {a b: c}}]", "nodes[0].labels[a b]: \"a b\": "),
        ("nodes: [{name: a, labels: {kubernetes.io/os: x}}]", "a node says this itself"),
        (
            "nodes: [{name: a, labels: {x: true}}]",
            "invalid type: boolean `true`, expected a string",
        ),
        (
            "nodes: [{name: a, networks: {fast: {}}}]",
            "nodes[0].networks: \"fast\": give one of pod",
        ),
        ("networks: [{name: net, linkSpeed: fast}]", "\"fast\": give a speed of at least 32 KiB/s"),
        ("networks: [{name: net, latency: 5}]", "\"5\": give a number of us, ms or s, such as 2ms"),
        ("networks: [{name: net, colour: red}]", "unknown field `colour`"),
        ("networks: [{name: net}, {name: net}]", "networks[1].name: \"net\": another network"),
        ("networks: [{name: net, nodes: [x]}]", "networks[0].nodes[0]: \"x\": give one of node-1,"),
        ("networks: [{name: pod, nodes: [node-1]}]", "every node is on the network of pods"),
        (
            "links: namespaces\nnetworks: [{name: mgmt}]",
            "networks[0].name: \"mgmt\": the network of daemons has this name",
        ),
        ("links: ropes", "links: unknown variant `ropes`, expected `relays` or `namespaces`"),
        (
            "qemu: {program: bin/qemu}",
            "qemu.program: \"bin/qemu\": give an absolute path, or a name",
        ),
        ("storage: {shared: here}", "storage.shared: \"here\": give an absolute path"),
        ("a: 1\n---\nb: 2", "t.yaml: 2 documents; a topology is one"),
    ] {
        let error = Topology::parse(text, "t.yaml").unwrap_err().to_string();
        assert!(error.contains(said), "{text}: no {said:?}: {error}");
        assert!(error.starts_with("t.yaml"), "{error}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "nodes: [{name: A}, {name: b, cpus: 0}]\nnetworks: [{name: net, nodes: [c]}]";
    let error = Topology::parse(text, "t.yaml").unwrap_err().to_string();
    assert_eq!(error.lines().count(), 3, "{error}");
    assert!(error.lines().all(|line| line.starts_with("t.yaml: ")));
}

#[test]
fn there_can_be_too_many_of_each() {
    for (count, holds) in [(0, false), (1, true), (MOST_NODES, true), (MOST_NODES + 1, false)] {
        assert_eq!(Topology::of_nodes(count).is_ok(), holds, "{count}");
    }
    let networks: Vec<_> = (0..MOST_NETWORKS).map(|n| format!("{{name: n{n}}}")).collect();
    let text = format!("networks: [{}]", networks.join(", "));
    let error = Topology::parse(&text, "t.yaml").unwrap_err().to_string();
    assert_eq!(error, "t.yaml: networks: 8 of them; give 0 to 7");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = Topology::read(&dir.path().join("none.yaml")).unwrap_err();
    assert!(error.to_string().ends_with("none.yaml"), "{error}");
    let error = Topology::parse("a: [", "t.yaml").unwrap_err();
    assert_eq!(error.to_string(), "t.yaml");
    assert!(std::error::Error::source(&error).is_some());
}
