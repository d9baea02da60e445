//! The controller as a process, with a real API server and nodes that are played: each node with its
//! own credentials, and no guest.

mod cluster;
mod faults;
mod lives;
mod nodes;
mod process;
