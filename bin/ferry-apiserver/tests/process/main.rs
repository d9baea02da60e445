//! The program as a process: started, asked, killed, started again, told to end.

#![allow(clippy::unwrap_used, reason = "a test that fails says so by panicking")]

mod arguments;
mod common;
mod credentials;
mod ending;
mod starting;
