//! What a migration costs the guest, and what a guest's process costs its host.

use anyhow::Result;
use ferry_harness::{Guest, GuestBuilder, Pair, Side};
use ferry_qmp::words::{MigrateSetParameters, MigrationStatus, Milliseconds};
use ferry_units::{Bytes, BytesPerSecond};

use super::postcopy::rate;
use crate::results::{Measured, Unit};

/// By how much a guest that writes as fast as it can is slower while its writes are followed. Little
/// is sent meanwhile, so that the sender does not compete for the processors.
pub(super) fn slowdown(memory: Bytes) -> Result<Vec<Measured>> {
    let guest = GuestBuilder::new().memory(memory).fill(memory).prealloc();
    let mut pair = Pair::start(&guest.workload("random,rate=max"))?;
    pair.set(&MigrateSetParameters {
        max_bandwidth: Some(BytesPerSecond::from_mib(20)),
        downtime_limit: Some(Milliseconds(1)),
        ..MigrateSetParameters::default()
    })?;
    let before = rate(&pair, Side::Source)?;
    pair.migrate()?;
    pair.wait(Side::Source, MigrationStatus::Active)?;
    let during = rate(&pair, Side::Source)?;
    pair.cancel()?;
    pair.wait(Side::Source, MigrationStatus::Cancelled)?;
    let after = rate(&pair, Side::Source)?;
    // Between two, because the machine has its moods.
    let without = f64::midpoint(before, after);
    Ok(vec![
        Measured::new("write rate, not followed", Unit::MebibytesPerSecond, without),
        Measured::new("write rate, followed", Unit::MebibytesPerSecond, during),
        Measured::new("slowdown by tracking", Unit::Percent, (1.0 - during / without) * 100.0),
    ])
}

/// What a guest's process has beside the guest's memory.
pub(super) fn overhead(memory: Bytes) -> Result<Vec<Measured>> {
    let guest = Guest::start(&GuestBuilder::new().memory(memory).fill(memory).prealloc())?;
    guest.run_state()?;
    #[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
    let mib = guest.usage()?.private.get() as f64 / f64::from(1 << 20);
    Ok(vec![Measured::new("overhead", Unit::Mebibytes, mib)])
}
