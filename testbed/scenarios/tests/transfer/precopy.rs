//! Pre-copy: whatever the guest does meanwhile, it arrives whole.

use anyhow::{Result, ensure};
use ferry_harness::{GuestBuilder, Pair, Side};
use ferry_qmp::words::{
    Empty, MigrateSetParameters, MigrationCapability, Milliseconds, RunState, Workload,
    WorkloadPattern,
};
use ferry_scenarios::{UNLIMITED, busy, limits};
use ferry_units::{Bytes, BytesPerSecond};

/// Moves the guest, and checks that it runs there and there only, with every page right.
fn moves(guest: &GuestBuilder) -> Result<Pair> {
    let pair = Pair::start(guest)?;
    arrives(pair)
}

fn arrives(mut pair: Pair) -> Result<Pair> {
    pair.migrate()?;
    pair.wait_completed()?;
    ensure!(pair.who_runs()? == Side::Destination);
    ensure!(pair.source.run_state()? == RunState::Postmigrate);
    pair.verify(Side::Destination)?;
    pair.blackout()?;
    Ok(pair)
}

#[test]
fn every_workload_arrives_whole() -> Result<()> {
    for workload in [
        "idle",
        "sequential,rate=20Mi",
        "random,rate=20Mi,contents=mixed",
        "hotspot,hot-writes=90,hot-pages=10,rate=20Mi,read-share=30",
        "zipf,exponent=1.1,rate=20Mi,contents=text",
        "phased:(random,rate=20Mi)/50ms+(idle)/50ms",
        "random,rate=max,working-set=4Mi",
        "random,rate=20Mi,contents=zero",
    ] {
        println!("{workload}");
        let pair = moves(&busy().workload(workload))?;
        if workload != "idle" {
            pair.destination.wait_progress()?;
            pair.verify(Side::Destination)?;
        }
    }
    Ok(())
}

#[test]
fn any_number_of_connections_carries_it() -> Result<()> {
    for channels in [1, 2, 4, 16] {
        println!("{channels} channels");
        let mut pair = Pair::start(&busy())?;
        pair.enable(&[MigrationCapability::Multifd])?;
        pair.set(&MigrateSetParameters {
            multifd_channels: Some(channels),
            ..MigrateSetParameters::default()
        })?;
        pair.listen_behind_relay()?;
        let pair = arrives(pair)?;
        // One more is for control.
        let opened = pair.relay()?.connections();
        ensure!(opened == usize::from(channels) + 1, "{opened} connections were opened");
        let carried = pair.relay()?.carried_by_each(ferry_harness::Direction::Forth);
        let used = carried.iter().filter(|bytes| **bytes > Bytes::from_mib(1)).count();
        ensure!(used >= usize::from(channels.min(4)), "uneven: {carried:?}");
    }
    Ok(())
}

#[test]
fn what_was_never_written_is_not_sent() -> Result<()> {
    let mut pair = Pair::start(&GuestBuilder::new().memory(Bytes::from_mib(256)))?;
    pair.listen_behind_relay()?;
    let pair = arrives(pair)?;
    let carried = pair.relay()?.carried(ferry_harness::Direction::Forth);
    ensure!(carried < Bytes::from_kib(256), "{carried} for a guest that never wrote");
    Ok(())
}

/// A guest that writes nothing but zeros, and has written all of its memory.
fn zeros_all_over(memory: Bytes) -> Result<Pair> {
    let guest = GuestBuilder::new().memory(memory).workload("sequential,rate=max,contents=zero");
    let pair = Pair::start(&guest)?;
    ferry_harness::wait_until("zeros all over", || {
        Ok((pair.source.workload()?.written >= memory).then_some(()))
    })?;
    Ok(pair)
}

#[test]
fn a_guest_that_is_nearly_all_zeros_converges_too() -> Result<()> {
    let pair = zeros_all_over(Bytes::from_mib(64))?;
    pair.source.set_workload(Workload {
        pattern: WorkloadPattern::Random(Empty {}),
        rate: Some(BytesPerSecond::from_mib(8)),
        working_set: None,
        read_share: None,
        contents: None,
    })?;
    pair.set(&limits(UNLIMITED, Milliseconds(50)))?;
    arrives(pair).map(drop)
}

#[test]
fn zeros_are_not_sent() -> Result<()> {
    let memory = Bytes::from_mib(64);
    let mut pair = zeros_all_over(memory)?;
    pair.listen_behind_relay()?;
    let pair = arrives(pair)?;
    let carried = pair.relay()?.carried(ferry_harness::Direction::Forth);
    ensure!(carried < Bytes::from_mib(4), "{carried} for zeros");
    let duplicate = pair.info(Side::Source)?.ram.map_or(0, |ram| ram.duplicate.get());
    ensure!(duplicate > 0, "pages of zeros are counted");
    Ok(())
}

#[test]
fn a_paused_guest_arrives_paused() -> Result<()> {
    let mut pair = Pair::start(&busy())?;
    pair.source.qmp().execute(&ferry_qmp::Stop)?;
    pair.migrate()?;
    pair.wait_completed()?;
    pair.wait_run_state(Side::Destination, RunState::Paused)?;
    pair.destination.qmp().execute(&ferry_qmp::Cont)?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.destination.wait_progress()?;
    pair.verify(Side::Destination).map(drop)
}

#[test]
fn a_destination_that_starts_paused_waits() -> Result<()> {
    let source = ferry_harness::Guest::start(&busy())?;
    let destination = ferry_harness::Guest::start(&busy().destination().paused())?;
    let mut pair = Pair::of(source, destination)?;
    pair.migrate()?;
    pair.wait_completed()?;
    ensure!(pair.who_runs().is_err(), "it runs nowhere yet");
    pair.destination.qmp().execute(&ferry_qmp::Cont)?;
    ensure!(pair.who_runs()? == Side::Destination);
    pair.verify(Side::Destination).map(drop)
}
