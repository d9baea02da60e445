//! What a machine may do when, and what it says when it may not.
//!
//! All of it is data and functions over values: a guest asks [`Standing::permit`] before it
//! executes a command, [`Capabilities::change`] and
//! [`Parameters::change`](crate::words::Parameters::change) when it executes two of them, and
//! [`MigrationInfo::report`](crate::words::MigrationInfo::report) when it is asked how the migration
//! goes, and [`MigrationStatus::successors`](crate::words::MigrationStatus::successors) to prove
//! that it changes state as QEMU does.

mod address;
mod capabilities;
mod parameters;
mod permit;
mod refusal;
mod report;
mod scan;
mod transitions;

pub use capabilities::{Abilities, Capabilities, Multifd};
pub use parameters::MAX_DOWNTIME_LIMIT;
pub use permit::Standing;
pub use refusal::Refusal;
pub use report::{IncomingMigration, OutgoingMigration};
pub use transitions::Side;
