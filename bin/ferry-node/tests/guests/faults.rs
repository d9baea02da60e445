//! What breaks in pre-copy: the guest runs at one node and never at two.

use anyhow::{Result, ensure};
use ferry_config::{Bandwidth, MigrationSettings};
use ferry_harness::{Direction, Relay, wait_until};
use ferry_reconcile::guest::{GuestEnd, GuestSpec, GuestState, LeavingEnd, Listening, Order};
use ferry_rpc::Outcome;
use ferry_units::{Bytes, BytesPerSecond, SecondsPerGiB};
use nix::sys::signal::Signal;

use crate::common::{
    BUSY, Cluster, Node, begin, guest, leaving, migrate, plain, runs_at, target, wait_crossing,
};

const POD: &str = "pod-1";
const UID: &str = "migration-1";

fn slow() -> MigrationSettings {
    MigrationSettings {
        bandwidth: Bandwidth::AtMost(BytesPerSecond::from_mib(8)),
        completion_timeout_per_gib: SecondsPerGiB::new(0),
        ..plain()
    }
}

#[tokio::test]
async fn a_target_that_is_killed_leaves_the_guest_where_it_is() -> Result<()> {
    let (cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    two.signal("pod-2", Signal::SIGKILL)?;
    let end = one.wait_left(POD).await?;
    ensure!(
        matches!(&end, LeavingEnd::Failed { reason, aborted: false, .. }
            if reason.starts_with("Live migration failed ")),
        "{end:?}"
    );
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    one.wait_state(POD, GuestState::Running).await?;
    one.verify(&cluster, "db").await
}

#[tokio::test]
async fn a_source_that_is_killed_has_crashed_and_nothing_runs_at_the_target() -> Result<()> {
    let (_cluster, one, two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    one.signal(POD, Signal::SIGKILL)?;
    ensure!(matches!(one.wait_ended(POD).await?, GuestEnd::Crashed { .. }));
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    ensure!(matches!(one.wait_left(POD).await?, LeavingEnd::Failed { .. }));
    Ok(())
}

#[tokio::test]
async fn a_source_that_is_killed_waits_for_the_word_of_its_target() -> Result<()> {
    let (_cluster, one, mut two) = Cluster::pair().await?;
    let spec = guest(POD, &BUSY);
    one.run(&spec).await?;
    begin(&spec, &one, &two, &slow()).await?;
    wait_crossing(&one, POD).await?;
    two.crash().await;
    one.signal(POD, Signal::SIGKILL)?;
    one.wait_state(POD, GuestState::Held).await?;
    ensure!(leaving(&one.report(POD).unwrap()).unwrap().end.is_none());
    two.start().await?;
    ensure!(matches!(one.wait_ended(POD).await?, GuestEnd::Crashed { .. }));
    Ok(())
}

#[tokio::test]
async fn an_answer_stays_true_when_everything_is_forgotten() -> Result<()> {
    let (cluster, _one, mut two) = Cluster::pair().await?;
    let awaits = guest("pod-2", &[]);
    two.expect(&awaits, UID, &plain(), 1).await?;
    let client = cluster.client(&two, two.identity()).await?;
    let unknown = client.outcome("another").await.unwrap_err();
    ensure!(unknown.to_string().contains("no guest comes"), "{unknown}");
    ensure!(client.outcome(UID).await? == Outcome::NeverRan);
    ensure!(matches!(two.wait_ended("pod-2").await?, GuestEnd::NeverCame { .. }));
    two.forget("pod-2").await?;
    two.restart().await?;
    let client = cluster.client(&two, two.identity()).await?;
    ensure!(client.outcome(UID).await? == Outcome::NeverRan);
    Ok(())
}

/// Idle, so that two moves are alike to the byte.
fn quiet() -> GuestSpec {
    let mut spec = guest(POD, &[("pattern", "idle"), ("fill", "4Mi"), ("seed", "7")]);
    spec.memory = Bytes::from_mib(8);
    spec
}

/// Moves it over a relay that cuts everything after so many bytes; says what it has carried.
async fn move_over(
    one: &Node,
    two: &Node,
    cut: Option<(Direction, u64)>,
) -> Result<(LeavingEnd, Relay)> {
    let spec = quiet();
    one.run(&spec).await?;
    let console = one.guest_dir(POD).join("serial.log");
    wait_until("it is booted", || {
        Ok(std::fs::read_to_string(&console)?.contains("booted").then_some(()))
    })?;
    let there = two.expect(&target(&spec, "pod-2"), UID, &plain(), 1).await?;
    let (order, relay) = over_relay(&spec, there, cut)?;
    one.guests().order(order);
    Ok((one.wait_left(POD).await?, relay))
}

/// An order to send it over a relay.
fn over_relay(
    spec: &GuestSpec,
    there: Listening,
    cut: Option<(Direction, u64)>,
) -> Result<(Order, Relay)> {
    let relay = Relay::to((there.address, there.port).into())?;
    if let Some((direction, bytes)) = cut {
        relay.cut_after(direction, Bytes::new(bytes));
    }
    let mut order = migrate(spec, UID, "node-2", there, &plain());
    order.port = relay.address().port();
    Ok((Order::Migrate(order), relay))
}

/// The last bytes of a direction are those in which nobody knows by himself who runs the guest.
async fn every_cut(direction: Direction) -> Result<()> {
    let (_cluster, one, two) = Cluster::pair().await?;
    let (end, relay) = move_over(&one, &two, None).await?;
    ensure!(matches!(end, LeavingEnd::Completed { .. }), "{end:?}");
    let total = relay.carried(direction).get();
    let mut doubts = 0;
    let cuts = [400, 200, 100, 60, 50, 40, 30, 24, 20, 16, 12, 8, 4, 2, 1];
    for after in cuts.into_iter().filter_map(|before| total.checked_sub(before)) {
        println!("{direction:?}: {after} of {total}");
        let (cluster, one, two) = Cluster::pair().await?;
        let (end, _relay) = move_over(&one, &two, Some((direction, after))).await?;
        match &end {
            LeavingEnd::Completed { .. } => {
                ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
                two.wait_state("pod-2", GuestState::Running).await?;
            }
            LeavingEnd::Failed { .. } => {
                one.wait_state(POD, GuestState::Running).await?;
            }
        }
        let story = cluster.client(&one, one.identity()).await?.story(UID).await?;
        let asked = story.milestones.iter().any(|it| it.what.contains("which copy lives"));
        println!("  {end:?}{}", if asked { ", after asking" } else { "" });
        doubts += u32::from(asked);
        runs_at([(&one, POD), (&two, "pod-2")])?.verify(&cluster, "db").await?;
    }
    ensure!(doubts > 0, "no cut has met the moment in which nobody knows");
    Ok(())
}

#[tokio::test]
async fn a_link_that_breaks_at_the_hand_over_of_what_the_source_says() -> Result<()> {
    every_cut(Direction::Forth).await
}

#[tokio::test]
async fn a_link_that_breaks_at_the_hand_over_of_what_the_target_says() -> Result<()> {
    every_cut(Direction::Back).await
}

/// Whether a guest that was awaited has begun to run, as its console says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Evidence {
    HasRun,
    NeverRan,
}

/// Moves a guest whose link is cut one byte before the end of a direction, without the daemon of its
/// target, kills what was awaited or has arrived there, and has the daemon look at what is left. Says
/// what there was to see; nothing if the cut came too early for a doubt, as on a busy machine.
async fn killed_in_doubt(direction: Direction) -> Result<Option<Evidence>> {
    let total = {
        let (_cluster, one, two) = Cluster::pair().await?;
        move_over(&one, &two, None).await?.1.carried(direction).get()
    };
    let (_cluster, one, mut two) = Cluster::pair().await?;
    let spec = quiet();
    one.run(&spec).await?;
    let console = one.guest_dir(POD).join("serial.log");
    wait_until("it is booted", || {
        Ok(std::fs::read_to_string(&console)?.contains("booted").then_some(()))
    })?;
    let there = two.expect(&target(&spec, "pod-2"), UID, &plain(), 1).await?;
    two.crash().await;
    let (order, _relay) = over_relay(&spec, there, Some((direction, total - 1)))?;
    one.guests().order(order);
    let is_in_doubt = one.wait(POD, |report| {
        let leaving = leaving(report)?;
        let is_held = leaving.started.is_some() && report.state == GuestState::Held;
        (is_held || leaving.end.is_some()).then_some(leaving.end.is_none())
    });
    if !is_in_doubt.await? {
        return Ok(None);
    }
    two.signal("pod-2", Signal::SIGKILL)?;
    let console = two.guest_dir("pod-2").join("serial.log");
    two.start().await?;
    let there = two.wait_ended("pod-2").await?;
    let here = one.wait_left(POD).await?;
    let said = std::fs::read_to_string(console)?;
    if said.contains("goes on here") {
        ensure!(matches!(there, GuestEnd::Crashed { .. }), "{there:?}");
        ensure!(matches!(here, LeavingEnd::Completed { .. }), "{here:?}");
        ensure!(one.wait_ended(POD).await? == GuestEnd::Moved);
        return Ok(Some(Evidence::HasRun));
    }
    ensure!(matches!(there, GuestEnd::NeverCame { .. }), "{there:?}");
    ensure!(matches!(here, LeavingEnd::Failed { aborted: false, .. }), "{here:?}");
    one.wait_state(POD, GuestState::Running).await?;
    Ok(Some(Evidence::NeverRan))
}

/// Tries until the moment is met.
async fn met(direction: Direction, wanted: Evidence) -> Result<()> {
    for _ in 0..10 {
        if killed_in_doubt(direction).await? == Some(wanted) {
            return Ok(());
        }
    }
    anyhow::bail!("no guest was killed when {wanted:?}")
}

#[tokio::test]
async fn a_target_that_is_killed_before_the_guest_has_run_gives_it_back() -> Result<()> {
    met(Direction::Forth, Evidence::NeverRan).await
}

#[tokio::test]
async fn a_target_that_is_killed_after_the_guest_has_run_does_not_give_it_back() -> Result<()> {
    met(Direction::Back, Evidence::HasRun).await
}
