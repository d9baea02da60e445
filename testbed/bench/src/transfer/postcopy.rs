//! What a guest feels when its memory follows later.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferry_harness::{GuestBuilder, Pair, Side};
use ferry_qmp::words::{MigrateSetParameters, MigrationCapability, MigrationStatus};
use ferry_qmp::{FerryStats, MigrateStartPostcopy};
use ferry_units::{Bytes, BytesPerSecond};

use crate::moves::{blackout, milliseconds};
use crate::results::{Measured, Unit};

/// Switches when hardly anything has crossed.
pub(super) fn take(memory: Bytes) -> Result<Vec<Measured>> {
    let guest = GuestBuilder::new().memory(memory).fill(memory).prealloc();
    let mut pair = Pair::start(&guest.workload("random,rate=max"))?;
    pair.enable(&[MigrationCapability::PostcopyRam, MigrationCapability::PostcopyPreempt])?;
    pair.set(&MigrateSetParameters {
        max_bandwidth: Some(BytesPerSecond::from_mib(1)),
        ..MigrateSetParameters::default()
    })?;
    let before = rate(&pair, Side::Source)?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    pair.source.qmp().execute(&MigrateStartPostcopy)?;
    pair.wait(Side::Destination, MigrationStatus::PostcopyActive)?;
    pair.destination.qmp().wait_named(pair.since(Side::Destination), "RESUME")?;
    let first_second = rate(&pair, Side::Destination)?;
    pair.wait_completed()?;
    pair.verify(Side::Destination)?;
    let stats = pair.destination.qmp().execute(&FerryStats)?;
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let microseconds = |nanos: Option<u64>| nanos.map(|nanos| nanos as f64 / 1e3);
    let p50 = microseconds(stats.fault_p50).context("faults were measured")?;
    let p99 = microseconds(stats.fault_p99).context("faults were measured")?;
    Ok(vec![
        Measured::new("post-copy blackout", Unit::Milliseconds, milliseconds(blackout(&pair)?)),
        Measured::new("post-copy fault p50", Unit::Microseconds, p50),
        Measured::new("post-copy fault p99", Unit::Microseconds, p99),
        Measured::new("post-copy first second, before", Unit::MebibytesPerSecond, before),
        Measured::new("post-copy first second, after", Unit::MebibytesPerSecond, first_second),
    ])
}

/// What the guest writes in the second from now.
pub(super) fn rate(pair: &Pair, side: Side) -> Result<f64> {
    let written = || Ok::<_, anyhow::Error>(pair.guest(side).workload()?.written.get());
    let (before, start) = (written()?, Instant::now());
    thread::sleep(Duration::from_secs(1));
    let (after, elapsed) = (written()?, start.elapsed());
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let mib = after.saturating_sub(before) as f64 / f64::from(1 << 20);
    Ok(mib / elapsed.as_secs_f64())
}
