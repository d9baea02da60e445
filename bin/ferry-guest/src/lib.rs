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

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use ferry_qmp::words::ShutdownCause;
use ferry_runtime::{Clock, program, signals};

use crate::cli::{Cli, Command, GuestArguments, Session};
use crate::monitor::Events;
use crate::run::End;

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    program::run(|cli: Cli| match cli.command {
        Some(Command::Completion { shell }) => {
            program::completion::<Cli>(shell).context("cannot print the script")
        }
        None => run(cli.guest),
    })
}

/// Starts a guest and stands by until it ends.
fn run(arguments: GuestArguments) -> anyhow::Result<()> {
    let clock = Clock::system();
    arguments.log.start();
    match arguments.session() {
        Session::Inherited => {}
        // It leads one already if it was started by itself, as from a shell.
        Session::Own => drop(rustix::process::setsid()),
    }
    let settings = arguments.settings().unwrap_or_else(|error| program::wrong::<Cli>(error));
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
