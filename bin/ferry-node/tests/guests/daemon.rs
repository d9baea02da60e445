//! Daemons that are killed while guests move.

use std::time::Duration;

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings};
use ferry_reconcile::guest::{GuestEnd, GuestState, LeavingEnd, Order};
use ferry_units::{BytesPerSecond, SecondsPerGiB};

use crate::common::{
    BUSY, Cluster, arriving, begin, guest, migrate, plain, runs_at, target, wait_crossing,
};

const POD: &str = "pod-1";

fn slow(timeout: i64) -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(16)),
        completion_timeout_per_gib: SecondsPerGiB::new(timeout),
        ..plain()
    }
}

#[tokio::test]
async fn a_migration_goes_on_without_daemons_and_with_new_ones() -> Result<()> {
    for absent in ["source", "target", "both"] {
        println!("{absent}");
        let (cluster, mut one, mut two) = Cluster::pair().await?;
        let spec = guest(POD, &[("pattern", "random,rate=2Mi"), ("fill", "24Mi")]);
        one.run(&spec).await?;
        begin(&spec, &one, &two, &slow(0)).await?;
        wait_crossing(&one, POD).await?;
        if absent != "target" {
            one.restart().await?;
        }
        if absent != "source" {
            two.restart().await?;
        }
        let end = one.wait_left(POD).await?;
        ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
        ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
        two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
        two.verify(&cluster, "db").await?;
    }
    Ok(())
}

#[tokio::test]
async fn daemons_are_killed_at_any_moment() -> Result<()> {
    for millis in [0, 2, 5, 10, 20, 40, 80, 160, 320, 640] {
        println!("after {millis} ms");
        let (cluster, mut one, mut two) = Cluster::pair().await?;
        let spec = guest(POD, &BUSY);
        one.run(&spec).await?;
        let awaits = target(&spec, "pod-2");
        let there = two.expect(&awaits, "migration-1", &plain(), 1).await?;
        let order = Order::Migrate(migrate(&spec, "migration-1", "node-2", there, &plain()));
        one.guests().order(order.clone());
        let moment = Duration::from_millis(millis);
        // Whatever the daemons are doing then.
        let _over = tokio::time::timeout(moment, std::future::pending::<()>()).await;
        one.crash().await;
        two.crash().await;
        one.start().await?;
        two.start().await?;
        // It may not have been heard, and is given again as long as it is wanted.
        one.guests().order(order);
        let end = one.wait_left(POD).await?;
        ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
        ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
        two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
        let node = runs_at([(&one, POD), (&two, "pod-2")])?;
        node.verify(&cluster, "db").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_daemon_keeps_to_the_time_of_the_old_one() -> Result<()> {
    let (cluster, mut one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    // Two seconds, at a rate at which it cannot arrive.
    let settings =
        MigrationSettings { bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(4)), ..slow(64) };
    begin(&spec, &one, &two, &settings).await?;
    wait_crossing(&one, POD).await?;
    one.restart().await?;
    let end = one.wait_left(POD).await?;
    let expected = "Live migration is not completed after 2 seconds and has been aborted";
    ensure!(matches!(&end, LeavingEnd::Failed { reason, .. } if reason == expected), "{end:?}");
    let story = cluster.client(&one, one.identity()).await?.story("migration-1").await?;
    let lasted = story.ended.unwrap().since(story.started);
    ensure!(lasted.as_millis() < 3500, "{lasted:?}");
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn what_was_called_off_stays_called_off() -> Result<()> {
    let (cluster, mut one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &slow(0)).await?;
    wait_crossing(&one, POD).await?;
    one.crash().await;
    // Killed after it had decided and before it told the guest.
    let journal = one.guest_dir(POD).join("guest.json");
    let mut record: serde_json::Value = serde_json::from_slice(&std::fs::read(&journal)?)?;
    record["part"]["Leaving"]["callingOff"] = "somebody has said so".into();
    std::fs::write(&journal, record.to_string())?;
    one.start().await?;
    let end = one.wait_left(POD).await?;
    ensure!(
        matches!(&end, LeavingEnd::Failed { reason, aborted: true, .. }
            if reason == "somebody has said so"),
        "{end:?}"
    );
    one.wait_state(POD, GuestState::Running).await?;
    one.guests().order(Order::Pause { pod_uid: POD.to_owned() });
    one.wait_state(POD, GuestState::Paused).await?;
    one.verify(&cluster, "db").await
}
