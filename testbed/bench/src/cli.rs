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
    Transfer(TransferOptions),
    /// Migrations of ferry's guest and of QEMU's, side by side
    Peers(TransferOptions),
    /// An API server and its clients, beside etcd if that is installed
    Api(ApiOptions),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// How thoroughly to measure.
#[derive(Clone, Debug, Args)]
pub(crate) struct Rounds {
    /// How often each figure is taken; all cases once, then all again
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// Only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TransferOptions {
    #[command(flatten)]
    pub(crate) rounds: Rounds,
    /// Memory of a guest, in MiB
    #[arg(long, value_name = "MiB", default_value_t = 1024,
        value_parser = clap::value_parser!(u64).range(128..=65_536))]
    memory: u64,
}

impl TransferOptions {
    /// Memory of a guest.
    pub(crate) const fn memory(&self) -> Bytes {
        Bytes::from_mib(self.memory)
    }
}

/// Sizes of what is measured. Aims hold for the defaults; smaller ones are for a quick look.
#[derive(Clone, Debug, Args)]
pub(crate) struct ApiOptions {
    #[command(flatten)]
    pub(crate) rounds: Rounds,
    /// How long a rate is measured; watches five times as long
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub(crate) seconds: u32,
    /// How many watch one collection
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(crate) watchers: u32,
    /// How many objects a list has
    #[arg(long, default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub(crate) objects: u32,
    /// How often leases are renewed, all together
    #[arg(long, default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(200..=1_000_000))]
    pub(crate) renewals: u32,
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
