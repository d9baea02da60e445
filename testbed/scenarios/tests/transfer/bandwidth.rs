//! The limits of bandwidth, measured from outside.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferry_harness::{Direction, Pair, Side};
use ferry_qmp::MigrateStartPostcopy;
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, MigrationStatus, Milliseconds};
use ferry_scenarios::{busy, limits};
use ferry_units::{Bytes, BytesPerSecond};

/// Measures until so much more has passed as the limit allows in a little over two seconds.
fn holds(pair: &Pair, limit: BytesPerSecond) -> Result<()> {
    let relay = pair.relay()?;
    let carried = |more: u64| Bytes::new(relay.carried(Direction::Forth).get() + more);
    // What the kernel holds of before passes first.
    relay.wait_carried(Direction::Forth, carried(limit.get() / 4))?;
    let from = Instant::now();
    relay.wait_carried(Direction::Forth, carried(limit.get() * 21 / 10))?;
    let to = Instant::now();
    let meter = relay.meter(Direction::Forth);
    let rate = meter.rate(from, to);
    let off = rate.get().abs_diff(limit.get());
    ensure!(off * 100 <= limit.get() * 3, "{rate} where {limit} was set");
    let peak = meter.peak(from, to, Duration::from_millis(100));
    ensure!(peak.get() <= limit.get() * 2, "a burst of {peak} where {limit} was set");
    Ok(())
}

#[test]
fn a_limit_of_pre_copy_holds_and_can_be_changed() -> Result<()> {
    for channels in [1, 4] {
        println!("{channels} channels");
        let mut pair = Pair::start(&busy())?;
        pair.enable(&[MigrationCapability::Multifd])?;
        let first = BytesPerSecond::from_mib(8);
        pair.set(&MigrateSetParameters {
            multifd_channels: Some(channels),
            ..limits(first, Milliseconds(1))
        })?;
        pair.listen_behind_relay()?;
        pair.migrate()?;
        pair.wait(Side::Source, MigrationStatus::Active)?;
        holds(&pair, first)?;
        let second = BytesPerSecond::from_mib(16);
        pair.set(&limits(second, Milliseconds(1)))?;
        holds(&pair, second)?;
        pair.set(&ferry_scenarios::let_go())?;
        pair.wait_completed()?;
        ensure!(pair.who_runs()? == Side::Destination);
        pair.verify(Side::Destination)?;
    }
    Ok(())
}

#[test]
fn a_limit_of_post_copy_holds() -> Result<()> {
    // Idle, so that nothing is asked for: requested pages are not held back.
    let mut pair = Pair::start(&busy().workload("idle"))?;
    pair.enable(&[MigrationCapability::PostcopyRam])?;
    let limit = BytesPerSecond::from_mib(8);
    pair.set(&MigrateSetParameters {
        max_postcopy_bandwidth: Some(limit),
        ..limits(BytesPerSecond::from_mib(1), Milliseconds(1))
    })?;
    pair.listen_behind_relay()?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Source, MigrationStatus::PostcopyActive)?;
    holds(&pair, limit)?;
    pair.wait_completed()?;
    pair.verify(Side::Destination).map(drop)
}
