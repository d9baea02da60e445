//! `ferry start`, `stop`, `restart`, `pause` and `unpause`: what virtctl does, in its words.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::ClusterArguments;
use super::connection::Cluster;
use super::machine::{self, Verb};
use crate::output::{Printer, Status};

/// A machine to do something with.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The virtual machine
    vm: String,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) async fn run(arguments: &Arguments, verb: Verb, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    machine::act(&cluster, &arguments.vm, verb, &json!({})).await?;
    let what = match verb {
        Verb::Start | Verb::Stop | Verb::Restart | Verb::Migrate => "VM",
        Verb::Pause | Verb::Unpause => "VMI",
    };
    out.line(&format!("{what} {} was scheduled to {}", arguments.vm, verb.name()))?;
    Ok(Status::Success)
}
