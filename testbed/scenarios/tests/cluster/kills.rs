//! Daemons and guests that are killed while guests move: each guest runs on, once, and nothing is left
//! behind.

use std::time::Duration;

use anyhow::{Result, ensure};
use ferry_harness::{Daemon, Role, Testbed};
use ferry_scenarios::Dice;
use kube::ResourceExt;
use serde_json::json;

use crate::common::Copies;
use crate::common::broken::{
    begin, configure, dice, instance, let_pass, machine, node_of, phase, verify, wait_another,
    wait_crossing, wait_end, wait_phase, wait_post_copy, wait_tidy,
};

/// Machines that are moved again and again.
const MACHINES: [&str; 3] = ["red", "green", "blue"];

/// A migration takes 2 to 3 s with these, so that kills within 3 s meet every part of it.
const SLOW: &str = "32Mi";

/// Far beyond the blackout of a guest that moves, and below that of one that was started again.
const STILL: Duration = Duration::from_secs(5);

/// Three nodes with machines on them.
async fn cluster(names: &[&str], bandwidth: &str) -> Result<Testbed> {
    let testbed = Testbed::builder().nodes(3).start().await?;
    configure(&testbed, json!({ "bandwidthPerMigration": bandwidth })).await?;
    let machines: String = names.iter().map(|name| machine(name, "8Mi")).collect();
    testbed.apply(&machines).await?;
    for name in names {
        testbed.wait_running("default", name).await?;
    }
    Ok(testbed)
}

/// Whom of a migration from one node to another a throw hits.
fn victims<'a>(
    testbed: &'a Testbed,
    number: u64,
    source: &str,
    target: &str,
) -> Result<Vec<Daemon<'a>>> {
    let api = || testbed.daemon(Role::ApiServer);
    let controller = || testbed.daemon(Role::Controller);
    Ok(match number {
        0 => vec![controller()],
        1 => vec![testbed.node(source)?],
        2 => vec![testbed.node(target)?],
        3 => vec![api()],
        4 => vec![testbed.node(source)?, testbed.node(target)?],
        _ => vec![api(), controller(), testbed.node(source)?, testbed.node(target)?],
    })
}

