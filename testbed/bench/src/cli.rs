//! The command line of the benches.

use clap::{Args, Parser, Subcommand, ValueEnum};
use ferry_units::Bytes;

/// Measures ferry beside yardsticks and peers.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    /// What to measure
    #[command(subcommand)]
    pub(crate) suite: Suite,
    /// How to print it
    #[arg(long, short, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Suite {
    /// Migrations of memory between two guest processes
    Transfer(Options),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// How thoroughly to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How often each figure is taken; all cases once, then all again
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Memory of a guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 1024,
        value_parser = clap::value_parser!(u64).range(128..=65_536))]
    pub(crate) memory: u64,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

impl Options {
    /// Memory of a guest.
    pub(crate) const fn memory(&self) -> Bytes {
        Bytes::from_mib(self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let cli = Cli::parse_from(["ferry-bench", "transfer", "-o", "json", "--only", "bulk"]);
        assert_eq!(cli.output, Format::Json);
    }
}
