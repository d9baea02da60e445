//! What a migration costs and how long it takes, between real processes.
//!
//! A figure alone says more about the machine than about the program. So a run measures, in turns
//! and several times, yardsticks that do nothing but move bytes, ferry, and QEMU if it is there, and
//! compares medians. Memory is warm on both sides, or else the figures are the hypervisor's.

mod aims;
mod cli;
mod report;
mod results;
mod shape;
mod transfer;
mod yardstick;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use cli::{Cli, Format, Suite};

/// Runs what the command line asks for, and prints the report.
///
/// # Errors
/// When something cannot be measured.
pub fn run() -> Result<ExitCode> {
    let cli = Cli::parse();
    let Suite::Transfer(options) = cli.suite;
    let results = transfer::measure(&options)?;
    let shape = shape::Shape::of_this_machine()?;
    match cli.output {
        Format::Text => print!("{}", report::text(&shape, &results)),
        Format::Json => println!("{}", report::json(&shape, &results)),
    }
    Ok(ExitCode::SUCCESS)
}
