//! A whole cluster of processes.

mod census;
mod cluster;
mod daemons;
mod dir;
mod disk;
mod ending;
mod faults;
mod handle;
mod launch;
mod links;
mod loopback;
mod netns;
mod objects;
mod plan;
mod programs;
mod ready;
mod role;
mod status;
mod story;
pub mod topology;
mod up;

pub use census::{GuestName, Member, ProcessId, What, census};
pub use cluster::Cluster;
pub use dir::{Dir, Removal};
pub use faults::{Daemon, GuestProcess, Link};
pub use handle::{Testbed, TestbedBuilder};
pub use links::{LinkCondition, LinkOrder, LinkState, serve_links};
pub use netns::check_namespaces;
pub use plan::{Attachment, MIGRATION_PORTS, Plan};
pub use programs::Programs;
pub use role::Role;
pub use status::{MachineStatus, MigrationStatus, NodeStatus, ProcessStatus, Status};
pub use topology::{Topology, TopologyError};
pub use up::{Arrival, Wanted, down};
