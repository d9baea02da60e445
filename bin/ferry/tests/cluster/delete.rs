//! `ferry delete`: what goes, what is waited for.

use std::process::Command;

use expect_test::expect;

use crate::common::{Cluster, INSTANCE, MACHINE};

const HELD: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: held, finalizers: [example.com/hold]}
";

#[test]
fn objects_go_by_name_and_by_manifest() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    cluster.write("maps/one.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: one}}");
    cluster.write("maps/two.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: two}}");
    cluster.ok(&["apply", "-f", "maps"]);
    let mut said = cluster.ok(&["delete", "-f", "maps"]);
    said.push_str(&cluster.ok(&["delete", "vmi/web", "vm/web"]));
    expect![[r#"
        configmap "one" deleted
        configmap "two" deleted
        virtualmachineinstance.kubevirt.io "web" deleted
        virtualmachine.kubevirt.io "web" deleted
    "#]]
    .assert_eq(&said);
    assert_eq!(cluster.ok(&["get", "vm,vmi,cm", "-o", "name"]), "");
}

#[test]
fn it_waits_until_the_object_is_gone() {
    let cluster = Cluster::with(&[HELD]);
    let refused = cluster.ferry(&["delete", "cm", "held", "--timeout", "1s"]);
    assert_eq!(refused.code, Some(1));
    expect![[r#"
        error: configmap/held is not gone after 1s; its finalizers may hold it
    "#]]
    .assert_eq(&refused.err);
    assert_eq!(
        cluster.ok(&["delete", "cm", "held", "--wait=false"]),
        "configmap \"held\" deleted\n"
    );
    let waiting = cluster.start_ferry(&["delete", "cm", "held"]);
    waiting.wait_for("deleted");
    cluster.apply(&HELD.replace("example.com/hold", ""));
    assert_eq!(waiting.end().code, Some(0));
}

#[test]
fn what_is_not_there_is_named_unless_nobody_minds() {
    let cluster = Cluster::start();
    assert_eq!(
        cluster.fails(&["delete", "vm", "nothing"]),
        "error: virtualmachines.kubevirt.io \"nothing\" not found\n"
    );
    assert_eq!(cluster.ok(&["delete", "vm", "nothing", "--ignore-not-found"]), "");
    for (arguments, message) in [
        (&["delete", "vm"][..], "error: which virtualmachine.kubevirt.io? name it"),
        (&["delete", "vm/.."], "error: \"..\" is no name of an object"),
        (&["delete", "vm", "a b"], "error: \"a b\" is no name of an object"),
    ] {
        let said = cluster.fails(arguments);
        assert!(said.starts_with(message), "{said}");
    }
    let usage = cluster.ferry(&["delete"]);
    assert_eq!(usage.code, Some(2), "{usage:?}");
}

/// Nothing is left behind by a command that is cut off by its reader.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let cluster = Cluster::with(&[MACHINE]);
    let script = format!("'{}' get vm -o yaml | true", env!("CARGO_BIN_EXE_ferry"));
    let output = Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .env("KUBECONFIG", cluster.server.kubeconfig())
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}
