//! The program as those who drive it see it: a process with sockets.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod arguments;
mod common;
mod ending;
mod hostile;
mod overhead;
mod python;
mod session;
mod states;
