//! Links that break while a guest's memory crosses them: before the switch, about it, and after it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferry_harness::{Qmp, Testbed, Topology};
use ferry_qmp::QueryStatus;
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::common::Copies;
use crate::common::broken::{
    Migration, begin, configure, dice, instance, let_pass, machine, node_of, phase, verify,
    wait_crossing, wait_end, wait_post_copy, wait_tidy,
};

/// A machine on one of two nodes with a relay before each.
async fn cluster(rate: &str, settings: Value) -> Result<Testbed> {
    let topology = Topology::of_nodes(2)?.relayed();
    let testbed = Testbed::builder().topology(topology).start().await?;
    configure(&testbed, settings).await?;
    testbed.apply(&machine("web", rate)).await?;
    testbed.wait_running("default", "web").await?;
    Ok(testbed)
}

/// Why a migration has failed.
fn reason(migration: &Migration) -> Result<String> {
    ensure!(phase(migration) == "Failed", "{migration:?}");
    let state = migration.status.as_ref().and_then(|status| status.migration_state.as_ref());
    state.and_then(|state| state.failure_reason.clone()).context("a failure has a reason")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_cut_before_the_switch_leaves_the_machine_where_it_is() -> Result<()> {
    let testbed = cluster("20Mi", json!({ "bandwidthPerMigration": "8Mi" })).await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let migration = begin(&testbed, "web").await?;
    let (source, target) = wait_crossing(&testbed, &migration).await?;
    testbed.link("pod", &target)?.cut()?;
    let why = reason(&wait_end(&testbed, &migration).await?)?;
    ensure!(why.contains("Live migration failed"), "{why}");
    wait_tidy(&testbed, 1).await?;
    ensure!(node_of(&testbed, "web").await? == source);
    verify(&testbed, "web")?;

    configure(&testbed, json!({ "bandwidthPerMigration": "0Mi" })).await?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    ensure!(node_of(&testbed, "web").await? == target);
    verify(&testbed, "web")?;
    ensure!(instance(&testbed, "web").await?.uid() == before, "it was never started again");
    copies.seen()?.check()?;
    Ok(())
}

/// Waits until the guest stands still at its source, to run at its target.
fn wait_switch(testbed: &Testbed, source: &str) -> Result<()> {
    let guest = testbed.guest("default", "web", source)?;
    let guests = testbed.dir().path().join("nodes").join(source).join("guests");
    let qmp = Qmp::connect(&guests.join(&guest.name().pod).join("qmp.sock"))?;
    // One that stands still already says nothing any more.
    let since = qmp.mark();
    if qmp.execute(&QueryStatus)?.running {
        qmp.wait_named(since, "STOP")?;
    }
    Ok(())
}

/// How long a switch may take in the test below: a few messages there and back.
const SWITCH_MILLISECONDS: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_about_the_switch_one_copy_runs_wherever_that_is() -> Result<()> {
    let settings = json!({ "bandwidthPerMigration": "64Mi", "completionTimeoutPerGiB": 600 });
    let testbed = cluster("1Mi", settings).await?;
    for node in ["node-1", "node-2"] {
        testbed.link("pod", node)?.delay(Duration::from_millis(50))?;
    }
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let mut dice = dice()?;
    let mut ends = BTreeMap::<_, u32>::new();
    for round in 0..12 {
        let migration = begin(&testbed, "web").await?;
        let (source, target) = wait_crossing(&testbed, &migration).await?;
        let moment = Duration::from_millis(dice.below(SWITCH_MILLISECONDS));
        // The link alone, or with it who could find out what has become of the guest.
        let victims = match round % 4 {
            0 => vec![],
            1 => vec![&source],
            2 => vec![&target],
            _ => vec![&source, &target],
        };
        wait_switch(&testbed, &source)?;
        let_pass(moment)?;
        testbed.link("pod", &target)?.cut()?;
        for node in &victims {
            testbed.node(node)?.kill()?;
        }
        for node in &victims {
            testbed.node(node)?.start()?;
        }
        for node in &victims {
            testbed.node(node)?.wait_ready().await?;
        }
        let end = wait_end(&testbed, &migration).await?;
        wait_tidy(&testbed, 1).await?;
        let now = node_of(&testbed, "web").await?;
        println!("{round}: {moment:?} after the stop, with {victims:?}: {} at {now}", phase(&end));
        let expected = if phase(&end) == "Succeeded" { &target } else { &source };
        ensure!(now == *expected, "{end:?}");
        ensure!(testbed.guests()?[0].node() == now, "that is where it is");
        ensure!(instance(&testbed, "web").await?.uid() == before, "it was started again");
        verify(&testbed, "web")?;
        *ends.entry(phase(&end)).or_default() += 1;
    }
    copies.seen()?.check()?;
    ensure!(ends.len() == 2, "all of them broke before the switch or after it: {ends:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_in_post_copy_is_mended_and_every_page_arrives() -> Result<()> {
    let settings = json!({
        "bandwidthPerMigration": "6Mi", "allowPostCopy": true, "completionTimeoutPerGiB": 16,
    });
    let testbed = cluster("40Mi", settings).await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let migration = begin(&testbed, "web").await?;
    let (_, target) = wait_crossing(&testbed, &migration).await?;
    wait_post_copy(&testbed, "web").await?;
    let link = testbed.link("pod", &target)?;
    link.cut()?;
    let carried = link.carried()?;
    ferry_harness::wait_until("memory crosses again", || {
        Ok((link.carried()? > carried).then_some(()))
    })?;
    link.unplug()?;
    let_pass(Duration::from_secs(2))?;
    link.restore()?;
    let end = wait_end(&testbed, &migration).await?;
    ensure!(phase(&end) == "Succeeded", "{end:?}");
    ensure!(node_of(&testbed, "web").await? == target);
    wait_tidy(&testbed, 1).await?;
    verify(&testbed, "web")?;
    ensure!(instance(&testbed, "web").await?.uid() == before);
    copies.seen()?.check()?;
    Ok(())
}
