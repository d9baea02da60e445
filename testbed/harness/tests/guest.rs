//! The harness with the guest that it is for.

use anyhow::{Result, ensure};
use ferry_harness::{Guest, GuestBuilder, Mark};
use ferry_qmp::words::{MigrateContinue, MigrationStatus, RunState};
use ferry_qmp::{Cont, Stop};

#[test]
fn a_guest_starts_does_as_it_is_told_and_ends() -> Result<()> {
    let guest = Guest::start(&GuestBuilder::new().workload("random,rate=1Mi"))?;
    let other = guest.connect()?;
    ensure!(guest.run_state()? == RunState::Running);
    guest.wait_progress()?;
    guest.verify()?;
    guest.qmp().execute(&Stop)?;
    ensure!(guest.run_state()? == RunState::Paused);
    guest.qmp().execute(&Cont)?;
    let (stopped, resumed) = (
        other.wait_named(Mark::default(), "STOP")?.at,
        other.wait_named(Mark::default(), "RESUME")?.at,
    );
    ensure!(stopped <= resumed, "{stopped:?} {resumed:?}");
    let usage = guest.usage()?;
    ensure!(usage.private > ferry_units::Bytes::ZERO, "{usage:?}");
    guest.quit()
}

#[test]
fn what_is_refused_is_told_in_the_guests_words() -> Result<()> {
    let guest = Guest::start(&GuestBuilder::new())?;
    let state = MigrationStatus::PreSwitchover;
    let refusal = guest.qmp().refusal(&MigrateContinue { state })?;
    ensure!(refusal == "Migration not in expected state: none", "{refusal}");
    ensure!(guest.qmp().refusal(&Cont).is_err(), "what is not refused is an error here");
    Ok(())
}

#[test]
fn a_guest_that_cannot_start_says_why() {
    let error = Guest::start(&GuestBuilder::new().workload("sleeping")).unwrap_err();
    assert!(format!("{error:#}").contains("sleeping"), "{error:#}");
}

#[test]
fn a_guest_that_was_killed_answers_no_more() -> Result<()> {
    let mut guest = Guest::start(&GuestBuilder::new())?;
    guest.kill()?;
    ensure!(!guest.is_alive()?);
    ensure!(guest.run_state().is_err());
    Ok(())
}
