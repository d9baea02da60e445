//! Behaviours, as tests against real processes: what they have in common.
//!
//! The tests are in `tests/`, one file for each theme, named after what is to be seen. None of them
//! waits for time to pass; a migration is driven to where it is wanted by parameters, as QEMU's own
//! tests do: [`hold_back`] keeps it from converging, and [`let_go`] lets it.

mod dice;

pub use dice::Dice;

use ferry_harness::GuestBuilder;
use ferry_qmp::words::{MigrateSetParameters, Milliseconds};
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
