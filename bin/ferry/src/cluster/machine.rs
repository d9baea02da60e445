//! Virtual machines as commands name them: the instance that runs, the migrations of it, and what
//! `virtctl` asks the server to do with them.

use anyhow::{Result, bail};
use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use http::Method;
use kube::api::ListParams;
use serde_json::Value;

use super::connection::Cluster;
use super::problem::ApiError;
use super::resources::checked;

/// What somebody asks to be done with a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Start,
    Stop,
    Restart,
    Migrate,
    Pause,
    Unpause,
}

impl Verb {
    /// Its name in paths, and in what virtctl prints.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Migrate => "migrate",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
        }
    }

    /// What it is done with: the machine, or the instance that runs.
    const fn resource(self) -> &'static str {
        match self {
            Self::Start | Self::Stop | Self::Restart | Self::Migrate => "virtualmachines",
            Self::Pause | Self::Unpause => "virtualmachineinstances",
        }
    }
}

/// Has the server do it, by the paths that virtctl uses.
pub(crate) async fn act(cluster: &Cluster, vm: &str, verb: Verb, options: &Value) -> Result<()> {
    ask(cluster, &cluster.namespace, (verb.resource(), vm), verb.name(), options).await
}

/// The same by the words of the path: the resource and its name, and what is asked of it.
pub(crate) async fn ask(
    cluster: &Cluster,
    namespace: &str,
    (resource, name): (&str, &str),
    what: &str,
    options: &Value,
) -> Result<()> {
    let (namespace, name) = (checked(namespace)?, checked(name)?);
    let path = format!(
        "/apis/subresources.kubevirt.io/v1/namespaces/{namespace}/{resource}/{name}/{what}"
    );
    let request = http::Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(options.to_string().into_bytes())?;
    let answer = cluster.client.request_text(request).await;
    answer.map_err(|error| cluster.told(error))?;
    Ok(())
}

/// The instance of a machine.
pub(crate) async fn instance(cluster: &Cluster, vm: &str) -> Result<VirtualMachineInstance> {
    let found = cluster.objects::<VirtualMachineInstance>().get_opt(&checked(vm)?).await;
    match found.map_err(|error| cluster.told(error))? {
        Some(instance) => Ok(instance),
        None => bail!(
            "{vm} does not run in namespace {}: it has no VirtualMachineInstance",
            cluster.namespace
        ),
    }
}

/// The node that an instance is on.
pub(crate) fn node_of(instance: &VirtualMachineInstance) -> Result<&str> {
    let status = instance.status.as_ref();
    match status.and_then(|status| status.node_name.as_deref()).filter(|node| !node.is_empty()) {
        Some(node) => Ok(node),
        None => bail!(
            "{} is on no node yet",
            instance.metadata.name.as_deref().unwrap_or("the machine")
        ),
    }
}

/// The migrations of an instance, the oldest first.
pub(crate) async fn migrations_of(
    cluster: &Cluster,
    vm: &str,
) -> Result<Vec<VirtualMachineInstanceMigration>, ApiError> {
    let all = cluster.objects::<VirtualMachineInstanceMigration>();
    let list = all.list(&ListParams::default()).await.map_err(|error| cluster.told(error))?;
    let mut own: Vec<_> = list.items.into_iter().filter(|one| one.spec.vmi_name == vm).collect();
    own.sort_by(|one, other| {
        one.metadata.creation_timestamp.cmp(&other.metadata.creation_timestamp)
    });
    Ok(own)
}

/// Where a migration is.
pub(crate) fn phase(migration: &VirtualMachineInstanceMigration) -> MigrationPhase {
    migration.status.as_ref().map(|status| status.phase).unwrap_or_default()
}
