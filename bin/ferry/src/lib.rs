//! The command line of ferry.
//!
//! `ferry explain` reads manifests and says what they mean for the live migration of each virtual
//! machine in them; it needs no cluster. `ferry testbed` starts one on this machine, and the
//! commands of `cluster` talk to any. Results go to
//! standard output, everything else to standard error. Exit codes: 0 when all went well, 1 when an
//! input is wrong or something failed, 2 when the command line is wrong.

mod cli;
mod cluster;
mod columns;
mod explain;
mod figures;
mod manifests;
mod output;
mod testbed;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::output::Outcome;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Testbed(arguments) => testbed::run(&arguments),
        Command::Cluster(command) => return cluster::run(command),
        Command::Completion { shell } => Outcome::success(completion(shell)),
    };
    outcome.deliver(&mut io::stdout().lock(), &mut io::stderr().lock())
}

fn completion(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ferry", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}
