//! A whole cluster of processes.

mod census;
mod cluster;
mod daemons;
mod dir;
mod handle;
mod launch;
mod objects;
mod plan;
mod programs;
mod ready;
mod role;
pub mod topology;
mod up;

pub use census::{Member, ProcessId, What, census};
pub use cluster::{Cluster, Daemon};
pub use dir::Dir;
pub use handle::{Testbed, TestbedBuilder};
pub use plan::{Attachment, MIGRATION_PORTS, Plan};
pub use programs::Programs;
pub use role::Role;
pub use topology::{Topology, TopologyError};
pub use up::{Arrival, Wanted, down};
