//! `ferry get -w`: what is, what changes, and what an API server's restart does to it.

use expect_test::expect;

use crate::common::{Cluster, ageless};

fn map(name: &str, data: &str) -> String {
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {data}}}")
}

#[test]
fn a_table_goes_on_across_a_restart_of_the_server() {
    let mut cluster = Cluster::with(&[&map("one", "{}")]);
    let watch = cluster.start_ferry(&["get", "cm", "-w"]);
    watch.wait_for("one");
    cluster.apply(&map("one", "{a: b}"));
    watch.wait_for("one    1");
    cluster.server.kill().unwrap();
    watch.wait_for("Trying again");
    cluster.server.start_again().unwrap();
    cluster.apply(&map("two-with-a-longer-name", "{a: b}"));
    watch.wait_for("two-with");
    cluster.ok(&["delete", "cm", "one"]);
    cluster.apply(&map("three", "{}"));
    watch.wait_for("three");
    expect![[r#"
        NAME   DATA   AGE
        one    0      AGE
        one    1      AGE
        two-with-a-longer-name   1      AGE
        one                      1      AGE
        three                    0      AGE
    "#]]
    .assert_eq(&ageless(&watch.out()));
}

#[test]
fn whole_objects_and_names_can_be_watched() {
    let cluster = Cluster::with(&[&map("one", "{}")]);
    let yaml = cluster.start_ferry(&["get", "cm", "one", "-w", "-o", "yaml"]);
    let names = cluster.start_ferry(&["get", "cm", "-w", "-o", "name"]);
    yaml.wait_for("name: one");
    names.wait_for("configmap/one\n");
    cluster.apply(&map("two", "{}"));
    cluster.apply(&map("one", "{key: changed}"));
    yaml.wait_for("key: changed");
    names.wait_for("configmap/one\nconfigmap/two\nconfigmap/one\n");
    assert!(!yaml.out().contains("name: two"), "{}", yaml.out());
    assert_eq!(yaml.out().matches("---\napiVersion: v1\n").count(), 2);
}

#[test]
fn a_server_that_was_never_there_is_not_waited_for() {
    let mut cluster = Cluster::start();
    cluster.server.kill().unwrap();
    let said = cluster.fails(&["get", "vm", "-w"]);
    assert!(said.starts_with("error: cannot reach the API server at https://127.0.0.1:"), "{said}");
    assert!(said.contains("Connection refused") && said.contains("kubeconfig"), "{said}");
}
