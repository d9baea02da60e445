//! Starts real processes, breaks what is between them, and looks at what is left.
//!
//! Behind the process tests and the benches: guests as children of the test, their QMP sockets, a
//! relay that stands for a bad network, certificates made on the spot; an API server and a shell in
//! which `kubectl` talks to it. Everything blocks, because a
//! test is a story that is told in order, and everything that waits does so up to a limit that only
//! a broken program reaches.
//!
//! ```text
//!   test ──Qmp──► source guest ──TCP──► Relay ──TCP──► destination guest ◄──Qmp── test
//!                                        cut, slow,
//!                                        stall, count
//! ```
//!
//! ```no_run
//! use ferry_harness::{GuestBuilder, Pair, Side};
//! use ferry_units::Bytes;
//!
//! let guest = GuestBuilder::new().memory(Bytes::from_mib(64)).workload("random,rate=100Mi");
//! let mut pair = Pair::start(&guest)?;
//! pair.migrate()?;
//! pair.wait_completed()?;
//! assert_eq!(pair.who_runs()?, Side::Destination);
//! pair.verify(Side::Destination)?;
//! println!("the guest stood still for {:?}", pair.blackout()?);
//! # Ok::<(), anyhow::Error>(())
//! ```

mod api;
mod boot_sector;
mod builder;
mod certificates;
mod guest;
mod pair;
mod process;
mod program;
mod qmp;
mod relay;
mod testbed;
mod wait;

pub use api::{ApiServer, ApiServerBuilder, Output, Shell, kubectls};
pub use boot_sector::BootSector;
pub use builder::{Disk, GuestBuilder, size_text};
pub use certificates::{Authority, certificates};
pub use ferry_config::Semantics;
pub use guest::Guest;
pub use pair::{Pair, Side};
pub use process::Usage;
pub use program::Program;
pub use qmp::{Mark, Qmp, QmpError, RawQmp};
pub use relay::{Direction, Meter, Relay, RelayState};
pub use testbed::{
    Arrival, Attachment, Cluster, Daemon, Dir, GuestName, GuestProcess, Link, LinkCondition,
    LinkOrder, LinkState, MIGRATION_PORTS, MachineStatus, Member, MigrationStatus, NodeStatus,
    Plan, ProcessId, ProcessStatus, Programs, Removal, Role, Status, Testbed, TestbedBuilder,
    Topology, TopologyError, Wanted, What, census, check_namespaces, down, serve_links, topology,
};
pub use wait::{LIMIT, wait_until};
