//! Where machines may be, when they start and when they move.

use anyhow::{Result, ensure};
use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_harness::Testbed;
use serde_json::{Value, json};

use crate::common::asking::{instance, kubectl, node_of, object, only};
use crate::common::{machine, verified};

#[tokio::test(flavor = "multi_thread")]
async fn machines_are_only_where_their_selectors_affinities_and_tolerations_let_them() -> Result<()>
{
    let testbed = Testbed::builder().topology_file("../topologies/zones.yaml").start().await?;
    testbed.apply_file("../manifests/scheduling.yaml").await?;
    for (name, allowed) in [
        ("east-only", ["node-1", "node-2", ""]),
        ("gold-tier", ["node-1", "node-2", "node-3"]),
        ("modern", ["node-1", "node-2", ""]),
    ] {
        testbed.wait_running("default", name).await?;
        let node = node_of(&testbed, name).await?;
        ensure!(allowed.contains(&node.as_str()), "{name} is on {node}");
    }
    // Whoever tolerates the taint and wants nothing else than that node is there.
    let toleration = json!([{ "key": "dedicated", "operator": "Exists" }]);
    let tolerant = machine("tolerant").with("nodeSelector", only("node-3"));
    tolerant.clone().with("tolerations", toleration).start(&testbed).await?;
    ensure!(node_of(&testbed, "tolerant").await? == "node-3");

    // Two that do not want to be together are not, not even when one of them moves.
    let apart = |name: &str| {
        let term = json!({
            "labelSelector": { "matchLabels": { "apart": "yes" } },
            "topologyKey": "kubernetes.io/hostname",
        });
        let terms = json!({ "requiredDuringSchedulingIgnoredDuringExecution": [term] });
        machine(name).label("apart", "yes").with("affinity", json!({ "podAntiAffinity": terms }))
    };
    for name in ["one", "other"] {
        apart(name).start(&testbed).await?;
    }
    for _ in 0..3 {
        machine("one").moved(&testbed).await?;
        ensure!(node_of(&testbed, "one").await? != node_of(&testbed, "other").await?);
    }

    // Where a machine may be holds for each of its moves.
    for _ in 0..2 {
        machine("east-only").moved(&testbed).await?;
        let node = node_of(&testbed, "east-only").await?;
        ensure!(["node-1", "node-2"].contains(&node.as_str()), "{node}");
    }
    verified(&testbed, &machine("east-only")).map(drop)
}

/// Why no node takes the pod of a machine.
fn obstacle(instance: &VirtualMachineInstance) -> Option<String> {
    let conditions = instance.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|each| each.type_ == "PodScheduled")?;
    (found.status == "False").then(|| found.message.clone().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_no_node_takes_says_why_and_starts_as_soon_as_one_does() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let picky = machine("picky").with("nodeSelector", json!({ "disk": "fast" }));
    picky.make(&testbed).await?;
    let large = machine("large").memory("8Gi");
    large.make(&testbed).await?;
    for (name, why) in [
        ("picky", "0/2 nodes are available: 2 didn't match node selector disk=fast"),
        ("large", "0/2 nodes are available: 2 Insufficient memory"),
    ] {
        let found = testbed.wait_for("default", name, "a reason", |it| obstacle(it).is_some());
        let said = obstacle(&found.await?).unwrap_or_default();
        ensure!(said.starts_with(why), "{name}: {said}");
        let shown: Value = object(&testbed, &format!("vm/{name}"))?;
        ensure!(shown["status"]["printableStatus"] == "ErrorUnschedulable", "{shown}");
    }
    kubectl(&testbed, &["label", "node", "node-2", "disk=fast"])?;
    testbed.wait_running("default", "picky").await?;
    ensure!(node_of(&testbed, "picky").await? == "node-2");
    let running = instance(&testbed, "picky").await?;
    ensure!(running.as_ref().and_then(obstacle).is_none(), "{running:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disks_of_a_machine_say_whether_it_can_be_moved() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    for (claim, mode) in [("shared", "ReadWriteMany"), ("own", "ReadWriteOnce")] {
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": claim },
            "spec": {
                "accessModes": [mode], "resources": { "requests": { "storage": "16Mi" } },
            },
        });
        testbed.apply(&claim.to_string()).await?;
    }
    for (machine, method) in [
        (machine("on-shared").claim("shared"), "LiveMigration"),
        (machine("on-local").local_disk("scratch", "16Mi"), "BlockMigration"),
    ] {
        machine.start(&testbed).await?;
        machine.moved(&testbed).await?;
        let state = object(&testbed, &format!("vmi/{}", machine.name))?;
        ensure!(state["status"]["migrationMethod"] == method, "{state}");
        let (_, blocks) = verified(&testbed, &machine)?;
        ensure!(blocks > 0, "{} has no disk", machine.name);
    }
    let bound = machine("on-own").claim("own");
    bound.start(&testbed).await?;
    let cannot_move = |it: &VirtualMachineInstance| {
        let conditions = it.status.as_ref().and_then(|status| status.conditions.as_ref());
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|each| each.type_ == "LiveMigratable" && each.status == "False")
    };
    testbed.wait_for("default", "on-own", "a word on its moves", cannot_move).await?;
    let refused = format!("{:#}", bound.migrate(&testbed).await.err().expect("it cannot move"));
    let why = "Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: cannot migrate VMI: \
               PVC own is not shared, live migration requires that all PVCs must be shared (using \
               ReadWriteMany access mode)";
    ensure!(refused.contains(why), "{refused}");
    Ok(())
}
