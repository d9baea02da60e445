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

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ferry_runtime::telemetry;

use crate::cli::{Cli, Command, NodeArguments};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return tell(&answer),
    };
    let outcome = match (cli.command, cli.node) {
        (Some(Command::Completion { shell }), _) => completion(shell),
        (None, Some(node)) => serve(&node),
        (None, None) => usage("a node needs a name; see --help"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _told = writeln!(io::stderr(), "ferry-node: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Says what was asked for, such as the help, or what is wrong with the command line.
fn tell(answer: &clap::Error) -> ExitCode {
    match answer.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => u8::try_from(answer.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(arguments: &NodeArguments) -> anyhow::Result<()> {
    let (format, filter) = arguments.log();
    if telemetry::init(format, filter).is_err() {
        usage(format!(
            "--log {filter:?} is no filter; give a level (error, warn, info, debug, trace or off), or \
             one for each part, as in warn,ferry_node=debug"
        ));
    }
    let networks = arguments.networks().unwrap_or_else(|error| usage(error));
    run::serve(arguments, networks)
}

/// Ends the process as one whose command line is wrong.
fn usage(message: impl std::fmt::Display) -> ! {
    Cli::command().error(ErrorKind::ValueValidation, message).exit()
}

fn completion(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ferry-node", &mut script);
    io::stdout().write_all(&script).context("cannot print the script")
}
