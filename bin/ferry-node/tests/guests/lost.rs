//! Guests whose journals are lost while no daemon runs: they are found by their processes, and no
//! second copy is started.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings};
use ferry_harness::wait_until;
use ferry_reconcile::guest::{GuestEnd, GuestState, LeavingEnd, Listen, Order, Stillness};
use ferry_units::{BytesPerSecond, SecondsPerGiB};
use nix::sys::signal::Signal;

use crate::common::{
    BUSY, Cluster, arriving, begin, disrupting, guest, migrate, plain, runs_at, target,
    wait_crossing,
};

const POD: &str = "pod-1";
const UID: &str = "migration-1";

/// How a journal is lost.
const LOSSES: [fn(&Path); 2] =
    [|journal| fs::remove_file(journal).unwrap(), |journal| fs::write(journal, "{").unwrap()];

/// A second for 16 MiB, without a limit in time.
fn slow() -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(16)),
        completion_timeout_per_gib: SecondsPerGiB::new(0),
        ..plain()
    }
}

#[tokio::test]
async fn a_guest_whose_journal_is_lost_is_found_and_not_started_again() -> Result<()> {
    for lose in LOSSES {
        let cluster = Cluster::new()?;
        let mut node = cluster.node("node-1").await?;
        let spec = guest(POD, &BUSY);
        node.run(&spec).await?;
        let pid = node.pid(POD)?;
        node.crash().await;
        lose(&node.guest_dir(POD).join("guest.json"));
        node.start().await?;
        let report = node.report(POD).unwrap();
        ensure!(report.state == GuestState::Running, "{report:?}");
        node.guests().order(Order::Start(spec.clone()));
        node.guests().order(Order::Pause { pod_uid: POD.to_owned() });
        node.wait_state(POD, GuestState::Paused).await?;
        node.guests().order(Order::Resume { pod_uid: POD.to_owned() });
        node.wait_state(POD, GuestState::Running).await?;
        ensure!(node.pid(POD)? == pid, "no second process is started");
        node.verify(&cluster, "db").await?;
        node.guests().order(Order::Kill { pod_uid: POD.to_owned() });
        ensure!(node.wait_ended(POD).await? == GuestEnd::ShutDown);
        node.forget(POD).await?;
        ensure!(!is_running(pid));
    }
    Ok(())
}

#[tokio::test]
async fn a_journal_is_lost_on_either_side_of_a_migration_and_the_guest_arrives() -> Result<()> {
    for is_at_source in [true, false] {
        for lose in LOSSES {
            let (cluster, mut one, mut two) = Cluster::pair().await?;
            let spec = guest(POD, &[("pattern", "random,rate=2Mi"), ("fill", "24Mi")]);
            one.run(&spec).await?;
            begin(&spec, &one, &two, &slow()).await?;
            wait_crossing(&one, POD).await?;
            let there = two.wait("pod-2", |report| arriving(report)?.listening).await?;
            let (node, pod) = if is_at_source { (&mut one, POD) } else { (&mut two, "pod-2") };
            node.crash().await;
            lose(&node.guest_dir(pod).join("guest.json"));
            node.start().await?;
            // What the nodes are told for as long as the API says that the migration goes on.
            one.guests().order(Order::Migrate(migrate(&spec, UID, "node-2", there, &slow())));
            two.guests().order(Order::Listen(Listen {
                pod_uid: "pod-2".to_owned(),
                migration_uid: UID.to_owned(),
                settings: slow(),
                channels: 1,
            }));
            let end = one.wait_left(POD).await?;
            ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
            ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
            two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
            let node = runs_at([(&one, POD), (&two, "pod-2")])?;
            node.verify(&cluster, "db").await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_guest_that_was_suspended_to_cross_runs_there_though_its_journal_is_lost() -> Result<()> {
    for told in [Stillness::Suspended, Stillness::Unknown] {
        let (cluster, mut one, two) = Cluster::pair().await?;
        let spec = guest(POD, &BUSY);
        one.run(&spec).await?;
        begin(&spec, &one, &two, &disrupting()?).await?;
        one.wait(POD, |report| (report.state == GuestState::Held).then_some(())).await?;
        let there = two.wait("pod-2", |report| arriving(report)?.listening).await?;
        one.crash().await;
        fs::remove_file(one.guest_dir(POD).join("guest.json"))?;
        one.start().await?;
        let mut order = migrate(&spec, UID, "node-2", there, &disrupting()?);
        order.stillness = told;
        one.guests().order(Order::Migrate(order));
        let end = one.wait_left(POD).await?;
        ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
        two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
        two.wait_state("pod-2", GuestState::Running).await?;
        two.verify(&cluster, "db").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_guest_that_arrived_while_its_journal_was_lost_is_known_to_have_come() -> Result<()> {
    let (cluster, one, mut two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    let there = two.expect(&target(&spec, "pod-2"), UID, &plain(), 1).await?;
    two.crash().await;
    fs::remove_file(two.guest_dir("pod-2").join("guest.json"))?;
    one.guests().order(Order::Migrate(migrate(&spec, UID, "node-2", there, &plain())));
    ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
    two.start().await?;
    two.wait_state("pod-2", GuestState::Running).await?;
    two.guests().order(Order::Listen(Listen {
        pod_uid: "pod-2".to_owned(),
        migration_uid: UID.to_owned(),
        settings: plain(),
        channels: 1,
    }));
    two.wait("pod-2", |report| arriving(report)?.completed.map(drop)).await?;
    two.verify(&cluster, "db").await
}

#[tokio::test]
async fn what_is_left_of_a_guest_that_does_not_run_goes() -> Result<()> {
    let cluster = Cluster::new()?;
    let mut node = cluster.node("node-1").await?;
    for (number, lose) in LOSSES.into_iter().enumerate() {
        let pod = format!("pod-{number}");
        node.run(&guest(&pod, &BUSY)).await?;
        let pid = node.pid(&pod)?;
        node.crash().await;
        node.signal(&pod, Signal::SIGKILL)?;
        wait_until("its process to end", || Ok((!is_running(pid)).then_some(())))?;
        lose(&node.guest_dir(&pod).join("guest.json"));
        node.start().await?;
        ensure!(node.report(&pod).is_none() && !node.guest_dir(&pod).exists());
    }

    // Nobody can reach one whose directory is gone.
    node.run(&guest(POD, &BUSY)).await?;
    let pid = node.pid(POD)?;
    node.crash().await;
    fs::remove_dir_all(node.guest_dir(POD))?;
    node.start().await?;
    ensure!(node.report(POD).is_none());
    wait_until("its process to end", || Ok((!is_running(pid)).then_some(())))?;
    Ok(())
}

/// Whether a process is there that has not ended.
fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
