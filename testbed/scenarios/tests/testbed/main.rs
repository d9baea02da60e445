//! A whole testbed of real processes, from the command line and from the library: how it comes up, what
//! it survives, and that nothing of it is left behind.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod common;
mod faults;
mod harness;
mod life;
mod links;
mod own_policies;
mod refused;
