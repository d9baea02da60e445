//! What ferry-policy decides, one file for each question.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    clippy::format_collect,
    clippy::needless_raw_string_hashes,
    reason = "a test that fails says so by panicking, and expect-test writes all snapshots alike"
)]

mod common;

mod explain;
mod hyperconverged;
mod matching;
mod model;
mod no_panic;
mod precedence;
mod settings;
mod warnings;
