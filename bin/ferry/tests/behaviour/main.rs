//! The program as its users run it.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "a test that fails says so by panicking, and expect-test writes all snapshots alike"
)]

mod common;

mod documents;
mod explain_errors;
mod explain_inputs;
