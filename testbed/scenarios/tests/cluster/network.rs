//! The network that memory crosses.

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::MigrationState;
use ferry_harness::{Testbed, Topology, topology};
use serde_json::{Value, json};

use crate::common::asking::listed;
use crate::common::{Machine, configure, machine, verified};

/// What a machine of [`web`] fills, and so the least that a move of it carries.
const FILL: u64 = 48 << 20;

fn web() -> Machine {
    machine("web").memory("64Mi").fills("48Mi")
}

/// Nodes on a network `storage` beside that of pods, with a relay in each link.
fn dedicated(nodes: usize, reached: Option<&[&str]>) -> Result<Topology> {
    let mut storage = topology::Network::named("storage");
    storage.nodes = reached.map(|nodes| nodes.iter().map(|node| (*node).to_owned()).collect());
    Ok(Topology::of_nodes(nodes)?.network(storage).relayed())
}

/// What each link has carried, by network and node.
fn carried(testbed: &Testbed) -> Result<Vec<(String, String, u64)>> {
    let links = testbed.links()?.into_iter();
    Ok(links.map(|link| (link.network, link.node, link.state.forth.get())).collect())
}

/// Nothing has crossed any link but that between this network and the target's node, and that has
/// carried all of the memory.
fn crossed(testbed: &Testbed, network: &str, state: &MigrationState) -> Result<()> {
    let target = state.target_node.as_deref().context("a target")?;
    for (on, node, bytes) in carried(testbed)? {
        if on == network && node == target {
            ensure!(bytes >= FILL, "only {bytes} have crossed {network}");
        } else {
            ensure!(bytes == 0, "{bytes} have crossed {on} to {node}");
        }
    }
    let attachments = testbed.plan().attachments(target)?;
    let own = attachments.iter().find(|each| each.network == network).context("an address")?;
    let address = own.relayed.context("a relay")?.to_string();
    ensure!(state.target_node_address.as_deref() == Some(address.as_str()), "{state:?}");
    Ok(())
}

/// Has new guests start on this node only, until it is called with another.
fn only(testbed: &Testbed, node: &str) -> Result<()> {
    for other in &testbed.plan().topology.nodes {
        let order = if other.name == node { "uncordon" } else { "cordon" };
        let done = testbed.kubectl([order, &other.name])?;
        ensure!(done.code == 0, "{}", done.stderr);
    }
    Ok(())
}

