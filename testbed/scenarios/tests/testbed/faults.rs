//! Guests and links that are broken: what a test can do to them, and what the testbed makes of it.

use std::time::Duration;

use anyhow::{Context, Result};
use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use ferry_harness::{Testbed, Topology, wait_until};
use ferry_units::{Bytes, BytesPerSecond};
use kube::ResourceExt;

use crate::common::pids;

const WEB: &str = "
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web}
spec:
  runStrategy: Always
  template:
    metadata:
      annotations: {workload.ferry.dev/pattern: idle, workload.ferry.dev/fill: 48Mi}
    spec:
      domain:
        memory: {guest: 64Mi}
        devices: {}
";

fn node_of(instance: &VirtualMachineInstance) -> Result<String> {
    let status = instance.status.as_ref().context("a status")?;
    status.node_name.clone().context("a node")
}

fn phase_of(migration: &VirtualMachineInstanceMigration) -> &'static str {
    migration.status.as_ref().map_or("", |status| status.phase.name())
}

#[tokio::test]
async fn guests_outlive_their_daemon_and_end_with_the_testbed() -> Result<()> {
    let testbed = Testbed::builder().nodes(1).start().await?;
    let path = testbed.dir().path().to_owned();
    testbed.apply(WEB).await?;
    let instance = testbed.wait_running("default", "web").await?;
    let guest = testbed.guest("default", "web", &node_of(&instance)?)?;
    let node = testbed.node(guest.node())?;
    node.kill()?;
    assert!(guest.process().is_alive());
    node.start()?;
    node.wait_ready().await?;
    assert_eq!(testbed.guests()?, std::slice::from_ref(&guest), "it was taken back");

    guest.kill()?;
    testbed
        .wait_for("default", "web", "another instance", |other: &VirtualMachineInstance| {
            let is_running = |phase: &str| phase == "Running";
            other.uid() != instance.uid()
                && serde_json::to_value(other).unwrap()["status"]["phase"]
                    .as_str()
                    .is_some_and(is_running)
        })
        .await?;
    let another = testbed.guest("default", "web", guest.node())?;
    assert_ne!(another.process(), guest.process());
    let status = testbed.status().await?;
    let names: Vec<_> = status.processes.iter().map(|process| process.name.as_str()).collect();
    assert_eq!(names, ["apiserver", "controller", "node-1", "default/web"]);
    assert_eq!(status.machines[0].node.as_deref(), Some("node-1"));

    // With nobody left who knows of the guest.
    node.kill()?;
    drop(testbed);
    assert!(pids(&path)?.is_empty() && !another.process().is_alive());
    Ok(())
}

#[tokio::test]
async fn a_link_slows_a_migration_counts_it_and_can_end_it() -> Result<()> {
    let topology = Topology::of_nodes(2)?.relayed();
    let testbed = Testbed::builder().topology(topology).start().await?;
    testbed.apply(WEB).await?;
    let source = node_of(&testbed.wait_running("default", "web").await?)?;
    let target = if source == "node-1" { "node-2" } else { "node-1" };
    let link = testbed.link("pod", target)?;
    link.limit(Some(BytesPerSecond::from_mib(16)))?;
    let begun = std::time::Instant::now();
    let migration = testbed.migrate("default", "web", &[]).await?;
    assert_eq!(phase_of(&migration), "Succeeded");
    let carried = link.carried()?;
    assert!(carried > Bytes::from_mib(48), "{carried}");
    assert!(
        begun.elapsed() > Duration::from_millis(2800),
        "48 MiB at 16 MiB/s: {:?}",
        begun.elapsed()
    );
    assert_eq!(testbed.link("pod", &source)?.carried()?, Bytes::ZERO);

    let back = testbed.link("pod", &source)?;
    back.unplug()?;
    let migration = testbed.migrate("default", "web", &[]).await?;
    assert_eq!(phase_of(&migration), "Failed");
    assert_eq!(testbed.guest("default", "web", target)?.node(), target, "it stays where it is");
    back.restore()?;
    let migration = testbed.migrate("default", "web", &[]).await?;
    assert_eq!(phase_of(&migration), "Succeeded");
    let one = || Ok((testbed.guests()?.len() == 1).then_some(()));
    wait_until("one guest", one)
}
