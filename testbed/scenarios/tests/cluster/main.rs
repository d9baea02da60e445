//! A whole cluster of real processes, as its users meet it: every behaviour of live migration, every
//! fault, and the tools around it.

mod bandwidth;
mod cancel;
mod chosen_nodes;
mod commands;
mod common;
mod cost;
mod disks;
mod drain;
mod full_disk;
mod hyperconverged;
mod kills;
mod limits;
mod links;
mod machines;
mod namespaces;
mod network;
mod placement;
mod policies;
mod post_copy;
mod qemu;
mod queue;
mod silence;
mod telling;
mod testbeds;
mod timeouts;
