//! What is asked of a guest: start and its like, `ferry verify`, `ferry console`.

use std::time::Duration;

use expect_test::expect;
use ferry_rpc::Verification;

use crate::common::{Cluster, INSTANCE, MACHINE, Script, ScriptedNode};

#[test]
fn machines_are_started_and_stopped_in_virtctls_words() {
    let stopped = MACHINE.replace("Always", "Halted");
    let cluster = Cluster::with(&[&stopped]);
    let mut said = cluster.ok(&["start", "web"]);
    said.push_str(&cluster.ferry(&["pause", "web"]).err);
    cluster.apply(INSTANCE);
    for verb in ["pause", "unpause", "restart", "stop"] {
        let run = cluster.ferry(&[verb, "web"]);
        said.push_str(&run.out);
        said.push_str(&run.err);
    }
    said.push_str(&cluster.ferry(&["start", "nothing"]).err);
    expect![[r#"
        VM web was scheduled to start
        error: virtualmachineinstances.kubevirt.io "web" not found
        VMI web was scheduled to pause
        VMI web was scheduled to unpause
        VM web was scheduled to restart
        VM web was scheduled to stop
        error: virtualmachines.kubevirt.io "nothing" not found
    "#]]
    .assert_eq(&said);
}

#[test]
fn a_guest_that_is_whole_is_told_so_and_one_that_is_not_fails() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let whole = Verification {
        pages: 262_144,
        blocks: 512,
        wrong: 0,
        faults: Vec::new(),
        duration: Duration::from_millis(120),
    };
    let script =
        |found: &Verification| Script { verification: Some(found.clone()), ..Script::default() };
    let node = ScriptedNode::start(&cluster, "node-1", script(&whole));
    expect![[r#"
        web on node-1: 262144 pages of memory and 512 blocks of disks compared in 120 ms: all right
    "#]]
    .assert_eq(&cluster.ok(&["verify", "web"]));
    drop(node);
    let broken = Verification {
        wrong: 2,
        faults: vec!["page 7: holds version 3 of seed 1, should hold 4".to_owned()],
        ..whole
    };
    let _node = ScriptedNode::start(&cluster, "node-1", script(&broken));
    let run = cluster.ferry(&["verify", "web"]);
    assert_eq!(run.code, Some(1));
    expect![[r#"
        web on node-1: 262144 pages of memory and 512 blocks of disks compared in 120 ms: 2 WRONG
          page 7: holds version 3 of seed 1, should hold 4
          and more
    "#]]
    .assert_eq(&run.out);
    let json = cluster.ferry(&["verify", "web", "-o", "json"]);
    let said: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &said["wrong"], &said["node"]), (Some(1), &2.into(), &"node-1".into()));
}

#[test]
fn a_console_is_printed_as_it_is() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let script = Script { console: vec!["booted\n", "and on\n"], ..Script::default() };
    let _node = ScriptedNode::start(&cluster, "node-1", script);
    assert_eq!(cluster.ok(&["console", "web"]), "booted\n");
    assert_eq!(cluster.ok(&["console", "web", "-f"]), "booted\nand on\n");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let cluster = Cluster::with(&[MACHINE]);
    let mut said = cluster.fails(&["verify", "web"]);
    cluster.apply(INSTANCE);
    said.push_str(&cluster.fails(&["verify", "web"]));
    cluster.apply("{apiVersion: v1, kind: Node, metadata: {name: node-1}}");
    said.push_str(&cluster.fails(&["console", "web"]));
    let _node = ScriptedNode::start(&cluster, "node-1", Script::default());
    said.push_str(&cluster.fails(&["verify", "web"]));
    expect![[r#"
        error: web does not run in namespace default: it has no VirtualMachineInstance
        error: the cluster has no node node-1
        error: node node-1 cannot be asked: it has no address of type InternalIP
        error: default/web is not here
    "#]]
    .assert_eq(&said);
}

/// The name in a daemon's certificate is that of its node, so no node can pass for another.
#[test]
fn a_daemon_of_another_node_is_not_asked() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let other = ScriptedNode::start(&cluster, "node-2", Script::default());
    cluster.node_at("node-1", other.address);
    let said = cluster.fails(&["verify", "web"]);
    assert!(said.contains("certificate") && said.contains("node-1"), "{said}");
}
