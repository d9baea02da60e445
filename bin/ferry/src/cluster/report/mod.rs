//! `ferry report`: the whole story of a migration, as far as anybody still knows it.

mod gather;
mod story;
mod text;

use anyhow::Result;
use clap::Args;

use super::ClusterArguments;
use super::connection::Cluster;
use crate::cli::Format;
use crate::output::{Printer, Status, in_format};

const EXAMPLES: &str = "\
Examples:
  ferry report kubevirt-migrate-vm-x7b2k
  ferry report web -o json

The phases and settings come from the API, passes and milestones from the daemon of the node that
the guest left. What nobody knows any more is listed at the end.";

/// Tell the whole story of a migration: phases, settings and their origins, passes, and the end
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The migration, or a virtual machine whose newest one is meant
    migration: String,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let migration = gather::find(&cluster, &arguments.migration).await?;
    let report = gather::gather(&cluster, migration).await?;
    match arguments.output {
        Format::Text => out.result(&text::render(&report))?,
        Format::Json | Format::Yaml => out.result(&in_format(&report, arguments.output)?)?,
    }
    Ok(Status::Success)
}
