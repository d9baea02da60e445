//! Behaviours, as tests against real processes: what they have in common.
//!
//! The tests are in `tests/`, one file for each theme, named after what is to be seen. None of them
//! waits for time to pass; a migration is driven to where it is wanted by parameters, as QEMU's own
//! tests do: [`hold_back`] keeps it from converging, and [`let_go`] lets it.

mod dice;

pub use dice::Dice;

use anyhow::{Result, ensure};
use ferry_harness::{Guest, GuestBuilder, Pair, Side};
use ferry_qmp::words::{
    MigrateContinue, MigrateSetParameters, MigrationCapability, MigrationStatus, Milliseconds,
};
use ferry_units::{Bytes, BytesPerSecond};

/// No limit of bandwidth.
pub const UNLIMITED: BytesPerSecond = BytesPerSecond::new(0);

/// A small guest whose memory is full and that writes all over it.
pub fn busy() -> GuestBuilder {
    let memory = Bytes::from_mib(32);
    GuestBuilder::new().memory(memory).fill(memory).cpus(2).workload("random,rate=40Mi")
}

/// Parameters that set bandwidth and downtime.
pub fn limits(bandwidth: BytesPerSecond, downtime: Milliseconds) -> MigrateSetParameters {
    MigrateSetParameters {
        max_bandwidth: Some(bandwidth),
        downtime_limit: Some(downtime),
        ..MigrateSetParameters::default()
    }
}

/// Parameters with which a [`busy`] guest never converges.
pub fn hold_back() -> MigrateSetParameters {
    limits(BytesPerSecond::new(3_000_000), Milliseconds(1))
}

/// Parameters with which every guest converges at once.
pub fn let_go() -> MigrateSetParameters {
    limits(UNLIMITED, Milliseconds(30_000))
}

/// A guest that has stayed at its source, for whatever reason, runs on unharmed and can be moved to
/// another destination at once.
///
/// # Errors
/// When it does not, or cannot.
pub fn moves_after_all(pair: Pair) -> Result<()> {
    pair.source.wait_progress()?;
    pair.verify(Side::Source)?;
    let capabilities = pair.enabled()?;
    let Pair { source, .. } = pair;
    let mut again = Pair::of(source, Guest::start(&busy().destination())?)?;
    again.set(&let_go())?;
    again.enable(&capabilities)?;
    again.migrate()?;
    if capabilities.contains(&MigrationCapability::PauseBeforeSwitchover) {
        let state = MigrationStatus::PreSwitchover;
        again.wait(Side::Source, state)?;
        again.source.qmp().execute(&MigrateContinue { state })?;
    }
    again.wait_completed()?;
    ensure!(again.who_runs()? == Side::Destination);
    again.verify(Side::Destination).map(drop)
}
