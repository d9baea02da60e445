//! What a cluster says about its migrations, as manifests: for `ferry explain --cluster`.

use std::path::Path;

use anyhow::{Context, Result};
use ferry_api::manifest::{Document, Place as Position};
use ferry_api::{Kind, Scope};
use ferry_config::Semantics;
use kube::Api;
use kube::api::ListParams;
use kube::core::{ApiResource, DynamicObject};
use serde_json::Value;

use super::ClusterArguments;
use super::connection::Cluster;
use super::kinds::Kinds;
use crate::manifests::Manifest;

/// The kinds that decide about migrations.
const KINDS: [Kind; 6] = [
    Kind::HyperConverged,
    Kind::KubeVirt,
    Kind::MigrationPolicy,
    Kind::Namespace,
    Kind::VirtualMachine,
    Kind::VirtualMachineInstance,
];

/// How many objects are asked for at a time: what kubectl asks for.
const CHUNK: u32 = 500;

/// What a cluster says.
pub(crate) struct Dump {
    /// Its objects.
    pub(crate) manifests: Vec<Manifest>,
    /// Whose behaviour it follows.
    pub(crate) semantics: Semantics,
}

/// Reads it all.
pub(crate) fn read(kubeconfig: Option<&Path>) -> Result<Dump> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot wait for anything on this machine")?;
    let arguments =
        ClusterArguments { kubeconfig: kubeconfig.map(Path::to_owned), namespace: None };
    runtime.block_on(async {
        let cluster = Cluster::connect(&arguments).await?;
        let semantics = Kinds::of(&cluster).await?.semantics();
        let mut manifests = Vec::new();
        for kind in KINDS {
            manifests.extend(all_of(&cluster, kind).await?);
        }
        Ok(Dump { manifests, semantics })
    })
}

async fn all_of(cluster: &Cluster, kind: Kind) -> Result<Vec<Manifest>> {
    let definition = kind.definition();
    // The preferred version is the first.
    let version = definition.versions.first().context("a kind has a version")?.name;
    let resource = ApiResource {
        group: definition.group.to_owned(),
        version: version.to_owned(),
        api_version: definition.api_version(version),
        kind: definition.kind.to_owned(),
        plural: definition.plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(cluster.client.clone(), &resource);
    let mut manifests = Vec::new();
    let mut params = ListParams::default().limit(CHUNK);
    loop {
        let list = api.list(&params).await.map_err(|error| cluster.told(error))?;
        for object in list.items {
            manifests.push(manifest(&resource, definition.scope, object)?);
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(manifests),
        }
    }
}

/// An object with its kind, which lists leave out.
fn manifest(resource: &ApiResource, scope: Scope, object: DynamicObject) -> Result<Manifest> {
    let namespace = object.metadata.namespace.clone().unwrap_or_default();
    let file = match scope {
        Scope::Cluster => "the cluster".to_owned(),
        Scope::Namespaced => format!("the cluster, namespace {namespace}"),
    };
    let Value::Object(mut value) = serde_json::to_value(object)? else {
        anyhow::bail!("an object of kind {} is no object", resource.kind);
    };
    value.insert("apiVersion".to_owned(), Value::from(resource.api_version.as_str()));
    value.insert("kind".to_owned(), Value::from(resource.kind.as_str()));
    let place = Position { document: 1, item: None };
    Ok(Manifest { file, document: Document { place, value } })
}
