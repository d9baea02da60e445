//! The program ferry-node.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what is wrong by failing"))]

pub mod networks;

use std::process::ExitCode;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
