//! Post-copy: the guest runs at the destination before its memory is there.

use anyhow::{Result, ensure};
use ferry_harness::{Direction, GuestBuilder, Pair, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{MigrationCapability, MigrationStatus, RunState};
use ferry_scenarios::{busy, hold_back};
use ferry_units::{Bytes, BytesPerSecond};

fn post_copy(guest: &GuestBuilder, capabilities: &[MigrationCapability]) -> Result<Pair> {
    let mut pair = Pair::start(guest)?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    pair.enable(capabilities)?;
    pair.set(&hold_back())?;
    pair.listen_behind_relay()?;
    Ok(pair)
}

fn arrives(mut pair: Pair) -> Result<Pair> {
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    ensure!(pair.source.run_state()? == RunState::Postmigrate);
    pair.destination.wait_progress()?;
    pair.verify(Side::Destination)?;
    pair.blackout()?;
    Ok(pair)
}

#[test]
fn it_can_begin_as_soon_as_anything_moves() -> Result<()> {
    for capabilities in
        [&[][..], &[MigrationCapability::PostcopyPreempt], &[MigrationCapability::Multifd]]
    {
        println!("{capabilities:?}");
        let mut pair = post_copy(&busy(), capabilities)?;
        pair.migrate()?;
        pair.wait(Side::Source, MigrationStatus::Active)?;
        pair.source.qmp().execute(&MigrateStartPostcopy)?;
        arrives(pair)?;
    }
    Ok(())
}

#[test]
fn it_can_begin_when_much_is_there_already() -> Result<()> {
    let mut pair = post_copy(&busy(), &[])?;
    let memory = Bytes::from_mib(32);
    pair.set(&ferry_scenarios::limits(
        BytesPerSecond::from_mib(16),
        ferry_qmp::words::Milliseconds(1),
    ))?;
    pair.migrate()?;
    pair.relay()?.wait_carried(Direction::Forth, memory)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    arrives(pair).map(drop)
}

#[test]
fn a_slow_network_keeps_the_guest_waiting_and_no_more() -> Result<()> {
    let mut pair = post_copy(&busy(), &[])?;
    pair.relay()?.limit(Direction::Forth, Some(BytesPerSecond::from_mib(12)));
    pair.relay()?.delay(Direction::Back, std::time::Duration::from_millis(2));
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyActive)?;
    pair.destination.qmp().wait_named(pair.since(Side::Destination), "RESUME")?;
    // It works, although most of its memory is elsewhere.
    pair.destination.wait_progress()?;
    let pair = arrives(pair)?;
    let ram = pair.info(Side::Source)?.ram.unwrap_or_default();
    ensure!(ram.postcopy_requests > 0, "nothing was asked for");
    Ok(())
}

#[test]
fn every_page_crosses_at_most_once_after_the_switch() -> Result<()> {
    let mut pair = post_copy(&busy(), &[])?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Source, MigrationStatus::PostcopyActive)?;
    let before = pair.relay()?.carried(Direction::Forth);
    let pair = arrives(pair)?;
    let after = pair.relay()?.carried(Direction::Forth).saturating_sub(before);
    // Headers, device state and the bitmap aside, no more than there is memory.
    ensure!(after < Bytes::from_mib(34), "{after} crossed after the switch of a guest of 32 MiB");
    Ok(())
}

#[test]
fn it_must_be_wished_for_before() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&hold_back())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    let refusal = pair.source.qmp().refusal(&MigrateStartPostcopy)?;
    ensure!(
        refusal == "Enable postcopy with migrate_set_capability before the start of migration",
        "{refusal}"
    );
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)
}

#[test]
fn the_blackout_does_not_grow_with_what_is_left() -> Result<()> {
    for mib in [16, 128] {
        let memory = Bytes::from_mib(mib);
        let guest = busy().memory(memory).fill(memory);
        let mut pair = post_copy(&guest, &[])?;
        pair.migrate()?;
        pair.wait(Side::Source, MigrationStatus::Active)?;
        pair.source.qmp().execute(&MigrateStartPostcopy)?;
        let pair = arrives(pair)?;
        let blackout = pair.blackout()?;
        println!("{memory}: {blackout:?}");
        // All of 128 MiB at 3 MB/s would be 44 s; this leaves room for a machine that is busy.
        ensure!(blackout.as_millis() < 500, "{blackout:?} for {memory}");
    }
    Ok(())
}
