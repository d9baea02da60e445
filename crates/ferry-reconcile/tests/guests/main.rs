//! Nodes on a registry, with guests that are played: what a node writes and orders, row by row, and
//! that never two copies of a guest run, whatever happens.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

#[allow(dead_code, reason = "the control plane's tests use the rest")]
#[path = "../control/cluster.rs"]
mod cluster;
mod crossings;
mod daemons;
mod endings;
mod migrations;
#[allow(dead_code, reason = "the control plane's tests use the rest")]
#[path = "../control/objects.rs"]
mod objects;
mod presence;
mod processes;
mod starts;
mod world;