fn everywhere(testbed: &Testbed) -> Result<()> {
    for node in &testbed.plan().topology.nodes {
        ensure!(testbed.kubectl(["uncordon", &node.name])?.code == 0);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_crosses_the_network_that_is_configured_and_no_other() -> Result<()> {
    let testbed = Testbed::builder().topology(dedicated(2, None)?).start().await?;
    configure(&testbed, json!({ "network": "storage" })).await?;
    web().start(&testbed).await?;
    let state = web().moved(&testbed).await?;
    crossed(&testbed, "storage", &state)?;
    verified(&testbed, &web())?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_configured_network_memory_crosses_that_of_pods() -> Result<()> {
    let testbed = Testbed::builder().topology(dedicated(2, None)?).start().await?;
    web().start(&testbed).await?;
    let state = web().moved(&testbed).await?;
    crossed(&testbed, "pod", &state)?;
    let before = carried(&testbed)?;

    // It is chosen, and left again, while the cluster runs.
    configure(&testbed, json!({ "network": "storage" })).await?;
    web().moved(&testbed).await?;
    let sum = |all: &[(String, String, u64)], network: &str| {
        all.iter().filter(|each| each.0 == network).map(|each| each.2).sum::<u64>()
    };
    let between = carried(&testbed)?;
    ensure!(sum(&between, "pod") == sum(&before, "pod"), "{between:?} after {before:?}");
    ensure!(sum(&between, "storage") >= FILL, "{between:?}");
    configure(&testbed, json!({ "network": Value::Null })).await?;
    let gone = |kubevirt: &ferry_api::kubevirt::KubeVirt| {
        let found = serde_json::to_value(kubevirt).unwrap_or_default();
        found["spec"]["configuration"]["migrations"]["network"].is_null()
    };
    let name = "kubevirt-kubevirt-hyperconverged";
    testbed.wait_for(crate::common::PLATFORM, name, "no network", gone).await?;
    web().moved(&testbed).await?;
    let after = carried(&testbed)?;
    ensure!(sum(&after, "storage") == sum(&between, "storage"), "{after:?}");
    ensure!(sum(&after, "pod") >= sum(&between, "pod") + FILL, "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_wait_for_a_network_that_is_not_there_and_say_so() -> Result<()> {
    let testbed = Testbed::builder().topology(dedicated(2, None)?).start().await?;
    web().start(&testbed).await?;
    configure(&testbed, json!({ "network": "fast" })).await?;
    let migration = web().migrate(&testbed).await?;
    let said = migration.waits("MigrationNetworkNotFound").await?;
    let expected =
        "waiting for NetworkAttachmentDefinition openshift-cnv/fast, the network of migrations";
    ensure!(said == expected, "{said}");
    let pods = testbed.kubectl(["get", "pods", "-o", "name"])?.stdout;
    ensure!(pods.lines().count() == 1, "{pods}");

    // Once it is there, it goes on; but no node is on it.
    let definition = json!({
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": { "name": "fast", "namespace": crate::common::PLATFORM },
        "spec": { "config": "{}" },
    });
    testbed.apply(&definition.to_string()).await?;
    migration.failed().await?;
    listed(&testbed, "default", &["is currently unschedulable"])?;
    ensure!(carried(&testbed)?.iter().all(|link| link.2 == 0));

    let migration = {
        configure(&testbed, json!({ "network": "none" })).await?;
        let migration = web().migrate(&testbed).await?;
        migration.waits("MigrationNetworkNotFound").await?;
        migration
    };
    configure(&testbed, json!({ "network": "storage" })).await?;
    let state = migration.succeeded().await?;
    crossed(&testbed, "storage", &state)?;
    verified(&testbed, &web())?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_an_address_is_neither_source_nor_target() -> Result<()> {
    let reached = ["node-1", "node-2"];
    let testbed = Testbed::builder().topology(dedicated(3, Some(&reached))?).start().await?;
    configure(&testbed, json!({ "network": "storage" })).await?;
    only(&testbed, "node-3")?;
    let lonely = machine("lonely").fills("48Mi");
    lonely.start(&testbed).await?;
    only(&testbed, "node-1")?;
    web().start(&testbed).await?;
    everywhere(&testbed)?;

    // The guest of a node with an address goes to the other one, however full that is.
    let state = web().moved(&testbed).await?;
    ensure!(state.target_node.as_deref() == Some("node-2"), "{state:?}");
    crossed(&testbed, "storage", &state)?;
    let before = carried(&testbed)?;

    // That of the node without one stays, and it is said why.
    let state = lonely.migrate(&testbed).await?.failed().await?;
    let reason = r#"node node-3 has no address on the migration network "storage""#;
    ensure!(state.failure_reason.as_deref() == Some(reason), "{state:?}");
    listed(&testbed, "default", &[reason])?;
    ensure!(carried(&testbed)? == before, "{before:?}");
    testbed.guest("default", "lonely", "node-3")?;
    verified(&testbed, &lonely)?;

    // Nor is it a target, even where there is no other.
    let cordoned = testbed.kubectl(["cordon", "node-1"])?;
    ensure!(cordoned.code == 0, "{}", cordoned.stderr);
    web().migrate(&testbed).await?.failed().await?;
    testbed.guest("default", "web", "node-2")?;
    listed(&testbed, "default", &["is currently unschedulable"])?;
    ensure!(carried(&testbed)? == before, "{before:?}");
    Ok(())
}
