//! Real clients talk to a real API server: what each command of kubectl prints, what is refused and
//! in which words, who gets in, and what is left after a crash.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

mod access;
mod apply;
mod common;
mod delete;
mod describe;
mod durability;
mod get;
mod hyperconverged;
mod manifests;
mod nodes;
mod python;
mod rust;
mod versions;
mod wait;
mod write;
