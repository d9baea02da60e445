//! The control plane as a process: it watches the cluster and carries out what `ferry-reconcile`
//! decides.
//!
//! ```text
//!   eyes ── what a change causes ──► board ── next ──► worker ── look, plan ──► hands
//!    ▲                                ▲                   │                       │
//!    │                                └── again, later ───┘                       │
//!    └────────────────────────────── API server ◄─────────────────────────────────┘
//! ```
//!
//! There is no decision in here. What is to be looked at follows from what has changed, and what is
//! to be done from how things are: killed at any moment and started again, it goes on.

mod board;
mod cli;
mod election;
mod eyes;
mod metrics;
mod run;
mod worker;

use std::process::ExitCode;

use anyhow::Context;
use ferry_runtime::program;

use crate::cli::{Cli, Command};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    program::run(|cli: Cli| match cli.command {
        Some(Command::Completion { shell }) => {
            program::completion::<Cli>(shell).context("cannot print the script")
        }
        None => {
            cli.run.log.start();
            run::control(&cli.run)
        }
    })
}
