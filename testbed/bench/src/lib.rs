//! What a migration or a write to the API server costs and how long it takes, between real processes.
//!
//! A figure alone says more about the machine than about the program. So a run measures, in turns
//! and several times, yardsticks that do nothing but move bytes, ferry, and its peer if it is there
//! (QEMU, etcd), and compares medians. Memory is warm on both sides of a migration, or else the
//! figures are the hypervisor's.
//!
//! # The report as JSON
//!
//! `ferry-bench SUITE -o json` prints one object:
//!
//! ```text
//! machine      object: what of the machine the figures depend on, each a string
//! conditions   list of strings: what one has to know to read the figures
//! figures      list, in the order in which they were taken
//!   figure       string: its name, the same in every run
//!   unit         "GB/s" (10^9 bytes), "cpu s/GiB", "ms", "us", "MiB", "MiB/s", "/s", "%" or "" (a count)
//!   median, least, most    number
//!   rounds       number: how often it was taken
//! ratios       list: medians of two figures, those of which both were taken
//!   figure, of   string: their names
//!   ratio        number: the first divided by the second
//! aims         list, always all of them
//!   aim          string: what was aimed at
//!   unit         as above, or "x" for so many times another figure
//!   atLeast or atMost      number: the limit
//!   median       number, or null where it was not measured
//!   outcome      "reached", "MISSED" or "not measured"
//! notMeasured  list of strings: the case, the round, and why
//! ```

mod aims;
mod api;
mod cli;
mod criteria;
mod moves;
mod peers;
mod qemu;
mod ratios;
mod report;
mod results;
mod shape;
mod transfer;
mod turns;
mod warm;
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
    let (criteria, cases, rounds) = match &cli.suite {
        Suite::Transfer(options) => {
            (&transfer::CRITERIA, transfer::cases(options)?, &options.rounds)
        }
        Suite::Peers(options) => (&peers::CRITERIA, peers::cases(options)?, &options.rounds),
        Suite::Api(options) => (&api::CRITERIA, api::cases(options), &options.rounds),
    };
    let results = turns::take(&cases, rounds);
    let shape = shape::Shape::of_this_machine()?;
    match cli.output {
        Format::Text => print!("{}", report::text(criteria, &shape, &results)),
        Format::Json => println!("{}", report::json(criteria, &shape, &results)),
    }
    Ok(ExitCode::SUCCESS)
}