/// Moves a machine, and kills some of those who see to it at a moment between its first and its last.
async fn moved_and_killed(testbed: &Testbed, round: u64, dice: &mut Dice) -> Result<()> {
    let name = dice.one_of(&MACHINES);
    let moment = Duration::from_millis(dice.below(3000));
    let away = Duration::from_millis(dice.below(1000));
    let source = node_of(testbed, name).await?;
    let migration = begin(testbed, name).await?;
    let_pass(moment)?;
    // Before it has a target, any other node may be hit.
    let others = ["node-1", "node-2", "node-3"].into_iter().find(|node| *node != source);
    let state = instance(testbed, name).await?.status.and_then(|status| status.migration_state);
    let is_it = state.filter(|state| state.source_node.as_ref() == Some(&source));
    let target = is_it.and_then(|state| state.target_node).or(others.map(str::to_owned));
    let hit = victims(testbed, round % 6, &source, &target.unwrap_or_default())?;
    let roles: Vec<_> = hit.iter().map(|daemon| daemon.role().to_string()).collect();
    println!("{round}: {name} from {source}, {roles:?} after {moment:?} for {away:?}");
    for daemon in &hit {
        daemon.kill()?;
    }
    let_pass(away)?;
    for daemon in &hit {
        daemon.start()?;
    }
    for daemon in &hit {
        daemon.wait_ready().await?;
    }
    let end = wait_end(testbed, &migration).await?;
    let state = end.status.as_ref().and_then(|status| status.migration_state.clone());
    let now = node_of(testbed, name).await?;
    let why = state.as_ref().and_then(|state| state.failure_reason.clone());
    println!("{round}: {} at {now}: {why:?}", phase(&end));
    if phase(&end) == "Succeeded" {
        ensure!(now != source, "it has moved");
        ensure!(state.and_then(|state| state.target_node).as_ref() == Some(&now));
    } else {
        ensure!(now == source, "it has stayed");
        ensure!(why.is_some_and(|why| !why.is_empty()), "a failure has a reason");
    }
    wait_tidy(testbed, MACHINES.len()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn whichever_daemon_is_killed_guests_run_on_and_nothing_is_left() -> Result<()> {
    let testbed = cluster(&MACHINES, SLOW).await?;
    let mut first = Vec::new();
    for name in MACHINES {
        first.push(instance(&testbed, name).await?.uid());
    }
    let copies = Copies::watch(&testbed);
    let mut dice = dice()?;
    for round in 0..12 {
        moved_and_killed(&testbed, round, &mut dice).await?;
    }
    for (name, uid) in MACHINES.iter().zip(first) {
        testbed.wait_running("default", name).await?;
        ensure!(instance(&testbed, name).await?.uid() == uid, "{name} was started again");
        verify(&testbed, name)?;
        let console = testbed.ferry(["console", name])?.stdout;
        ensure!(console.matches("booted").count() <= 1, "{name} has booted once:\n{console}");
    }
    let seen = copies.seen()?;
    let still = seen.check()?;
    println!("no guest stood still for longer than {still:?}");
    ensure!(still < STILL, "a guest stood still for {still:?}");
    ensure!(MACHINES.iter().map(|name| seen.copies_of(name)).sum::<usize>() > MACHINES.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_guest_that_is_killed_leaves_the_machine_where_it_is() -> Result<()> {
    let testbed = cluster(&["web"], "8Mi").await?;
    let before = instance(&testbed, "web").await?;
    let copies = Copies::watch(&testbed);
    let migration = begin(&testbed, "web").await?;
    let (source, target) = wait_crossing(&testbed, &migration).await?;
    testbed.guest("default", "web", &target)?.kill()?;
    let end = wait_end(&testbed, &migration).await?;
    ensure!(phase(&end) == "Failed", "{end:?}");
    wait_tidy(&testbed, 1).await?;
    let after = instance(&testbed, "web").await?;
    ensure!(after.uid() == before.uid() && node_of(&testbed, "web").await? == source);
    verify(&testbed, "web")?;
    let seen = copies.seen()?;
    ensure!(seen.check()? < STILL && seen.copies_of("web") == 1, "{seen:?}");

    // It can be moved at once.
    configure(&testbed, json!({ "bandwidthPerMigration": "0Mi" })).await?;
    ensure!(phase(&testbed.migrate("default", "web", &[]).await?) == "Succeeded");
    verify(&testbed, "web")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_guest_that_is_killed_is_started_again_and_runs_once() -> Result<()> {
    let testbed = cluster(&["web"], "8Mi").await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let migration = begin(&testbed, "web").await?;
    let (source, _) = wait_crossing(&testbed, &migration).await?;
    testbed.guest("default", "web", &source)?.kill()?;
    wait_phase(&testbed, &migration, "Failed").await?;
    wait_another(&testbed, "web", before).await?;
    wait_tidy(&testbed, 1).await?;
    verify(&testbed, "web")?;
    let seen = copies.seen()?;
    seen.check()?;
    ensure!(seen.copies_of("web") == 2, "the one that crashed and the one after it: {seen:?}");
    Ok(())
}

/// A guest that runs at its target while most of its memory is at its source; says which those are.
async fn in_post_copy(testbed: &Testbed) -> Result<(String, String, String)> {
    let settings = json!({
        "bandwidthPerMigration": "4Mi", "allowPostCopy": true, "completionTimeoutPerGiB": 16,
    });
    configure(testbed, settings).await?;
    let migration = begin(testbed, "web").await?;
    let (source, target) = wait_crossing(testbed, &migration).await?;
    wait_post_copy(testbed, "web").await?;
    Ok((migration, source, target))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_loses_either_half_of_its_memory_is_started_again_and_runs_once() -> Result<()>
{
    let testbed = cluster(&["web"], "0Mi").await?;
    let copies = Copies::watch(&testbed);
    for number in 0..2 {
        let before = instance(&testbed, "web").await?.uid();
        let (migration, source, target) = in_post_copy(&testbed).await?;
        let victim = if number == 0 { &source } else { &target };
        testbed.guest("default", "web", victim)?.kill()?;
        let end = wait_phase(&testbed, &migration, "Failed").await?;
        let state = end.status.and_then(|status| status.migration_state);
        println!("{number}: {:?}", state.and_then(|state| state.failure_reason));
        wait_another(&testbed, "web", before).await?;
        wait_tidy(&testbed, 1).await?;
        verify(&testbed, "web")?;
    }
    copies.seen()?.check()?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn daemons_that_are_killed_in_post_copy_have_it_completed() -> Result<()> {
    let testbed = cluster(&["web"], "0Mi").await?;
    let before = instance(&testbed, "web").await?.uid();
    let copies = Copies::watch(&testbed);
    let (migration, source, target) = in_post_copy(&testbed).await?;
    let daemons = victims(&testbed, 5, &source, &target)?;
    for daemon in &daemons {
        daemon.kill()?;
    }
    for daemon in &daemons {
        daemon.start()?;
    }
    for daemon in &daemons {
        daemon.wait_ready().await?;
    }
    let end = wait_end(&testbed, &migration).await?;
    ensure!(phase(&end) == "Succeeded", "{end:?}");
    ensure!(node_of(&testbed, "web").await? == target);
    ensure!(instance(&testbed, "web").await?.uid() == before, "it was started again");
    wait_tidy(&testbed, 1).await?;
    verify(&testbed, "web")?;
    ensure!(copies.seen()?.check()? < STILL);
    Ok(())
}
