//! `kubectl get`: tables as the real system prints them, and everything else that it can print.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, NODE, WEB, WEB_INSTANCE, ageless, rows};

const MIGRATION: &str = "\
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: move-web}
spec: {vmiName: web}
";

const POLICY: &str = "\
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: careful}
spec:
  allowPostCopy: false
  selectors:
    virtualMachineInstanceSelector: {app: shop}
";

#[test]
fn tables_have_the_columns_of_the_real_system() -> Result<()> {
    let cluster = Cluster::with(&[NODE, WEB, WEB_INSTANCE, MIGRATION, POLICY])?;
    let tables: Result<Vec<_>> =
        ["vm", "vmi", "vmi -o wide", "vmim", "migrationpolicy", "nodes", "ns", "vmis -A"]
            .iter()
            .map(|what| {
                Ok(format!("{what}\n{}", ageless(&cluster.ok(&format!("kubectl get {what}"))?)))
            })
            .collect();
    expect![[r#"
        vm
        NAME | AGE | STATUS | READY
        web | AGE
        vmi
        NAME | AGE | PHASE | IP | NODENAME | READY
        web | AGE | Running | 10.244.0.7 | node-1 | True
        vmi -o wide
        NAME | AGE | PHASE | IP | NODENAME | READY | LIVE-MIGRATABLE | PAUSED
        web | AGE | Running | 10.244.0.7 | node-1 | True | True
        vmim
        NAME | PHASE | VMI
        move-web | web
        migrationpolicy
        NAME | AGE
        careful | AGE
        nodes
        NAME | STATUS | ROLES | AGE | VERSION
        node-1 | Ready | worker | AGE | v1.36.0
        ns
        NAME | STATUS | AGE
        default | Active | AGE
        kube-node-lease | Active | AGE
        kube-public | Active | AGE
        kube-system | Active | AGE
        vmis -A
        NAMESPACE | NAME | AGE | PHASE | IP | NODENAME | READY
        default | web | AGE | Running | 10.244.0.7 | node-1 | True
    "#]]
    .assert_eq(&tables?.concat());
    Ok(())
}

#[test]
fn one_object_can_be_printed_in_every_way() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let yaml = cluster.ok("kubectl get vm web -o yaml")?;
    for part in ["apiVersion: kubevirt.io/v1\n", "kind: VirtualMachine\n", "guest: 1Gi", "uid: "] {
        assert!(yaml.contains(part), "{part} in\n{yaml}");
    }
    assert!(!yaml.contains("managedFields"), "kubectl hides them:\n{yaml}");
    let json = cluster.ok("kubectl get vm web -o json --show-managed-fields")?;
    assert!(json.contains("\"manager\": \"kubectl-create\""), "{json}");
    for (output, printed) in [
        ("name", "virtualmachine.kubevirt.io/web\n"),
        ("jsonpath='{.spec.template.spec.domain.memory.guest}'", "1Gi"),
        ("go-template='{{.metadata.generation}}'", "1"),
        (
            "custom-columns=NAME:.metadata.name,STRATEGY:.spec.runStrategy",
            "NAME   STRATEGY\nweb    Always\n",
        ),
    ] {
        assert_eq!(cluster.ok(&format!("kubectl get vm web -o {output}"))?, printed, "{output}");
    }
    Ok(())
}

#[test]
fn lists_are_selected_by_labels_fields_and_namespaces() -> Result<()> {
    let cluster = Cluster::with(&[WEB, &WEB.replace("web", "db").replace("front", "back")])?;
    cluster.ok("kubectl create namespace other")?;
    cluster.shell.ok_with("kubectl create -n other -f -", WEB)?;
    for (command, names) in [
        ("kubectl get vm -o name", &["db", "web"][..]),
        ("kubectl get vm -A -o name", &["db", "web", "web"]),
        ("kubectl get vm -n other -o name", &["web"]),
        ("kubectl get vm -l tier=front -o name", &["web"]),
        ("kubectl get vm -l 'tier in (front,back),app=shop' -o name", &["db", "web"]),
        ("kubectl get vm -l 'tier!=front' -o name", &["db"]),
        ("kubectl get vm -l '!tier' -o name", &[]),
        ("kubectl get vm --field-selector metadata.name=db -o name", &["db"]),
        ("kubectl get vm -A --field-selector metadata.namespace!=default -o name", &["web"]),
        ("kubectl get vm --sort-by=.metadata.labels.tier -o name", &["db", "web"]),
        ("kubectl get vm --chunk-size=1 -o name", &["db", "web"]),
    ] {
        let printed = cluster.ok(command)?;
        let found: Vec<_> = printed
            .lines()
            .filter_map(|line| line.strip_prefix("virtualmachine.kubevirt.io/"))
            .collect();
        assert_eq!(found, names, "{command}");
    }
    let everywhere = cluster.ok("kubectl get vm -A --no-headers")?;
    let namespaces: Vec<_> = rows(&everywhere).iter().map(|row| row[0].to_owned()).collect();
    assert_eq!(namespaces, ["default", "default", "other"]);
    let labels = cluster.ok("kubectl get vm web --show-labels --no-headers")?;
    assert!(labels.contains("app=shop,tier=front"), "{labels}");
    Ok(())
}

#[test]
fn a_watch_shows_what_is_and_then_what_changes() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let script = "\
kubectl get vm -w -o custom-columns=NAME:.metadata.name,TIER:.metadata.labels.tier > seen &
watch=$!
until grep -q front seen; do :; done
kubectl label vm web tier=middle --overwrite >/dev/null
until grep -q middle seen; do :; done
kubectl delete vm web --wait=false >/dev/null
until [ \"$(wc -l < seen)\" -ge 4 ]; do :; done
kill $watch
wait $watch || true
cat seen";
    expect![[r#"
        NAME   TIER
        web    front
        web    middle
        web    middle
    "#]]
    .assert_eq(&cluster.ok(script)?);
    Ok(())
}

#[test]
fn what_is_not_there_is_named() -> Result<()> {
    let cluster = Cluster::start()?;
    for (command, message) in [
        (
            "kubectl get vm nothing",
            "Error from server (NotFound): virtualmachines.kubevirt.io \"nothing\" not found\n",
        ),
        ("kubectl get pod nothing", "Error from server (NotFound): pods \"nothing\" not found\n"),
        (
            "kubectl get deployments",
            "error: the server doesn't have a resource type \"deployments\"\n",
        ),
        (
            "kubectl get vm --field-selector spec.running=true",
            "Error from server (BadRequest): Unable to find \"kubevirt.io/v1, Resource=virtualmachines\" that match label selector \"\", field selector \"spec.running=true\": field label not supported: spec.running\n",
        ),
    ] {
        assert_eq!(cluster.fails(command)?, message, "{command}");
    }
    let nothing = cluster.shell.run("kubectl get vm")?;
    assert_eq!(nothing.stderr, "No resources found in default namespace.\n");
    Ok(())
}

#[test]
fn everything_is_one_category() -> Result<()> {
    let cluster = Cluster::with(&[WEB, WEB_INSTANCE])?;
    let names = cluster.ok("kubectl get all -o name")?;
    for name in ["virtualmachine.kubevirt.io/web", "virtualmachineinstance.kubevirt.io/web"] {
        assert_eq!(names.matches(&format!("{name}\n")).count(), 1, "{names}");
    }
    Ok(())
}
