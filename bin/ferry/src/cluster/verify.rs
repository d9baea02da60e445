//! `ferry verify`: is everything in the guest's memory and disks what the guest wrote?

use anyhow::Result;
use clap::Args;
use ferry_rpc::{GuestName, Verification};
use serde_json::json;

use super::connection::Cluster;
use super::{ClusterArguments, daemon, machine};
use crate::cli::Format;
use crate::figures::span;
use crate::output::{Printer, Status, in_format};

/// Compare a guest's memory and disks with what it knows that it wrote
///
/// The guest goes on running. Exits with 1 when a page or a block is wrong.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The virtual machine
    vm: String,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let instance = machine::instance(&cluster, &arguments.vm).await?;
    let node = machine::node_of(&instance)?;
    let daemon = daemon::of_node(&cluster, node).await?;
    let guest = GuestName::new(cluster.namespace.clone(), arguments.vm.clone());
    let found = daemon.verify(&guest).await?;
    match arguments.output {
        Format::Text => out.result(&told(&arguments.vm, node, &found))?,
        Format::Json | Format::Yaml => {
            let value = json!({
                "namespace": cluster.namespace,
                "vm": arguments.vm,
                "node": node,
                "pages": found.pages,
                "blocks": found.blocks,
                "wrong": found.wrong,
                "faults": found.faults,
                "durationMs": u64::try_from(found.duration.as_millis()).unwrap_or(u64::MAX),
            });
            out.result(&in_format(&value, arguments.output)?)?;
        }
    }
    Ok(if found.wrong == 0 { Status::Success } else { Status::Failure })
}

fn told(vm: &str, node: &str, found: &Verification) -> String {
    let Verification { pages, blocks, wrong, faults, duration } = found;
    let verdict = if *wrong == 0 { "all right".to_owned() } else { format!("{wrong} WRONG") };
    let mut text = format!(
        "{vm} on {node}: {pages} pages of memory and {blocks} blocks of disks compared in \
         {}: {verdict}\n",
        span(*duration)
    );
    for fault in faults {
        text.push_str("  ");
        text.push_str(fault);
        text.push('\n');
    }
    if u64::try_from(faults.len()).is_ok_and(|told| told < *wrong) {
        text.push_str("  and more\n");
    }
    text
}
