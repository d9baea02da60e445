//! Guests of several nodes in one process, with real ferry-guest processes and gRPC between them.

#![allow(clippy::unwrap_used, reason = "a test says what is wrong by failing")]

mod common;
mod daemon;
mod faults;
mod life;
mod lost;
mod moves;
mod postcopy;
mod qemu;
mod qemu_faults;
mod qemu_linux;
mod questions;
