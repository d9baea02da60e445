//! Documents as people and clusters write them: what is kept of them, what is refused, and how.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes all snapshots alike")]

mod catalog;
mod common;
mod defaults;
mod discovery;
mod identity_errors;
mod manifest_refusals;
mod manifest_text;
mod misspelt;
mod openapi;
mod pod_tables;
mod properties;
mod round_trip;
mod schemas;
mod selectable;
mod strategies;
mod tables;
mod unknown_fields;
mod value_errors;
