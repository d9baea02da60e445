//! The control plane on a registry, with nodes that are played: what each reconciler does, row by row,
//! and what holds whatever happens.
#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]
#![allow(dead_code, reason = "the cluster of tests grows ahead of the tests")]

mod cluster;
mod migrations;
mod nodes;
mod objects;
mod world;
