//! Nodes: cordon, uncordon, taint and drain, which is what moves virtual machines in the real system.

use anyhow::Result;
use expect_test::expect;

use crate::common::{Cluster, field};

#[test]
fn a_node_is_cordoned_tainted_and_opened_again() -> Result<()> {
    let cluster = Cluster::with_a_machine_that_runs()?;
    assert_eq!(cluster.ok("kubectl cordon node-1")?, "node/node-1 cordoned\n");
    let row = cluster.ok("kubectl get nodes --no-headers")?;
    assert!(row.contains("Ready,SchedulingDisabled"), "{row}");
    assert_eq!(cluster.ok("kubectl uncordon node-1")?, "node/node-1 uncordoned\n");
    cluster.ok("kubectl taint nodes node-1 kubevirt.io/drain=draining:NoSchedule")?;
    assert_eq!(field(&cluster.shell, "node node-1", "spec.taints[0].key")?, "kubevirt.io/drain");
    cluster.ok("kubectl taint nodes node-1 kubevirt.io/drain:NoSchedule-")?;
    assert_eq!(field(&cluster.shell, "node node-1", "spec.taints")?, "");
    Ok(())
}

#[test]
fn a_drain_marks_the_machine_and_goes_on_when_its_pod_is_gone() -> Result<()> {
    let cluster = Cluster::with_a_machine_that_runs()?;
    // Nobody migrates it here, so the drain would wait for ever.
    let said = cluster.shell.run(
        "kubectl drain node-1 --delete-emptydir-data --pod-selector=kubevirt.io=virt-launcher --timeout=3s",
    )?;
    assert_ne!(said.code, 0, "{said:?}");
    let eviction = r#"admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "default/web""#;
    assert!(said.stderr.contains(eviction), "{said:?}");
    assert_eq!(field(&cluster.shell, "vmi web", "status.evacuationNodeName")?, "node-1");
    // As if the machine had moved: its pod on the node goes.
    cluster
        .ok("kubectl delete pod virt-launcher-web-abcde --grace-period=0 --force --wait=false")?;
    let said = cluster.ok("kubectl drain node-1 --delete-emptydir-data --timeout=20s")?;
    assert!(said.contains("node/node-1 drained"), "{said}");
    Ok(())
}

#[test]
fn a_pod_that_is_no_machine_is_evicted_at_once() -> Result<()> {
    let cluster = Cluster::start()?;
    cluster.shell.ok_with(
        "kubectl create -f -",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: plain}\nspec:\n  containers: [{name: a, image: x}]\n",
    )?;
    let eviction = r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"plain"}}"#;
    let said = cluster.shell.ok_with(
        "kubectl create --raw /api/v1/namespaces/default/pods/plain/eviction -f -",
        eviction,
    )?;
    expect![[r#"{"apiVersion":"v1","code":201,"kind":"Status","metadata":{},"status":"Success"}"#]]
        .assert_eq(&said);
    cluster.fails("kubectl get pod plain")?;
    Ok(())
}
