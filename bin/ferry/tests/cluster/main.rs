//! The commands that talk to a cluster, against a real API server. What a controller and nodes would
//! do is done by the tests; a node's daemon is played by the service of ferry-rpc.

#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a test that fails says so by panicking, and expect-test writes all snapshots alike"
)]

mod common;

mod apply;
mod delete;
mod drain;
mod explain;
mod get;
mod guests;
mod kubeconfig;
mod migrate;
mod report;
mod watch;
