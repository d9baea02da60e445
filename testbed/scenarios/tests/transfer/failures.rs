//! Peers that die, say nothing, or say nonsense: before the switch the source runs on.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Result, ensure};
use ferry_harness::{LIMIT, Pair, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{
    MigrateContinue, MigrateSetParameters, MigrationCapability, MigrationStatus, RunState,
};
use ferry_scenarios::{busy, hold_back, let_go, moves_after_all};
use ferry_units::BytesPerSecond;

/// The source has failed, says why, and runs on. A new destination can have it.
fn runs_on(pair: Pair) -> Result<()> {
    pair.wait(Side::Source, MigrationStatus::Failed)?;
    let why = pair.info(Side::Source)?.error_desc.unwrap_or_default();
    println!("{why}");
    ensure!(!why.is_empty(), "it says why");
    ensure!(pair.source.run_state()? == RunState::Running);
    moves_after_all(pair)
}

#[test]
fn nobody_listens() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.listen_behind_relay()?;
    pair.relay()?.refuse();
    pair.migrate()?;
    runs_on(pair)
}

#[test]
fn the_destination_dies_in_setup() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.listen_behind_relay()?;
    pair.relay()?.stall();
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Setup)?;
    pair.destination.kill()?;
    pair.relay()?.resume();
    runs_on(pair)
}

#[test]
fn the_destination_dies_in_active() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&hold_back())?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.wait(Side::Destination, MigrationStatus::Active)?;
    pair.destination.kill()?;
    runs_on(pair)
}

#[test]
fn the_destination_dies_in_device() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.set(&let_go())?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    let state = MigrationStatus::PreSwitchover;
    pair.wait(Side::Source, state)?;
    pair.relay()?.stall();
    pair.source.qmp().execute(&MigrateContinue { state })?;
    pair.wait(Side::Source, MigrationStatus::Device)?;
    pair.destination.kill()?;
    pair.relay()?.resume();
    runs_on(pair)
}

#[test]
fn the_source_dies_in_active() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&hold_back())?;
    pair.migrate()?;
    pair.wait(Side::Destination, MigrationStatus::Active)?;
    pair.source.kill()?;
    pair.wait(Side::Destination, MigrationStatus::Failed)?;
    ensure!(pair.destination.run_state()? == RunState::Inmigrate, "half a guest does not run");
    let refusal = pair.destination.qmp().refusal(&ferry_qmp::words::MigrateIncoming {
        uri: Some("tcp:127.0.0.1:0".to_owned()),
        ..ferry_qmp::words::MigrateIncoming::default()
    })?;
    ensure!(refusal == "The incoming migration has already been started", "{refusal}");
    Ok(())
}

#[test]
fn the_source_dies_in_post_copy() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    pair.set(&MigrateSetParameters {
        max_postcopy_bandwidth: Some(BytesPerSecond::from_mib(2)),
        ..hold_back()
    })?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyActive)?;
    pair.source.kill()?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyPaused)
}

#[test]
fn a_destination_that_fails_exits_unless_it_is_told_not_to() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.set(&hold_back())?;
    let uri = Some("tcp:127.0.0.1:0".to_owned());
    let incoming = ferry_qmp::words::MigrateIncoming { uri, channels: None, exit_on_error: None };
    pair.destination.qmp().execute(&incoming)?;
    pair.migrate()?;
    pair.wait(Side::Destination, MigrationStatus::Active)?;
    pair.cancel()?;
    let status = pair.destination.wait_exit()?;
    ensure!(status.code() == Some(1), "{status}");
    ensure!(pair.who_runs()? == Side::Source);
    Ok(())
}

#[test]
fn a_peer_that_falls_silent_is_noticed() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.listen_behind_relay()?;
    pair.set(&ferry_scenarios::limits(
        BytesPerSecond::from_mib(16),
        ferry_qmp::words::Milliseconds(1),
    ))?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.relay()?.stall();
    runs_on(pair)
}

#[test]
fn nonsense_at_the_door_does_no_harm() -> Result<()> {
    for nonsense in [
        &b""[..],
        b"\0",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xFF; 4096],
        b"QEVM\0\0\0\x03",
        &vec![0; 70_000],
    ] {
        println!("{} bytes", nonsense.len());
        let mut pair = Pair::start(&busy())?;
        let mut stranger = TcpStream::connect(pair.listen()?)?;
        stranger.set_read_timeout(Some(LIMIT))?;
        // It may hang up before it has heard all of it.
        let _written = stranger.write_all(nonsense);
        let _shut = stranger.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        if let Err(error) = stranger.read_to_end(&mut answer) {
            ensure!(error.kind() == std::io::ErrorKind::ConnectionReset, "{error}");
        }
        ensure!(pair.destination.run_state()? == RunState::Inmigrate);
        pair.migrate()?;
        pair.wait_completed()?;
        ensure!(pair.who_runs()? == Side::Destination);
        pair.verify(Side::Destination)?;
    }
    Ok(())
}
