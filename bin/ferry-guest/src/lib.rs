//! The QEMU-like guest process: memory, vCPUs that write to it, disks, QMP, and both ends of a
//! migration.
//!
//! ```text
//!   monitor ── commands ──► guest ──► run         lets vCPUs run and stops them
//!      ▲                      │                     │
//!      └────── events ────────┤                     ▼
//!                             ├──► machine        what runs
//!                             └──► migration      moves it
//! ```

mod cli;
pub mod guest;
pub mod link;
pub mod machine;
pub mod migration;
pub mod monitor;
pub mod run;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use ferry_qmp::words::ShutdownCause;
use ferry_runtime::{Clock, signals, telemetry};

use crate::cli::{Cli, Command, GuestArguments, Session};
use crate::monitor::Events;
use crate::run::End;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        Some(Command::Completion { shell }) => completion(shell),
        None => run(cli.guest),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell if this fails.
            let _told = writeln!(io::stderr(), "ferry-guest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Starts a guest and stands by until it ends.
fn run(arguments: GuestArguments) -> anyhow::Result<()> {
    let clock = Clock::system();
    let (format, filter) = arguments.log();
    if telemetry::init(format, filter).is_err() {
        usage(format!(
            "--log {filter:?} is no filter; give a level, as in info, or one for each part, as in \
             warn,ferry_guest=debug"
        ));
    }
    match arguments.session() {
        Session::Inherited => {}
        // It leads one already if it was started by itself, as from a shell.
        Session::Own => drop(rustix::process::setsid()),
    }
    let settings = arguments.settings().unwrap_or_else(|error| usage(error));
    let events = Events::new(clock);
    let run = settings.run_control(events.clone(), clock);
    signals::on_termination({
        let run = Arc::clone(&run);
        move || run.shutdown(ShutdownCause::HostSignal)
    })?;
    let monitor = guest::start(&settings, &run, events, clock)?;
    tracing::info!(state = %run.state(), "ready");
    let end = run.supervise();
    monitor.close();
    match end {
        End::Shutdown(_) => Ok(()),
        End::Failure(why) => Err(anyhow::anyhow!(why)),
    }
}

/// Ends the process as one whose command line is wrong.
fn usage(message: String) -> ! {
    Cli::command().error(ErrorKind::ValueValidation, message).exit()
}

fn completion(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ferry-guest", &mut script);
    io::stdout().write_all(&script).context("cannot print the script")
}
