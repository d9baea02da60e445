//! Migrations that do not converge by themselves.

use anyhow::{Context, Result, ensure};
use ferry_harness::{Pair, Side, wait_until};
use ferry_qmp::Event;
use ferry_qmp::words::{
    MigrateSetParameters, MigrationCapability, MigrationStatus, Milliseconds, RunState,
};
use ferry_scenarios::{busy, limits};
use ferry_units::BytesPerSecond;

/// Waits until so many passes have begun.
fn wait_pass(pair: &Pair, pass: u64) -> Result<()> {
    let what = format!("pass {pass}");
    let qmp = pair.source.qmp();
    qmp.wait_event(
        pair.since(Side::Source),
        &what,
        |notice| matches!(notice.known(), Some(Event::MigrationPass(begun)) if begun.pass >= pass),
    )
    .map(drop)
}

#[test]
fn a_longer_downtime_lets_a_stuck_migration_finish() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    let bandwidth = BytesPerSecond::from_mib(16);
    pair.set(&limits(bandwidth, Milliseconds(1)))?;
    pair.migrate()?;
    wait_pass(&pair, 4)?;
    ensure!(pair.info(Side::Source)?.status == Some(MigrationStatus::Active), "it is stuck");
    pair.source.qmp().execute(&MigrateSetParameters {
        downtime_limit: Some(Milliseconds(10_000)),
        ..MigrateSetParameters::default()
    })?;
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn more_bandwidth_lets_a_stuck_migration_finish() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&limits(BytesPerSecond::from_mib(16), Milliseconds(100)))?;
    pair.migrate()?;
    wait_pass(&pair, 3)?;
    pair.source.qmp().execute(&MigrateSetParameters {
        max_bandwidth: Some(ferry_scenarios::UNLIMITED),
        ..MigrateSetParameters::default()
    })?;
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn vcpus_are_slowed_down_until_it_converges() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::AutoConverge])?;
    pair.set(&MigrateSetParameters {
        cpu_throttle_initial: Some(50),
        cpu_throttle_increment: Some(30),
        ..limits(BytesPerSecond::from_mib(24), Milliseconds(100))
    })?;
    pair.migrate()?;
    let throttle = || Ok(pair.info(Side::Source)?.cpu_throttle_percentage);
    let first = wait_until("a throttle", throttle)?;
    ensure!(first >= 50, "it began with {first} %");
    pair.wait_completed()?;
    ensure!(pair.source.run_state()? == RunState::Postmigrate);
    // At the destination nothing is slowed down: 40 MiB/s are reached again.
    wait_until("full speed", || {
        let rate = pair.destination.workload()?.memory_rate;
        Ok((rate >= BytesPerSecond::from_mib(30)).then_some(()))
    })?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn what_is_slowed_down_is_let_go_by_a_cancel() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::AutoConverge])?;
    pair.set(&MigrateSetParameters {
        cpu_throttle_initial: Some(90),
        ..limits(BytesPerSecond::from_mib(12), Milliseconds(1))
    })?;
    pair.migrate()?;
    wait_until("a throttle", || Ok(pair.info(Side::Source)?.cpu_throttle_percentage))?;
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    wait_until("full speed", || {
        let rate = pair.source.workload()?.memory_rate;
        Ok((rate >= BytesPerSecond::from_mib(30)).then_some(()))
    })
    .context("after the cancel")
}
