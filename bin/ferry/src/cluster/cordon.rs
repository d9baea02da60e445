//! `ferry cordon` and `ferry uncordon`: whether a node takes new guests.

use anyhow::Result;
use clap::Args;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use super::ClusterArguments;
use super::connection::Cluster;
use super::resources::checked;
use crate::output::{Printer, Status};

/// A node to do something with.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The node
    node: String,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Whether a node takes new guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intake {
    Open,
    Closed,
}

impl Intake {
    /// In kubectl's words.
    const fn told(self) -> &'static str {
        match self {
            Self::Open => "uncordoned",
            Self::Closed => "cordoned",
        }
    }
}

pub(super) async fn run(
    arguments: &Arguments,
    intake: Intake,
    out: &mut Printer,
) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    out.line(&set(&cluster, &arguments.node, intake).await?)?;
    Ok(Status::Success)
}

/// Opens or closes a node, and says so.
pub(super) async fn set(cluster: &Cluster, node: &str, intake: Intake) -> Result<String> {
    let nodes: Api<Node> = Api::all(cluster.client.clone());
    let node = checked(node)?;
    let found = nodes.get(&node).await.map_err(|error| cluster.told(error))?;
    let is_closed = found.spec.and_then(|spec| spec.unschedulable).unwrap_or(false);
    let what = intake.told();
    if is_closed == (intake == Intake::Closed) {
        return Ok(format!("node/{node} already {what}"));
    }
    let unschedulable = match intake {
        Intake::Open => None,
        Intake::Closed => Some(true),
    };
    let patch = Patch::Merge(json!({ "spec": { "unschedulable": unschedulable } }));
    let patched = nodes.patch(&node, &PatchParams::default(), &patch).await;
    patched.map_err(|error| cluster.told(error))?;
    Ok(format!("node/{node} {what}"))
}
