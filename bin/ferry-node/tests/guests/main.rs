//! Guests of several nodes in one process, with real ferry-guest processes and gRPC between them.

mod common;
mod daemon;
mod faults;
mod life;
mod moves;
mod postcopy;
mod questions;
