//! `ferry apply`: what it says, and that nothing is written where something is malformed.

use expect_test::expect;

use crate::common::{Cluster, INSTANCE, MACHINE};

const TWO_MAPS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {key: value}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
data: {key: value}
";

#[test]
fn objects_are_created_then_unchanged_then_configured() {
    let cluster = Cluster::start();
    cluster.write("maps.yaml", TWO_MAPS);
    cluster.write("changed/maps.json", &TWO_MAPS.replacen("value", "other", 1));
    let mut said = String::new();
    for arguments in [
        &["apply", "-f", "maps.yaml", "--dry-run"][..],
        &["apply", "-f", "maps.yaml"],
        &["apply", "-f", "maps.yaml"],
        &["apply", "-f", "changed", "--dry-run"],
        &["apply", "-f", "changed"],
        &["apply", "-f", "changed"],
    ] {
        said.push_str(&cluster.ok(arguments));
    }
    expect![[r#"
        configmap/one created (server dry run)
        configmap/two created (server dry run)
        configmap/one created
        configmap/two created
        configmap/one unchanged
        configmap/two unchanged
        configmap/one configured (server dry run)
        configmap/two unchanged (server dry run)
        configmap/one configured
        configmap/two unchanged
        configmap/one unchanged
        configmap/two unchanged
    "#]]
    .assert_eq(&said);
}

#[test]
fn every_kind_of_a_document_goes_where_it_belongs() {
    let cluster = Cluster::start();
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: red}}";
    let policy = "{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, \
                  metadata: {name: fast}, spec: {selectors: {}}}";
    let own = INSTANCE.replace("{name: web}", "{name: web, namespace: red}");
    let all = format!("{namespace}\n---\n{MACHINE}---\n{own}---\n{policy}\n");
    let run = cluster.ferry_reading(&["apply", "-n", "red", "-f", "-"], &all);
    expect![[r#"
        namespace/red created
        virtualmachine.kubevirt.io/web created
        virtualmachineinstance.kubevirt.io/web created
        migrationpolicy.migrations.kubevirt.io/fast created
    "#]]
    .assert_eq(&run.out);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(
        cluster.ok(&["get", "vm,vmi", "-A", "-o", "name"]),
        "virtualmachine.kubevirt.io/web\nvirtualmachineinstance.kubevirt.io/web\n"
    );
    assert_eq!(cluster.ferry(&["get", "vm"]).err, "No resources found in default namespace.\n");
}

#[test]
fn nothing_is_written_where_a_document_is_malformed() {
    let cluster = Cluster::start();
    let good = "{apiVersion: v1, kind: ConfigMap, metadata: {name: good}}";
    for (bad, message) in [
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: B_}}",
            "error: standard input: document 2 (ConfigMap B_): metadata.name: Invalid value: \"B_\"",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, dat: {}}",
            "error: standard input: document 2 (ConfigMap x): dat: unknown field",
        ),
        (
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}}",
            "error: standard input: document 2 (Deployment x): the server has no kind Deployment in apps/v1",
        ),
        (
            "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: x-}}",
            "error: standard input: document 2 (ConfigMap): metadata.name: Required value",
        ),
        // What only the server knows: this one is refused by the schema of its kind.
        (
            "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: 99999}]}}",
            "error: standard input: document 2 (Service x): ",
        ),
        ("{apiVersion: v1", "error: standard input: document 2: "),
    ] {
        let text = format!("{good}\n---\n{bad}\n");
        let run = cluster.ferry_reading(&["apply", "-f", "-"], &text);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        assert!(run.err.starts_with(message), "{message} in {}", run.err);
        assert_eq!(cluster.ok(&["get", "configmaps", "-o", "name"]), "", "{bad}");
    }
}

#[test]
fn a_machine_among_the_policies_is_applied_where_the_documentation_counts() {
    let misfiled = MACHINE.replace("kubevirt.io/v1", "migrations.kubevirt.io/v1alpha1");
    let cluster = Cluster::start();
    for end in ["created", "unchanged"] {
        let run = cluster.ferry_reading(&["apply", "-f", "-"], &misfiled);
        let told = format!("virtualmachine.migrations.kubevirt.io/web {end}\n");
        assert_eq!((run.code, run.out), (Some(0), told), "{}", run.err);
    }
    assert_eq!(cluster.ok(&["get", "vm", "-o", "name"]), "virtualmachine.kubevirt.io/web\n");
    // Whoever asks for machines means those of their own group.
    let there = cluster.fails(&["get", "virtualmachines.migrations.kubevirt.io"]);
    assert!(there.contains("the server has no kind"), "{there}");

    let kubevirt = Cluster::start_with(&["--semantics", "kubevirt"]);
    let run = kubevirt.ferry_reading(&["apply", "-f", "-"], &misfiled);
    let told = "the server has no kind VirtualMachine in migrations.kubevirt.io/v1alpha1\n";
    assert!(run.code == Some(1) && run.err.ends_with(told), "{run:?}");
}

#[test]
fn where_nothing_is_to_be_applied_somebody_has_mistaken_a_file() {
    let cluster = Cluster::start();
    for nothing in ["", "---\n# later\n", "{apiVersion: v1, kind: List, items: []}"] {
        let run = cluster.ferry_reading(&["apply", "-f", "-"], nothing);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{nothing:?}");
        assert_eq!(run.err, "error: no objects passed to apply\n", "{nothing:?}");
    }
}

#[test]
fn what_admission_refuses_is_told_and_the_rest_is_applied() {
    let cluster = Cluster::with(&[MACHINE]);
    let moved = "{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstanceMigration, \
                 metadata: {name: move}, spec: {vmiName: web}}";
    let map = "{apiVersion: v1, kind: ConfigMap, metadata: {name: map}}";
    let run = cluster.ferry_reading(&["apply", "-f", "-"], &format!("{moved}\n---\n{map}\n"));
    assert_eq!((run.code, run.out.as_str()), (Some(1), "configmap/map created\n"));
    expect![[r#"
        error: standard input: document 1 (VirtualMachineInstanceMigration move): admission webhook "migration-create-validator.kubevirt.io" denied the request: the VMI "default/web" does not exist
    "#]]
    .assert_eq(&run.err);
}

#[test]
fn fields_of_somebody_else_are_taken_over_only_by_force() {
    let cluster = Cluster::start();
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> =
        kube::Api::namespaced(cluster.client(), "default");
    let theirs = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "one" },
        "data": { "key": "theirs" },
    });
    let params = kube::api::PatchParams::apply("somebody");
    let patch = kube::api::Patch::Apply(&theirs);
    cluster.runtime.block_on(maps.patch("one", &params, &patch)).unwrap();
    cluster.write("map.yaml", TWO_MAPS.split("---").next().unwrap());
    let refused = cluster.fails(&["apply", "-f", "map.yaml"]);
    assert!(refused.contains("conflict with \"somebody\""), "{refused}");
    assert!(refused.contains("--force-conflicts"), "{refused}");
    let forced = cluster.ok(&["apply", "-f", "map.yaml", "--force-conflicts"]);
    assert_eq!(forced, "configmap/one configured\n");
}
