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
mod eyes;
mod metrics;
mod run;
mod worker;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ferry_runtime::telemetry;

use crate::cli::{Cli, Command, RunArguments};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Completion { shell }) => completion(shell),
        None => control(&cli.run),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _told = writeln!(io::stderr(), "ferry-controller: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn control(arguments: &RunArguments) -> anyhow::Result<()> {
    let (format, filter) = arguments.log();
    if telemetry::init(format, filter).is_err() {
        usage(format!(
            "--log {filter:?} is no filter; give a level (error, warn, info, debug, trace or off), or \
             one for each part, as in warn,ferry_controller=debug"
        ));
    }
    run::control(arguments)
}

/// Ends the process as one whose command line is wrong.
fn usage(message: String) -> ! {
    Cli::command().error(ErrorKind::ValueValidation, message).exit()
}

fn completion(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ferry-controller", &mut script);
    io::stdout().write_all(&script).context("cannot print the script")
}
