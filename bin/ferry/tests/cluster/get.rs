//! `ferry get`: tables as kubectl prints them, and whole objects.

use expect_test::expect;

use crate::common::{Cluster, INSTANCE, MACHINE, ageless};

const MIGRATION: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: move-web}
spec: {vmiName: web}
";

#[test]
fn tables_are_those_of_kubectl() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE, MIGRATION]);
    let mut tables = Vec::new();
    for words in [
        "vm",
        "vmi -o wide",
        "vmim",
        "virtualmachineinstances.v1.kubevirt.io web",
        "VirtualMachine",
        "ns kube-system kube-public",
        "vmis -A",
        "vm,vmi",
        "vm/web ns/default",
        "vm --no-headers",
        "vm --selector app=web",
    ] {
        let arguments: Vec<_> = ["get"].into_iter().chain(words.split(' ')).collect();
        let run = cluster.ferry(&arguments);
        assert_eq!(run.code, Some(0), "{run:?}");
        tables.push(format!("$ get {words}\n{}{}", ageless(&run.out), run.err));
    }
    expect![[r#"
        $ get vm
        NAME   AGE   STATUS   READY
        web    AGE
        $ get vmi -o wide
        NAME   AGE   PHASE     IP    NODENAME   READY   LIVE-MIGRATABLE   PAUSED
        web    AGE   Running         node-1     True    True
        $ get vmim
        NAME       PHASE   VMI
        move-web           web
        $ get virtualmachineinstances.v1.kubevirt.io web
        NAME   AGE   PHASE     IP    NODENAME   READY
        web    AGE   Running         node-1     True
        $ get VirtualMachine
        NAME   AGE   STATUS   READY
        web    AGE
        $ get ns kube-system kube-public
        NAME          STATUS   AGE
        kube-system   Active   AGE
        kube-public   Active   AGE
        $ get vmis -A
        NAMESPACE   NAME   AGE   PHASE     IP    NODENAME   READY
        default     web    AGE   Running         node-1     True
        $ get vm,vmi
        NAME                             AGE   STATUS   READY
        virtualmachine.kubevirt.io/web   AGE

        NAME                                     AGE   PHASE     IP    NODENAME   READY
        virtualmachineinstance.kubevirt.io/web   AGE   Running         node-1     True
        $ get vm/web ns/default
        NAME                             AGE   STATUS   READY
        virtualmachine.kubevirt.io/web   AGE

        NAME                STATUS   AGE
        namespace/default   Active   AGE
        $ get vm --no-headers
        web   AGE
        $ get vm --selector app=web
        No resources found in default namespace.
    "#]]
    .assert_eq(&tables.concat());
}

#[test]
fn whole_objects_are_for_programs() {
    let cluster = Cluster::with(&[MACHINE, INSTANCE]);
    let yaml = cluster.ok(&["get", "vm", "web", "-o", "yaml"]);
    assert!(yaml.starts_with("apiVersion: kubevirt.io/v1\nkind: VirtualMachine\n"), "{yaml}");
    assert!(yaml.contains("guest: 1Gi") && !yaml.contains("managedFields"), "{yaml}");
    let json = cluster.ok(&["get", "vm,vmi", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(list["kind"], "List");
    let kinds: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| item["kind"].clone()).collect();
    assert_eq!(kinds, ["VirtualMachine", "VirtualMachineInstance"]);
    // What is printed can be applied again.
    let items = cluster.ok(&["get", "vm", "web", "-o", "name"]);
    assert_eq!(items, "virtualmachine.kubevirt.io/web\n");
    let none = cluster.ok(&["get", "vmim", "-o", "json"]);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&none).unwrap()["items"],
        serde_json::json!([])
    );
}

#[test]
fn one_object_is_in_one_namespace() {
    let cluster = Cluster::with(&[MACHINE]);
    for words in [&["vm", "web"][..], &["vm/web"]] {
        let refused = cluster.fails(&[&["get", "-A"], words].concat());
        let told = "error: a resource cannot be retrieved by name across all namespaces\n";
        assert_eq!(refused, told);
    }
    cluster.ok(&["get", "ns", "default", "-A"]);
    let refused = cluster.fails(&["get", "vm", "-n", "a b"]);
    assert!(refused.starts_with("error: \"a b\" is no name of a namespace: "), "{refused}");
}

#[test]
fn lists_are_selected() {
    let labelled = |name: &str, tier: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, labels: {{tier: {tier}}}}}}}"
        )
    };
    let cluster = Cluster::with(&[&labelled("a", "front"), &labelled("b", "back")]);
    for (arguments, names) in [
        (&["-l", "tier=front"][..], "configmap/a\n"),
        (&["-l", "tier!=front"], "configmap/b\n"),
        (&["-l", "tier in (front,back)"], "configmap/a\nconfigmap/b\n"),
        (&["--field-selector", "metadata.name=b"], "configmap/b\n"),
        (&["-n", "kube-system"], ""),
    ] {
        let all = [&["get", "cm", "-o", "name"], arguments].concat();
        assert_eq!(cluster.ok(&all), names, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_is_told() {
    let cluster = Cluster::with(&[MACHINE]);
    for (arguments, message) in [
        (
            &["get", "vm", "nothing"][..],
            "error: virtualmachines.kubevirt.io \"nothing\" not found\n",
        ),
        (&["get", "deployments"], "error: the server has no kind \"deployments\"; it has "),
        (&["get", "vm/web", "vmi"], "error: \"vmi\" has no name; "),
        (&["get", "vm", "web", "-l", "a=b"], "error: objects are either named or selected"),
        (&["get", "vm,vmi", "-w"], "error: only one kind, or one object, can be watched"),
        (&["get", "vm", "-l", "a b"], "error: "),
    ] {
        let said = cluster.fails(arguments);
        assert!(said.starts_with(message), "{said}");
    }
    let run = cluster.ferry(&["get", "vm/web", "vm/nothing"]);
    assert_eq!(run.code, Some(1));
    assert!(run.out.contains("web") && run.err.contains("nothing"), "{run:?}");
}
