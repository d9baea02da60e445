//! Post-copy that loses its connection loses nothing else.

use anyhow::{Result, ensure};
use ferry_harness::{Direction, Mark, Pair, Relay, Side};
use ferry_qmp::words::{
    MigrateRecover, MigrateSetParameters, MigrationCapability, MigrationStatus,
};
use ferry_qmp::{MigratePause, MigrateStartPostcopy};
use ferry_scenarios::{busy, hold_back};
use ferry_units::{Bytes, BytesPerSecond};

/// A guest that runs at the destination, with most of its memory at the source.
pub(crate) fn post_copy() -> Result<Pair> {
    let mut pair = Pair::start(&busy())?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    pair.set(&MigrateSetParameters {
        max_postcopy_bandwidth: Some(BytesPerSecond::from_mib(8)),
        ..hold_back()
    })?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Source, MigrationStatus::PostcopyActive)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyActive)?;
    pair.look_anew();
    Ok(pair)
}

pub(crate) fn wait_paused(pair: &Pair) -> Result<()> {
    pair.wait(Side::Source, MigrationStatus::PostcopyPaused)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyPaused)
}

/// Lets the destination listen again, behind a new relay.
fn listen_again(pair: &mut Pair) -> Result<()> {
    let uri = "tcp:127.0.0.1:0".to_owned();
    pair.destination.qmp().execute_out_of_band(&MigrateRecover { uri })?;
    pair.relay = Some(Relay::to(pair.address()?)?);
    pair.look_anew();
    Ok(())
}

fn go_on(pair: &mut Pair) -> Result<()> {
    listen_again(pair)?;
    pair.resume(&pair.relay()?.uri())?;
    pair.wait(Side::Source, MigrationStatus::PostcopyRecover)?;
    pair.wait(Side::Source, MigrationStatus::PostcopyActive)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyActive)
}

fn arrives(mut pair: Pair) -> Result<()> {
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.destination.wait_progress()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_lost_connection_pauses_both_sides_and_they_go_on() -> Result<()> {
    let mut pair = post_copy()?;
    pair.relay()?.cut();
    wait_paused(&pair)?;
    go_on(&mut pair)?;
    arrives(pair)
}

#[test]
fn it_can_be_lost_again_and_again() -> Result<()> {
    let mut pair = post_copy()?;
    for _ in 0..4 {
        pair.relay()?.cut();
        wait_paused(&pair)?;
        go_on(&mut pair)?;
        pair.look_anew();
    }
    arrives(pair)
}

#[test]
fn either_side_can_be_told_to_pause() -> Result<()> {
    for side in [Side::Source, Side::Destination] {
        println!("{side:?}");
        let mut pair = post_copy()?;
        pair.guest(side).qmp().execute_out_of_band(&MigratePause)?;
        wait_paused(&pair)?;
        go_on(&mut pair)?;
        arrives(pair)?;
    }
    Ok(())
}

#[test]
fn it_can_be_lost_while_it_recovers() -> Result<()> {
    // In the first words, and in what the sides tell each other of what is there.
    for (direction, bytes) in [
        (Direction::Forth, 1),
        (Direction::Back, 1),
        (Direction::Forth, 40),
        (Direction::Back, 40),
        (Direction::Back, 200),
    ] {
        println!("{direction:?} after {bytes} bytes");
        let mut pair = post_copy()?;
        pair.relay()?.cut();
        wait_paused(&pair)?;
        listen_again(&mut pair)?;
        pair.relay()?.cut_after(direction, Bytes::new(bytes));
        pair.resume(&pair.relay()?.uri())?;
        pair.wait(Side::Source, MigrationStatus::PostcopyPaused)?;
        // The destination is back there, or has not noticed that anybody came.
        let state = pair.info(Side::Destination)?.status;
        if state != Some(MigrationStatus::PostcopyPaused) {
            pair.wait(Side::Destination, MigrationStatus::PostcopyPaused)?;
        }
        go_on(&mut pair)?;
        arrives(pair)?;
    }
    Ok(())
}

#[test]
fn a_connection_that_cannot_be_made_leaves_it_paused() -> Result<()> {
    let mut pair = post_copy()?;
    pair.relay()?.cut();
    wait_paused(&pair)?;
    pair.look_anew();
    pair.resume("tcp:127.0.0.1:1")?;
    pair.wait(Side::Source, MigrationStatus::PostcopyPaused)?;
    let why = pair.info(Side::Source)?.error_desc.unwrap_or_default();
    ensure!(why.contains("127.0.0.1:1"), "{why}");
    let since = pair.source.qmp().migration_states(Mark::default());
    ensure!(since.contains(&MigrationStatus::PostcopyRecoverSetup), "{since:?}");
    go_on(&mut pair)?;
    arrives(pair)
}

#[test]
fn there_is_nothing_to_recover_while_nothing_is_lost() -> Result<()> {
    let pair = post_copy()?;
    let recover = MigrateRecover { uri: "tcp:127.0.0.1:0".to_owned() };
    let refusal = pair.destination.qmp().refusal(&recover)?;
    ensure!(refusal == "Migrate recover can only be run when postcopy is paused.", "{refusal}");
    arrives(pair)
}

#[test]
fn a_guest_that_was_let_run_at_the_source_cannot_be_sent_on() -> Result<()> {
    let mut pair = post_copy()?;
    pair.relay()?.cut();
    wait_paused(&pair)?;
    // A reset does not touch what it has left behind.
    pair.source.qmp().execute(&ferry_qmp::SystemReset)?;
    go_on(&mut pair)?;
    let refusal = pair.source.qmp().refusal(&ferry_qmp::Cont)?;
    ensure!(refusal == "Migration is not finalized yet", "{refusal}");
    pair.look_anew();
    pair.relay()?.cut();
    wait_paused(&pair)?;
    // Somebody believes that the destination is dead, and is wrong.
    pair.source.qmp().execute(&ferry_qmp::Cont)?;
    pair.source.wait_progress()?;
    listen_again(&mut pair)?;
    let uri = Some(pair.relay()?.uri());
    let resume = ferry_qmp::words::Migrate { uri, resume: Some(true), ..Default::default() };
    let refusal = pair.source.qmp().refusal(&resume)?;
    ensure!(refusal.contains("has run here since"), "{refusal}");
    ensure!(pair.info(Side::Source)?.status == Some(MigrationStatus::PostcopyPaused));
    Ok(())
}
