//! Migrations to nodes that somebody has chosen.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferry_api::kubevirt::{MigrationPhase, VirtualMachineInstanceMigrationStatus};
use ferry_harness::{Testbed, Topology};
use serde_json::{Value, json};

use crate::common::asking::{ferry, instance, node_of, object, put, told};
use crate::common::{machine, verified};

/// Four nodes, each with a zone and a tier, which only together say which it is.
const TOPOLOGY: &str = "
nodes:
- {name: node-1, zone: east, labels: {tier: gold}}
- {name: node-2, zone: east, labels: {tier: silver}}
- {name: node-3, zone: west, labels: {tier: gold}}
- {name: node-4, zone: west, labels: {tier: silver}}
";

const ZONE: &str = "topology.kubernetes.io/zone";

async fn testbed() -> Result<Testbed> {
    Testbed::builder().topology(Topology::parse(TOPOLOGY, "four nodes")?).start().await
}

/// How long after the one phase the other was entered.
fn between(
    status: &VirtualMachineInstanceMigrationStatus,
    one: MigrationPhase,
    other: MigrationPhase,
) -> Result<Duration> {
    let entered = status.phase_transition_timestamps.as_ref().context("times")?;
    let at = |phase: MigrationPhase| {
        let found = entered.iter().find(|entry| entry.phase == phase);
        Ok::<_, anyhow::Error>(found.context("it was in that phase")?.phase_transition_timestamp.0)
    };
    Ok(Duration::try_from(at(other)?.duration_since(at(one)?))?)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_labels_that_are_asked_for_hold_for_this_move_and_not_for_the_next() -> Result<()> {
    let testbed = testbed().await?;
    let web = machine("web").works("random,rate=5Mi").fills("16Mi");
    let before = web.start(&testbed).await?;
    let asked = object(&testbed, "vm/web")?["spec"].clone();
    let first = node_of(&testbed, "web").await?;
    let mut chosen = vec![
        ("node-1", "east", "gold"),
        ("node-4", "west", "silver"),
        ("node-3", "west", "gold"),
        ("node-2", "east", "silver"),
    ];
    // Not first to where it is.
    let is_there = |(node, ..): &(&str, &str, &str)| *node == first;
    chosen.sort_by_key(is_there);

    for (node, zone, tier) in chosen {
        let migration = web.migrate_to(&testbed, &[(ZONE, zone), ("tier", tier)]).await?;
        let state = migration.succeeded().await?;
        ensure!(state.target_node.as_deref() == Some(node), "{zone} {tier}: {state:?}");
        ensure!(node_of(&testbed, "web").await? == node);
        let pod = object(&testbed, &format!("pod/{}", state.target_pod.context("a pod")?))?;
        ensure!(pod["spec"]["nodeSelector"]["tier"] == tier, "{pod}");
        ensure!(pod["spec"]["nodeSelector"][ZONE] == zone, "{pod}");
    }
    // Nothing of it has stuck: not to the machine, and not to a move that chooses nothing.
    ensure!(object(&testbed, "vm/web")?["spec"] == asked);
    let after = instance(&testbed, "web").await?.context("an instance")?;
    ensure!(after.spec == before.spec, "{:?}", after.spec);
    let state = web.moved(&testbed).await?;
    let pod = object(&testbed, &format!("pod/{}", state.target_pod.context("a pod")?))?;
    ensure!(pod["spec"]["nodeSelector"]["tier"].is_null(), "{pod}");
    verified(&testbed, &web).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn ferry_and_virtctl_choose_nodes_too_and_the_machine_s_own_labels_win() -> Result<()> {
    let testbed = testbed().await?;
    let web = machine("web").with("nodeSelector", json!({ ZONE: "east" }));
    web.start(&testbed).await?;
    let first = node_of(&testbed, "web").await?;
    let (second, tier, back) = match first.as_str() {
        "node-1" => ("node-2", "silver", "gold"),
        _ => ("node-1", "gold", "silver"),
    };

    let tier = format!("tier={tier}");
    let zone = format!("{ZONE}=east");
    let said =
        ferry(&testbed, &["migrate", "web", "--to", &tier, "--to", &zone, "--wait", "-o", "json"])?;
    let said: Value = serde_json::from_str(&said)?;
    ensure!(said["targetNode"] == second, "{said}");

    // Where machine and migration name another value, it is the machine's that counts.
    let selector = json!({ "addedNodeSelector": { "tier": back, ZONE: "west" } });
    put(&testbed, "virtualmachines/web/migrate", selector).await?;
    testbed
        .wait_for(
            "default",
            "web",
            "the way back",
            |it: &ferry_api::kubevirt::VirtualMachineInstance| {
                it.status.as_ref().and_then(|it| it.node_name.as_deref()) == Some(&first)
            },
        )
        .await?;
    verified(&testbed, &web).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_to_no_node_fails_in_its_time_and_the_machine_never_notices() -> Result<()> {
    let testbed = Testbed::builder().nodes(2).start().await?;
    let web = machine("web").works("random,rate=5Mi").fills("16Mi");
    let before = web.start(&testbed).await?;
    let node = node_of(&testbed, "web").await?;
    let guest = testbed.guest("default", "web", &node)?;

    // Where it is already is no place to move to either.
    for label in ["node-99", &node] {
        let migration = web.migrate_to(&testbed, &[("kubernetes.io/hostname", label)]).await?;
        let failed = migration.phase("Failed").await?;
        let status = failed.status.as_ref().context("a status")?;
        let took = between(status, MigrationPhase::Scheduling, MigrationPhase::Failed)?;
        // Two seconds, counted in whole ones; later than that only because the machine is busy.
        ensure!(took >= Duration::from_secs(1), "{took:?}");
        ensure!(took <= Duration::from_secs(10), "{took:?}");

        let name = &migration.name;
        let message = "Migration target pod for VMI [default/web] is currently unschedulable.";
        told(&testbed, name, "migrationTargetPodUnschedulable", message).await?;
        let message =
            told(&testbed, name, "SuccessfulDelete", "unschedulable pod default/").await?;
        ensure!(message.ends_with(" timeout period exceeded"), "{message}");
        let message = "Migration target pod was removed during active migration.";
        told(&testbed, name, "FailedMigration", message).await?;
    }

    let after = instance(&testbed, "web").await?.context("an instance")?;
    ensure!(after.metadata.uid == before.metadata.uid && after.spec == before.spec);
    let status = after.status.context("a status")?;
    ensure!(status.migration_state.is_none(), "{:?}", status.migration_state);
    ensure!(testbed.guests()? == [guest], "it is another guest, or there are more");
    verified(&testbed, &web)?;
    // And it can still be moved.
    web.moved(&testbed).await.map(drop)
}
