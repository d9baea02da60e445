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

use std::process::ExitCode;

use anyhow::Context;
use ferry_runtime::{Clock, program};

use crate::cli::{Cli, Command};

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    program::run(|cli: Cli| match cli.command {
        Some(Command::Completion { shell }) => {
            program::completion::<Cli>(shell).context("cannot print the script")
        }
        Some(Command::Kubeconfig(arguments)) => run::kubeconfig(&arguments, Clock::system()),
        Some(Command::Certificates(arguments)) => run::certificates(&arguments, Clock::system()),
        None => {
            allocator::settle();
            cli.serve.log.start();
            run::serve(&cli.serve)
        }
    })
}
