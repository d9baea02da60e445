//! `ferry migrate`: a machine moves, and whoever waits sees how.

mod ending;
mod follow;
mod interrupt;
mod teller;
mod updates;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use ferry_api::kubevirt::VirtualMachineInstanceMigration;
use kube::ResourceExt;
use serde_json::json;

use super::ClusterArguments;
use super::connection::Cluster;
use super::machine::{self, Verb};
use super::values::{duration, label};
use crate::cli::Format;
use crate::output::{Printer, Status, in_format};

pub(super) use ending::{End, Ending, ending, reason};
pub(super) use follow::{follow, waiting};
pub(super) use teller::Teller;

const EXAMPLES: &str = "\
Examples:
  ferry migrate web
  ferry migrate web --wait
  ferry migrate web --to kubernetes.io/hostname=node-2 --wait --timeout 2m
  ferry migrate web --wait -o json

With --wait it shows what the migration waits for, and then how its memory crosses. Ctrl-C asks
whether to cancel the migration; a second one leaves it alone. Exits with 0 when the machine has
moved and with 1, and the reason, when it has not.";

/// Move a running virtual machine to another node
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The virtual machine
    vm: String,

    /// A label that the target node must have; with several, all of them
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    to: Vec<(String, String)>,

    /// Wait until it has moved, and show how it goes
    #[arg(long)]
    wait: bool,

    /// How long to wait at most, such as 90s or 5m; the migration goes on after that
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "wait")]
    timeout: Option<Duration>,

    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Format,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let vm = &arguments.vm;
    let migration = begin(&cluster, vm, &arguments.to).await?;
    if !arguments.wait {
        match arguments.output {
            Format::Text => out.line(&format!("VM {vm} was scheduled to migrate"))?,
            Format::Json | Format::Yaml => {
                let value = json!({
                    "namespace": cluster.namespace, "vm": vm, "migration": migration.name_any(),
                });
                out.result(&in_format(&value, arguments.output)?)?;
            }
        }
        return Ok(Status::Success);
    }
    let mut teller = match arguments.output {
        Format::Text => Teller::for_people(vm),
        Format::Json | Format::Yaml => Teller::silent(),
    };
    let followed = follow(&cluster, &migration, arguments.timeout, &mut teller).await;
    teller.finish();
    let end = ending(&cluster, &migration, followed?).await;
    match arguments.output {
        Format::Text => match end.end {
            End::Succeeded => out.line(&end.told())?,
            End::Failed | End::Left => out.note(&format!("error: {}", end.told())),
        },
        Format::Json | Format::Yaml => out.result(&in_format(&end, arguments.output)?)?,
    }
    Ok(match end.end {
        End::Succeeded => Status::Success,
        End::Failed | End::Left => Status::Failure,
    })
}

/// Asks for a migration and finds it: the answer of the server does not say which one it is.
pub(super) async fn begin(
    cluster: &Cluster,
    vm: &str,
    to: &[(String, String)],
) -> Result<VirtualMachineInstanceMigration> {
    let uids = |all: &[VirtualMachineInstanceMigration]| {
        all.iter().filter_map(ResourceExt::uid).collect::<BTreeSet<_>>()
    };
    let before = uids(&machine::migrations_of(cluster, vm).await?);
    let labels: BTreeMap<_, _> = to.iter().cloned().collect();
    let options =
        if labels.is_empty() { json!({}) } else { json!({ "addedNodeSelector": labels }) };
    machine::act(cluster, vm, Verb::Migrate, &options)
        .await
        .with_context(|| format!("Error migrating VirtualMachine {vm}"))?;
    let after = machine::migrations_of(cluster, vm).await?;
    let is_new = |one: &&VirtualMachineInstanceMigration| {
        one.uid().is_some_and(|uid| !before.contains(&uid))
    };
    let found = after.iter().rev().find(is_new).cloned();
    found.with_context(|| format!("the migration of {vm} was accepted, and is gone already"))
}
