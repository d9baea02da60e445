//! A Kubernetes API server for one machine.
//!
//! ```text
//!   http ── who? ──► access        connections, TLS, limits; certificates, tokens, impersonation
//!    │
//!    ▼
//!   api ──── reads, watches, writes ──► writer: one at a time, one journal
//!    │
//!    └───── figures ──► metrics
//! ```
//!
//! `run` puts it together and takes it apart again.

pub mod access;
mod allocator;
pub mod api;
pub mod bootstrap;
mod cli;
pub mod files;
pub mod http;
pub mod kubeconfig;
pub mod metrics;
mod run;
pub mod secret;
pub mod tls;
pub mod writer;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ferry_runtime::{Clock, telemetry};

use crate::cli::{Cli, Command, ServeArguments};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return tell(&answer),
    };
    let outcome = match cli.command {
        Some(Command::Completion { shell }) => completion(shell),
        Some(Command::Kubeconfig(arguments)) => run::kubeconfig(&arguments, Clock::system()),
        Some(Command::Certificates(arguments)) => run::certificates(&arguments, Clock::system()),
        None => {
            allocator::settle();
            serve(&cli.serve)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _told = writeln!(io::stderr(), "ferry-apiserver: {error:#}");
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

fn serve(arguments: &ServeArguments) -> anyhow::Result<()> {
    let (format, filter) = arguments.log();
    if telemetry::init(format, filter).is_err() {
        usage(format!(
            "--log {filter:?} is no filter; give a level (error, warn, info, debug, trace or off), or \
             one for each part, as in warn,ferry_apiserver=debug"
        ));
    }
    run::serve(arguments)
}

/// Ends the process as one whose command line is wrong.
fn usage(message: String) -> ! {
    Cli::command().error(ErrorKind::ValueValidation, message).exit()
}

fn completion(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ferry-apiserver", &mut script);
    io::stdout().write_all(&script).context("cannot print the script")
}
