//! `kubectl delete`: what goes with an object, what holds it, and who waits for what.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, WEB, field};

const OWNED: &str = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: owned
  ownerReferences:
  - {apiVersion: kubevirt.io/v1, kind: VirtualMachine, name: web, uid: UID, blockOwnerDeletion: true}
";

/// A machine and a configuration that it owns.
fn owner_and_owned() -> Result<Cluster> {
    let cluster = Cluster::with(&[WEB])?;
    let uid = field(&cluster.shell, "vm web", "metadata.uid")?;
    cluster.shell.ok_with("kubectl create -f -", &OWNED.replace("UID", &uid))?;
    Ok(cluster)
}

/// A machine that a finalizer holds.
fn held() -> String {
    WEB.replacen("labels:", "finalizers: [example.com/hold]\n  labels:", 1)
}

#[test]
fn delete_waits_until_the_object_is_gone() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let said = cluster.ok("kubectl delete vm web")?;
    assert!(said.starts_with("virtualmachine.kubevirt.io \"web\" deleted"), "{said}");
    cluster.fails("kubectl get vm web")?;
    let gone = cluster.fails("kubectl delete vm web")?;
    assert_eq!(
        gone,
        "Error from server (NotFound): virtualmachines.kubevirt.io \"web\" not found\n"
    );
    cluster.ok("kubectl delete vm web --ignore-not-found")?;
    Ok(())
}

#[test]
fn what_it_owns_goes_with_it_or_stays_as_it_is_told() -> Result<()> {
    for (cascade, stays) in [("background", false), ("foreground", false), ("orphan", true)] {
        let cluster = owner_and_owned()?;
        cluster.ok(&format!("kubectl delete vm web --cascade={cascade}"))?;
        if stays {
            let owners = field(&cluster.shell, "cm owned", "metadata.ownerReferences")?;
            assert_eq!(owners, "", "{cascade}");
        } else {
            cluster.ok("kubectl wait --for=delete cm/owned --timeout=20s")?;
        }
    }
    Ok(())
}

#[test]
fn an_object_whose_owner_never_was_is_collected() -> Result<()> {
    let cluster = Cluster::start()?;
    let orphan = OWNED.replace("UID", "6a0f4a0e-0000-4000-8000-000000000000");
    cluster.shell.ok_with("kubectl create -f -", &orphan)?;
    cluster.ok("kubectl wait --for=delete cm/owned --timeout=20s")?;
    Ok(())
}

#[test]
fn a_manifest_that_begins_with_its_namespace_is_deleted_whole() -> Result<()> {
    let cluster = Cluster::start()?;
    let manifest = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop}
";
    cluster.shell.ok_with("kubectl apply -f -", manifest)?;
    let said = cluster.shell.ok_with("kubectl delete -f -", manifest)?;
    assert!(said.contains("namespace \"shop\" deleted"), "{said}");
    assert!(said.contains("configmap \"prices\" deleted"), "{said}");
    cluster.fails("kubectl get namespace shop")?;
    Ok(())
}

