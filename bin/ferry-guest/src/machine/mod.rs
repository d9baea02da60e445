//! What runs.

mod chance;
mod coding;
mod content;
mod entry;
mod meter;
mod pacer;
mod pattern;
mod table;
mod workload;
mod zipf;

pub use coding::StateError;
pub use workload::{WorkloadError, WorkloadText, WorkloadTextError, parse as parse_workload};
