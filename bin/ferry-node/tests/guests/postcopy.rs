//! Guests that run at their target before their memory is there.

use std::time::Duration;

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings, Permission};
use ferry_harness::Relay;
use ferry_reconcile::guest::{GuestEnd, GuestState, LeavingEnd, MigrationMode, Order};
use ferry_units::{BytesPerSecond, SecondsPerGiB};
use nix::sys::signal::Signal;

use crate::common::{BUSY, Cluster, Node, arriving, guest, leaving, migrate, plain, target};

const POD: &str = "pod-1";
const UID: &str = "migration-1";

/// Goes to post-copy after half a second, and then takes a few seconds.
fn settings() -> MigrationSettings {
    MigrationSettings {
        post_copy: Permission::Allowed,
        workload_disruption: Permission::Allowed,
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(6)),
        completion_timeout_per_gib: SecondsPerGiB::new(16),
        ..plain()
    }
}

/// A guest that runs at the second node, with most of its memory at the first.
async fn post_copy() -> Result<(Cluster, Node, Node, Relay)> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let awaits = target(&spec, "pod-2");
    let there = two.expect(&awaits, UID, &settings(), 1).await?;
    let relay = Relay::to((there.address, there.port).into())?;
    let mut order = migrate(&spec, UID, "node-2", there, &settings());
    order.port = relay.address().port();
    one.guests().order(Order::Migrate(order));
    two.wait("pod-2", |report| arriving(report)?.resumed.map(drop)).await?;
    one.wait(POD, |report| (leaving(report)?.mode == MigrationMode::PostCopy).then_some(()))
        .await?;
    ensure!(arriving(&two.report("pod-2").unwrap()).unwrap().completed.is_none());
    Ok((cluster, one, two, relay))
}

async fn arrives(cluster: &Cluster, one: &Node, two: &Node) -> Result<()> {
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Completed { .. }));
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    ensure!(two.report("pod-2").unwrap().state == GuestState::Running);
    two.verify(cluster, "db").await
}

#[tokio::test]
async fn a_guest_goes_ahead_of_its_memory_and_cannot_be_called_back() -> Result<()> {
    let (cluster, one, two, _relay) = post_copy().await?;
    let abort = Order::Abort { pod_uid: POD.to_owned(), migration_uid: UID.to_owned() };
    one.guests().order(abort);
    one.wait(POD, |report| leaving(report)?.abort_failed.then_some(())).await?;
    arrives(&cluster, &one, &two).await
}

#[tokio::test]
async fn a_link_that_breaks_is_replaced() -> Result<()> {
    let (cluster, one, two, relay) = post_copy().await?;
    relay.refuse();
    relay.cut();
    arrives(&cluster, &one, &two).await?;
    let story = cluster.client(&one, one.identity()).await?.story(UID).await?;
    let is_told = story.milestones.iter().any(|it| it.what.contains("the link has broken"));
    ensure!(is_told, "{:?}", story.milestones);
    Ok(())
}

#[tokio::test]
async fn both_daemons_are_killed_and_the_link_breaks() -> Result<()> {
    let (cluster, mut one, mut two, relay) = post_copy().await?;
    one.crash().await;
    two.crash().await;
    relay.refuse();
    relay.cut();
    one.start().await?;
    // The one whose daemon is away is waited for.
    one.wait_state(POD, GuestState::Held).await?;
    two.start().await?;
    arrives(&cluster, &one, &two).await
}

#[tokio::test]
async fn a_guest_whose_source_is_killed_is_torn() -> Result<()> {
    let (_cluster, one, two, _relay) = post_copy().await?;
    one.signal(POD, Signal::SIGKILL)?;
    let torn = |end: &GuestEnd| matches!(end, GuestEnd::Torn { .. });
    let ends = (one.wait_ended(POD).await?, two.wait_ended("pod-2").await?);
    ensure!(torn(&ends.0) && torn(&ends.1), "{ends:?}");
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Failed { aborted: false, .. }));
    Ok(())
}

#[tokio::test]
async fn a_guest_whose_target_is_killed_is_torn() -> Result<()> {
    let (_cluster, one, two, _relay) = post_copy().await?;
    two.signal("pod-2", Signal::SIGKILL)?;
    let end = two.wait_ended("pod-2").await?;
    ensure!(matches!(end, GuestEnd::Crashed { .. }), "{end:?}");
    let end = one.wait_ended(POD).await?;
    ensure!(matches!(end, GuestEnd::Torn { .. }), "{end:?}");
    Ok(())
}

#[tokio::test]
async fn a_migration_is_watched_while_it_goes_on() -> Result<()> {
    let (cluster, one, two, _relay) = post_copy().await?;
    let client = cluster.client(&one, two.identity()).await?;
    let mut watched = client.watch_migration(UID).await?;
    let mut seen = Vec::new();
    while let Some(progress) = watched.next().await {
        seen.push(progress?);
    }
    ensure!(seen.len() > 2, "{seen:?}");
    ensure!(seen.iter().rev().skip(1).all(|progress| progress.end.is_none()), "{seen:?}");
    ensure!(seen.last().unwrap().end == Some(ferry_rpc::Ending::Completed), "{seen:?}");
    ensure!(seen.iter().any(|it| it.elapsed > Duration::from_millis(500)), "{seen:?}");
    Ok(())
}
