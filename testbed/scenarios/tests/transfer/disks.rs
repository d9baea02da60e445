//! Disks move with the guest, or are handed over.

use anyhow::{Result, ensure};
use ferry_harness::{Disk, GuestBuilder, Pair, Side};
use ferry_qmp::{Event, QueryBlock};
use ferry_scenarios::busy;
use ferry_units::Bytes;

fn writes_to_disks() -> GuestBuilder {
    busy().workload("disk,disk-rate=4Mi,rate=4Mi")
}

fn arrives(guest: &GuestBuilder) -> Result<Pair> {
    let mut pair = Pair::start(guest)?;
    pair.source.wait_progress()?;
    pair.migrate()?;
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    let report = pair.verify(Side::Destination)?;
    ensure!(report.blocks > 0, "disks are checked too");
    // It goes on writing there, and nowhere else.
    pair.destination.wait_progress()?;
    pair.verify(Side::Destination)?;
    Ok(pair)
}

fn is_active(pair: &Pair, side: Side) -> Result<Vec<bool>> {
    let disks = pair.guest(side).qmp().execute(&QueryBlock)?;
    Ok(disks.iter().filter_map(|disk| Some(disk.inserted.as_ref()?.active)).collect())
}

#[test]
fn local_disks_are_copied_while_they_are_written() -> Result<()> {
    let size = Bytes::from_mib(16);
    let guest =
        writes_to_disks().disk(Disk::Local { size }).disk(Disk::Local { size: Bytes::from_mib(4) });
    let pair = arrives(&guest)?;
    ensure!(pair.source.dir().join("disk0.img").metadata()?.len() == size.get());
    ensure!(pair.destination.dir().join("disk0.img").metadata()?.len() == size.get());
    Ok(())
}

#[test]
fn shared_disks_are_handed_over() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let shared = Disk::Shared { path: dir.path().join("shared.img"), size: Bytes::from_mib(16) };
    let pair = arrives(&writes_to_disks().disk(shared))?;
    ensure!(is_active(&pair, Side::Source)? == [false], "the source has let go of it");
    ensure!(is_active(&pair, Side::Destination)? == [true]);
    Ok(())
}

#[test]
fn one_of_each_moves_together() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let size = Bytes::from_mib(8);
    let shared = Disk::Shared { path: dir.path().join("shared.img"), size };
    arrives(&writes_to_disks().disk(Disk::Local { size }).disk(shared)).map(drop)
}

#[test]
fn a_shared_disk_comes_back_when_the_move_is_given_up() -> Result<()> {
    use ferry_qmp::words::{MigrationCapability, MigrationStatus};
    let dir = tempfile::tempdir()?;
    let shared = Disk::Shared { path: dir.path().join("shared.img"), size: Bytes::from_mib(8) };
    let mut pair = Pair::start(&writes_to_disks().disk(shared))?;
    pair.enable(&[MigrationCapability::PauseBeforeSwitchover])?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::PreSwitchover)?;
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    ensure!(pair.who_runs()? == Side::Source);
    ensure!(is_active(&pair, Side::Source)? == [true]);
    pair.source.wait_progress()?;
    pair.verify(Side::Source).map(drop)
}

#[test]
fn a_disk_that_moves_is_told_of_as_a_job_that_mirrors_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let size = Bytes::from_mib(8);
    let shared = Disk::Shared { path: dir.path().join("shared.img"), size };
    let pair = arrives(&writes_to_disks().disk(Disk::Local { size }).disk(shared))?;
    let since = pair.since(Side::Source);
    pair.source.qmp().wait_named(since, "BLOCK_JOB_COMPLETED")?;
    let mut told = Vec::new();
    for notice in pair.source.qmp().events(since) {
        let progress = match notice.known() {
            Some(Event::BlockJobReady(progress)) => progress,
            Some(Event::BlockJobCompleted(completed)) => {
                ensure!(completed.error.is_none(), "{:?}", completed.error);
                &completed.progress
            }
            Some(_) | None => continue,
        };
        ensure!(progress.device == "disk0", "{} does not move", progress.device);
        told.push((notice.name().to_owned(), u64::try_from(progress.len)?));
    }
    let expected = ["BLOCK_JOB_READY", "BLOCK_JOB_COMPLETED"];
    ensure!(told == expected.map(|name| (name.to_owned(), size.get())), "{told:?}");
    Ok(())
}