#[test]
fn what_becomes_of_dependents_may_be_said_while_an_object_waits() -> Result<()> {
    let cluster = owner_and_owned()?;
    let hold = |value: &str| {
        let patch = format!(r#"{{"metadata":{{"finalizers":{value}}}}}"#);
        cluster.ok(&format!("kubectl patch vm web --type=merge -p '{patch}'"))
    };
    hold(r#"["example.com/hold"]"#)?;
    cluster.ok("kubectl delete vm web --wait=false")?;
    cluster.ok("kubectl delete vm web --wait=false --cascade=orphan")?;
    hold("null")?;
    cluster.ok("kubectl wait --for=delete vm/web --timeout=20s")?;
    assert_eq!(field(&cluster.shell, "cm owned", "metadata.ownerReferences")?, "");
    Ok(())
}

#[test]
fn finalizers_hold_an_object_until_the_last_is_taken_off() -> Result<()> {
    let cluster = Cluster::with(&[&held()])?;
    cluster.ok("kubectl delete vm web --wait=false")?;
    assert_ne!(field(&cluster.shell, "vm web", "metadata.deletionTimestamp")?, "");
    let version = field(&cluster.shell, "vm web", "metadata.resourceVersion")?;
    cluster.ok("kubectl delete vm web --wait=false")?;
    assert_eq!(field(&cluster.shell, "vm web", "metadata.resourceVersion")?, version);
    let meanwhile = cluster.shell.fails_with("kubectl create -f -", WEB)?;
    expect![[r#"
        Error from server (AlreadyExists): error when creating "STDIN": object is being deleted: virtualmachines.kubevirt.io "web" already exists
    "#]].assert_eq(&meanwhile);
    let another = cluster.fails(
        r#"kubectl patch vm web --type=merge -p '{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}'"#,
    )?;
    expect![[r#"
        The VirtualMachine "web" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/more"}
    "#]].assert_eq(&another);
    cluster.ok(r#"kubectl patch vm web --type=merge -p '{"metadata":{"finalizers":null}}'"#)?;
    cluster.fails("kubectl get vm web")?;
    Ok(())
}

#[test]
fn a_namespace_takes_its_contents_with_it() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.ok("kubectl create namespace team")?;
    cluster.shell.ok_with("kubectl create -n team -f -", WEB)?;
    cluster.ok("kubectl create configmap settings -n team")?;
    cluster.ok("kubectl delete namespace team --timeout=20s")?;
    cluster.fails("kubectl get namespace team")?;
    assert_eq!(cluster.ok("kubectl get vm,cm -A -o name | grep -v kube-root-ca || true")?, "");
    let missing = cluster.shell.fails_with("kubectl create -n team -f -", WEB)?;
    assert_eq!(
        missing,
        "Error from server (NotFound): error when creating \"STDIN\": namespaces \"team\" not found\n"
    );
    let kept = cluster.fails("kubectl delete namespace default")?;
    expect![[r#"
        Error from server (Forbidden): namespaces "default" is forbidden: this namespace may not be deleted
    "#]].assert_eq(&kept);
    Ok(())
}

#[test]
fn a_namespace_that_is_held_takes_nothing_new() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.ok("kubectl create namespace team")?;
    let held = held();
    cluster.shell.ok_with("kubectl create -n team -f -", &held)?;
    cluster.ok("kubectl delete namespace team --wait=false")?;
    cluster.ok(
        "kubectl wait namespace team --for=jsonpath={.status.phase}=Terminating --timeout=20s",
    )?;
    let refused = cluster.fails("kubectl create configmap late -n team")?;
    expect![[r#"
        error: failed to create configmap: configmaps "late" is forbidden: unable to create new content in namespace team because it is being terminated
    "#]].assert_eq(&refused);
    cluster
        .ok(r#"kubectl patch vm web -n team --type=merge -p '{"metadata":{"finalizers":null}}'"#)?;
    cluster.ok("kubectl wait --for=delete namespace/team --timeout=20s")?;
    Ok(())
}

#[test]
fn many_are_deleted_by_label_or_all_at_once() -> Result<()> {
    let cluster = Cluster::with(&[WEB, &WEB.replace("web", "db").replace("front", "back")])?;
    cluster.ok("kubectl delete vm -l tier=front")?;
    assert_eq!(cluster.ok("kubectl get vm -o name")?, "virtualmachine.kubevirt.io/db\n");
    cluster.ok("kubectl delete vm --all")?;
    assert_eq!(cluster.ok("kubectl get vm -o name")?, "");
    Ok(())
}

#[test]
fn preconditions_are_kept() -> Result<()> {
    let cluster = Cluster::with(&[WEB])?;
    let body = r#"{"preconditions":{"uid":"6a0f4a0e-0000-4000-8000-000000000000"}}"#;
    let refused = cluster.shell.fails_with(
        "kubectl delete --raw /apis/kubevirt.io/v1/namespaces/default/virtualmachines/web -f -",
        body,
    )?;
    assert!(refused.contains("the UID in the precondition (6a0f4a0e-"), "{refused}");
    cluster.ok("kubectl get vm web")?;
    Ok(())
}
