//! The moment at which the guest changes sides.

use anyhow::{Result, ensure};
use ferry_harness::{Mark, Pair, Qmp, Side};
use ferry_qmp::words::{MigrateContinue, MigrationCapability, MigrationStatus, RunState};
use ferry_qmp::{Event, MigrateStartPostcopy};
use ferry_scenarios::{busy, hold_back, let_go};

/// What happened, in a word each; passes, of which there may be any number, left out.
fn story(qmp: &Qmp) -> Vec<String> {
    let told = |notice: &ferry_qmp::Notice| match notice.known() {
        Some(Event::Migration(change)) => Some(change.status.to_string()),
        Some(Event::MigrationPass(_)) => None,
        Some(_) | None => Some(notice.name().to_owned()),
    };
    qmp.events(Mark::default()).iter().filter_map(told).collect()
}

#[test]
fn parity_events_of_pre_copy_come_in_qemus_order() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.migrate()?;
    pair.wait_completed()?;
    let source = story(pair.source.qmp());
    ensure!(source == ["setup", "active", "STOP", "device", "completed"], "{source:?}");
    let destination = story(pair.destination.qmp());
    ensure!(destination == ["setup", "active", "RESUME", "completed"], "{destination:?}");
    Ok(())
}

#[test]
fn parity_passes_are_counted_from_one_and_the_last_is_in_the_blackout() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.migrate()?;
    pair.wait_completed()?;
    let events = pair.source.qmp().events(Mark::default());
    let passes: Vec<u64> = events
        .iter()
        .filter_map(|notice| match notice.known() {
            Some(Event::MigrationPass(begun)) => Some(begun.pass),
            Some(_) | None => None,
        })
        .collect();
    ensure!(passes == (1..=passes.len() as u64).collect::<Vec<_>>(), "{passes:?}");
    let place = |is_it: &dyn Fn(&Event) -> bool| {
        events.iter().position(|notice| notice.known().is_some_and(is_it))
    };
    let stop = place(&|event| matches!(event, Event::Stop));
    let last =
        events.iter().rposition(|notice| matches!(notice.known(), Some(Event::MigrationPass(_))));
    ensure!(stop < last, "STOP at {stop:?}, the last pass at {last:?}");
    Ok(())
}

#[test]
fn parity_events_of_post_copy_come_in_qemus_order() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    pair.set(&hold_back())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait_completed()?;
    let source = story(pair.source.qmp());
    ensure!(
        source == ["setup", "active", "STOP", "device", "postcopy-active", "completed"],
        "{source:?}"
    );
    let destination = story(pair.destination.qmp());
    ensure!(
        destination == ["setup", "active", "postcopy-active", "RESUME", "completed"],
        "{destination:?}"
    );
    Ok(())
}

#[test]
fn parity_a_cancel_before_the_switch_resumes_before_it_is_cancelled() -> Result<()> {
    let mut pair = paused_before_switch()?;
    pair.look_anew();
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    let source = story(pair.source.qmp());
    ensure!(
        source.ends_with(&["cancelling", "RESUME", "cancelled"].map(str::to_owned)),
        "{source:?}"
    );
    pair.wait(Side::Destination, MigrationStatus::Failed)
}

fn paused_before_switch() -> Result<Pair> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.set(&let_go())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::PreSwitchover)?;
    Ok(pair)
}

#[test]
fn it_waits_before_the_switch_if_that_is_wished() -> Result<()> {
    let mut pair = paused_before_switch()?;
    ensure!(pair.source.run_state()? == RunState::FinishMigrate);
    ensure!(pair.who_runs().is_err(), "it stands still");
    let elsewhere = MigrateContinue { state: MigrationStatus::Device };
    let refusal = pair.source.qmp().refusal(&elsewhere)?;
    ensure!(refusal == "Migration not in expected state: pre-switchover", "{refusal}");
    let state = MigrationStatus::PreSwitchover;
    pair.source.qmp().execute(&MigrateContinue { state })?;
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn what_was_moved_away_is_not_moved_again() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.migrate()?;
    pair.wait_completed()?;
    let again = ferry_qmp::words::Migrate {
        uri: Some("tcp:127.0.0.1:1".to_owned()),
        ..ferry_qmp::words::Migrate::default()
    };
    let refusal = pair.source.qmp().refusal(&again)?;
    ensure!(
        refusal == "Can't migrate the vm that was paused due to previous migration",
        "{refusal}"
    );
    ensure!(pair.source.qmp().migration_states(pair.since(Side::Source)).len() == 4);
    Ok(())
}

#[test]
fn both_sides_agree_on_how_long_it_stood_still() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.migrate()?;
    pair.wait_completed()?;
    let stats = pair.source.qmp().execute(&ferry_qmp::FerryStats)?;
    let told = stats.blackout.ok_or_else(|| anyhow::anyhow!("{stats:?} has no blackout"))?;
    let seen = pair.blackout()?;
    // Events are sent after the vCPUs have stopped and before they run, or shortly after.
    let told = std::time::Duration::from_nanos(told);
    ensure!(told.abs_diff(seen).as_millis() < 20, "{told:?} told, {seen:?} seen");
    ensure!(!stats.passes.is_empty() && stats.passes[0].pass == 1, "{:?}", stats.passes);
    Ok(())
}
