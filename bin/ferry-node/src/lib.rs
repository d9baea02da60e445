//! The node daemon: it keeps guests, drives their migrations, and tells the cluster how they are.
//!
//! ```text
//!   API server ──watches──► cluster ──► ferry_reconcile ──► orders ──► guests ──► processes
//!        ▲                     │                                          │
//!        └───── plans ─────────┘ ◄──────────────── reports ───────────────┘
//! ```
//!
//! `run` puts it together.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test says what is wrong by failing"))]

mod cli;
mod cluster;
pub mod guests;
mod host;
pub mod networks;
pub mod rpc;
mod run;

use std::process::ExitCode;

use anyhow::Context;
use ferry_runtime::program;

use crate::cli::{Cli, Command, NodeArguments};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    program::run(|cli: Cli| match (cli.command, cli.node) {
        (Some(Command::Completion { shell }), _) => {
            program::completion::<Cli>(shell).context("cannot print the script")
        }
        (None, Some(node)) => {
            cli.log.start();
            serve(&node)
        }
        (None, None) => program::wrong::<Cli>("a node needs a name; see --help"),
    })
}

fn serve(arguments: &NodeArguments) -> anyhow::Result<()> {
    let networks = arguments.networks().unwrap_or_else(|error| program::wrong::<Cli>(error));
    run::serve(arguments, networks)
}
