//! Which cluster a command talks to.

use std::fs;

use crate::common::Cluster;

#[test]
fn the_flag_wins_and_the_testbed_of_the_directory_is_found() {
    let cluster = Cluster::start();
    let text = fs::read_to_string(cluster.server.kubeconfig()).unwrap();
    cluster.write("mine", &text);
    cluster.write("broken", "apiVersion: [");
    assert_eq!(cluster.ferry(&["get", "vm", "--kubeconfig", "mine"]).code, Some(0));
    let broken = cluster.fails(&["get", "vm", "--kubeconfig", "broken"]);
    assert!(broken.starts_with("error: cannot use the kubeconfig broken: "), "{broken}");
    let missing = cluster.fails(&["get", "vm", "--kubeconfig", "nowhere"]);
    assert_eq!(missing, "error: --kubeconfig nowhere: there is no such file\n");
    let empty = cluster.fails(&["get", "vm", "--kubeconfig", "/dev/null"]);
    assert!(empty.starts_with("error: cannot use the kubeconfig /dev/null: "), "{empty}");
}

#[test]
fn without_anything_the_testbed_of_the_directory_is_found() {
    let cluster = Cluster::start();
    let nothing = cluster.ferry_alone(&["get", "vm"]);
    assert_eq!(nothing.code, Some(1));
    assert!(nothing.err.starts_with("error: there is no kubeconfig: "), "{nothing:?}");
    let text = fs::read_to_string(cluster.server.kubeconfig()).unwrap();
    cluster.write(".ferry/kubeconfig", &text);
    let found = cluster.ferry_alone(&["get", "vm"]);
    assert_eq!(found.err, "No resources found in default namespace.\n");
}
