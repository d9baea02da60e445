//! `ferry evacuate-cancel`: a guest that was asked to leave its node may stay after all.

use anyhow::{Result, bail};
use clap::Args;
use ferry_api::kubevirt::VirtualMachineInstance;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::ClusterArguments;
use super::connection::Cluster;
use super::machine;
use crate::output::{Printer, Status};

const EXAMPLES: &str = "\
Examples:
  ferry evacuate-cancel vm web
  ferry evacuate-cancel vmi web
  ferry evacuate-cancel node node-1";

/// Take back that a guest, or every guest of a node, has to leave its node
///
/// A migration that is under way goes on; `ferry cancel` ends it. While a node has the taint that
/// empties it, nothing can be taken back.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES, verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// What is named: vm, vmi or node, or the other names of these kinds
    #[arg(value_name = "vm|vmi|node", value_parser = kind)]
    kind: Kind,

    /// Its name
    name: String,

    /// Have the server check it, and change nothing
    #[arg(long)]
    dry_run: bool,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Whose guests may stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Machine,
    Instance,
    Node,
}

// PARITY: pkg/virtctl/vm/evacuate_cancel.go#getHandler
fn kind(word: &str) -> Result<Kind, String> {
    match word.to_lowercase().as_str() {
        "vm" | "vms" | "virtualmachine" | "virtualmachines" => Ok(Kind::Machine),
        "vmi" | "vmis" | "virtualmachineinstance" | "virtualmachineinstances" => Ok(Kind::Instance),
        "node" | "nodes" | "no" => Ok(Kind::Node),
        _ => Err(format!("unsupported resource type {word:?}; use vm, vmi or node")),
    }
}

impl Kind {
    /// In virtctl's words, and in paths.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Machine => ("VM", "virtualmachines"),
            Self::Instance | Self::Node => ("VMI", "virtualmachineinstances"),
        }
    }
}

pub(super) async fn run(arguments: &Arguments, out: &mut Printer) -> Result<Status> {
    let cluster = Cluster::connect(&arguments.cluster).await?;
    let name = &arguments.name;
    let instances = match arguments.kind {
        Kind::Machine | Kind::Instance => vec![machine::instance(&cluster, name).await?],
        Kind::Node => leaving(&cluster, name).await?,
    };
    if instances.is_empty() {
        bail!("nothing was asked to leave {name}");
    }
    for instance in &instances {
        cancel(&cluster, arguments, instance).await?;
        let (namespace, name) = (instance.namespace().unwrap_or_default(), instance.name_any());
        let (word, _) = arguments.kind.words();
        out.line(&format!("{word} {namespace}/{name} was canceled evacuation"))?;
    }
    Ok(Status::Success)
}

async fn cancel(
    cluster: &Cluster,
    arguments: &Arguments,
    instance: &VirtualMachineInstance,
) -> Result<()> {
    let mut options = json!({ "evacuationNodeName": evacuated(instance) });
    if arguments.dry_run {
        options["dryRun"] = json!(["All"]);
    }
    let (_, resource) = arguments.kind.words();
    let (namespace, name) = (instance.namespace().unwrap_or_default(), instance.name_any());
    machine::ask(cluster, &namespace, (resource, &name), "evacuate/cancel", &options).await
}

/// The node that an instance was asked to leave.
fn evacuated(instance: &VirtualMachineInstance) -> Option<&str> {
    instance.status.as_ref()?.evacuation_node_name.as_deref()
}

/// The instances that were asked to leave a node.
async fn leaving(cluster: &Cluster, node: &str) -> Result<Vec<VirtualMachineInstance>> {
    let all = Api::<VirtualMachineInstance>::all(cluster.client.clone());
    let all = all.list(&ListParams::default()).await.map_err(|error| cluster.told(error))?;
    Ok(all.items.into_iter().filter(|instance| evacuated(instance) == Some(node)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_kinds_are_named_as_virtctl_names_them() {
        for (word, expected) in [
            ("VM", Some(Kind::Machine)),
            ("virtualmachines", Some(Kind::Machine)),
            ("vmis", Some(Kind::Instance)),
            ("no", Some(Kind::Node)),
            ("pod", None),
        ] {
            assert_eq!(kind(word).ok(), expected, "{word}");
        }
    }
}
