//! `ferry console`: what a guest has printed.

use anyhow::Result;
use clap::Args;
use ferry_rpc::{Console, GuestName};

use super::connection::Cluster;
use super::{ClusterArguments, daemon, machine};
use crate::output::{Printer, Status};

/// Print what a guest has printed on its serial console
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The virtual machine
    vm: String,

    /// Go on as the guest prints more, until Ctrl-C
    #[arg(short = 'f', long)]
    follow: bool,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let instance = machine::instance(&cluster, &arguments.vm).await?;
    let daemon = daemon::of_node(&cluster, machine::node_of(&instance)?).await?;
    let guest = GuestName::new(cluster.namespace.clone(), arguments.vm.clone());
    let extent = if arguments.follow { Console::Follow } else { Console::SoFar };
    let mut pieces = daemon.console(&guest, extent).await?;
    while let Some(piece) = pieces.next().await {
        out.raw(&piece?)?;
    }
    Ok(Status::Success)
}
