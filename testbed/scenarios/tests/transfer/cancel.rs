//! A migration that is given up leaves the source as it was, and it can be moved at once.

use anyhow::{Result, ensure};
use ferry_harness::{Pair, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{
    MigrateContinue, MigrateSetParameters, MigrationCapability, MigrationStatus, RunState,
};
use ferry_scenarios::{busy, hold_back, let_go, moves_after_all};

/// Gives it up where it is, and then moves the guest after all.
fn is_given_up_and_moves(mut pair: Pair) -> Result<()> {
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    ensure!(pair.who_runs()? == Side::Source);
    moves_after_all(pair)
}

#[test]
fn in_setup() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.listen_behind_relay()?;
    pair.relay()?.stall();
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Setup)?;
    is_given_up_and_moves(pair)
}

#[test]
fn in_active() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::Multifd])?;
    pair.set(&hold_back())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    is_given_up_and_moves(pair)
}

#[test]
fn in_active_while_nothing_moves() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&hold_back())?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.relay()?.stall();
    is_given_up_and_moves(pair)
}

#[test]
fn in_pre_switchover() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.set(&let_go())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::PreSwitchover)?;
    is_given_up_and_moves(pair)
}

#[test]
fn in_device() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.set(&let_go())?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    let state = MigrationStatus::PreSwitchover;
    pair.wait(Side::Source, state)?;
    // What it says then does not arrive, so it stays there.
    pair.relay()?.stall();
    pair.source.qmp().execute(&MigrateContinue { state })?;
    pair.wait(Side::Source, MigrationStatus::Device)?;
    is_given_up_and_moves(pair)
}

#[test]
fn not_in_post_copy() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    pair.set(&MigrateSetParameters {
        max_postcopy_bandwidth: Some(ferry_units::BytesPerSecond::from_mib(8)),
        ..hold_back()
    })?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Source, MigrationStatus::PostcopyActive)?;
    let refusal = pair.source.qmp().refusal(&ferry_qmp::MigrateCancel)?;
    ensure!(refusal == "Postcopy migration in progress, cannot cancel.", "{refusal}");
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    ensure!(pair.source.run_state()? == RunState::Postmigrate);
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn when_nothing_moves_it_means_nothing() -> Result<()> {
    let pair = Pair::start(&busy())?;
    let since = pair.source.qmp().mark();
    pair.cancel()?;
    pair.source.run_state()?;
    ensure!(pair.source.qmp().events(since).is_empty());
    Ok(())
}
