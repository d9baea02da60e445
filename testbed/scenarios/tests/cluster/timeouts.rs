//! Migrations that do not come to an end, or do not come on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{MigrationAbortStatus, MigrationState, VirtualMachineInstance};
use ferry_harness::{Testbed, Topology};
use ferry_units::BytesPerSecond;
use kube::api::ApiResource;
use serde_json::{Value, json};

use crate::common::asking::listed;
use crate::common::{History, Machine, configure, is_due, machine, policy, verified};

/// A machine that writes much faster than its memory may cross.
fn restless(name: &str, memory: &str) -> Machine {
    machine(name).memory(memory).fills("48Mi").works("random,rate=100Mi,working-set=48Mi")
}

/// How long a machine's migration ran: from its start to its end, as far as the cluster can tell.
async fn took(history: &History, name: &str) -> Result<Duration> {
    let told = |path: &'static str, value: Value| {
        let name = name.to_owned();
        history.first(path, move |change| {
            let said = change.says(path);
            change.name == name && if value.is_null() { !said.is_null() } else { *said == value }
        })
    };
    let start = told("/status/migrationState/startTimestamp", Value::Null).await?;
    let end = told("/status/migrationState/failed", json!(true)).await?;
    Ok(end.at - start.at)
}

/// The migration was given up for this reason, and the guest is unharmed where it was.
async fn is_unharmed(
    testbed: &Testbed,
    machine: &Machine,
    state: &MigrationState,
    reason: &str,
) -> Result<()> {
    ensure!(state.failure_reason.as_deref() == Some(reason), "{state:?}");
    ensure!(state.abort_status == Some(MigrationAbortStatus::Succeeded), "{state:?}");
    ensure!(state.failed == Some(true) && state.completed == Some(true), "{state:?}");
    let (namespace, name) = (&machine.namespace, &machine.name);
    listed(testbed, namespace, &[name, "source node reported migration failed"])?;
    listed(testbed, namespace, &[name, &format!("failed. reason:{reason}")])?;
    let instance = testbed.wait_running(namespace, name).await?;
    let node = instance.status.and_then(|status| status.node_name);
    ensure!(node == state.source_node, "it is on {node:?}");
    // The target has gone, and the guest works on.
    let node = node.context("a node")?;
    ferry_harness::wait_until("one guest", || {
        let guests = testbed.guests()?;
        let own = guests.iter().filter(|guest| guest.is_of(namespace, name)).count();
        Ok((own == 1).then_some(()))
    })?;
    testbed.guest(namespace, name, &node)?;
    verified(testbed, machine)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_never_converges_stays_after_the_time_for_its_memory_and_disks() -> Result<()>
{
    let testbed = Testbed::builder().nodes(2).start().await?;
    let settings = json!({ "bandwidthPerMigration": "4Mi", "completionTimeoutPerGiB": 20 });
    policy(&testbed, "impatient", settings).await?;
    let large = restless("large", "256Mi").label("policy", "impatient");
    let with_disk =
        restless("disk", "128Mi").local_disk("scratch", "128Mi").label("policy", "impatient");
    let small = restless("small", "128Mi").label("policy", "impatient");
    let history =
        History::of(&testbed, &[ApiResource::erase::<VirtualMachineInstance>(&())]).await?;
    for (machine, seconds, reason) in [
        (&large, 5.0, "Live migration is not completed after 5 seconds and has been aborted"),
        (&with_disk, 5.0, "Live migration is not completed after 5 seconds and has been aborted"),
        (&small, 2.5, "Live migration is not completed after 2.5 seconds and has been aborted"),
    ] {
        machine.start(&testbed).await?;
        let state = machine.migrate(&testbed).await?.failed().await?;
        let took = took(&history, &machine.name).await?.as_secs_f64();
        ensure!(is_due(took, seconds), "{}: {took} s", machine.name);
        is_unharmed(&testbed, machine, &state, reason).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_whose_link_stalls_stays_after_the_progress_timeout() -> Result<()> {
    let topology = Topology::of_nodes(2)?.relayed();
    let testbed = Testbed::builder().topology(topology).start().await?;
    configure(&testbed, json!({ "progressTimeout": 3 })).await?;
    let web = machine("web").memory("128Mi").fills("112Mi").works("random,rate=1Mi");
    let instance = web.start(&testbed).await?;
    let from = instance.status.and_then(|status| status.node_name).context("a node")?;
    let to = if from == "node-1" { "node-2" } else { "node-1" };
    let link = testbed.link("pod", to)?;
    // So slow that what fits into the buffers of sockets has gone into them long before.
    link.limit(Some(BytesPerSecond::from_mib(16)))?;
    let history =
        History::of(&testbed, &[ApiResource::erase::<VirtualMachineInstance>(&())]).await?;

    let migration = web.migrate(&testbed).await?;
    migration.phase("Running").await?;
    ferry_harness::wait_until("memory that crosses", || {
        Ok((link.carried()?.get() > 8 << 20).then_some(()))
    })?;
    link.stall()?;
    let stalled = std::time::Instant::now();
    let state = migration.failed().await?;
    let end = history
        .first("its end", |change| *change.says("/status/migrationState/failed") == json!(true))
        .await?;
    let took = (end.at - stalled).as_secs_f64();
    ensure!(is_due(took, 3.0), "{took} s");
    let reason = "Live migration stuck for 3 seconds and has been aborted";
    is_unharmed(&testbed, &web, &state, reason).await?;

    link.restore()?;
    web.moved(&testbed).await?;
    verified(&testbed, &web)?;
    Ok(())
}
