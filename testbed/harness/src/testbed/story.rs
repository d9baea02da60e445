//! What tests of a cluster say most: there are these objects, this machine runs, move it, wait until.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ferry_api::kubevirt::{
    VirtualMachineInstance, VirtualMachineInstanceMigration, VirtualMachineInstanceMigrationSpec,
    VirtualMachineInstancePhase,
};
use ferry_api::manifest::{self, Document};
use ferry_api::{KindVersion, Scope};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{ApiResource, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cluster::Cluster;
use crate::wait::LIMIT;

/// Whose the fields are that are applied.
const MANAGER: &str = "ferry-harness";

/// Where an object is that names no namespace.
const DEFAULT_NAMESPACE: &str = "default";

impl Cluster {
    /// Makes the objects of a manifest file, or changes them until they are so. The server refuses
    /// fields that it does not know.
    ///
    /// # Errors
    /// When the file cannot be read, or the server does not take what it says.
    pub async fn apply_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        self.apply(&text).await.with_context(|| path.display().to_string())
    }

    /// The same with a manifest as text.
    ///
    /// # Errors
    /// As for [`apply_file`](Self::apply_file).
    pub async fn apply(&self, text: &str) -> Result<()> {
        for document in manifest::read(text).context("reading a manifest")? {
            self.apply_one(&document).await.with_context(|| document.place.to_string())?;
        }
        Ok(())
    }

    async fn apply_one(&self, document: &Document) -> Result<()> {
        let object: DynamicObject =
            serde_json::from_value(document.value.clone().into()).context("no object")?;
        let types = object.types.as_ref().context("no apiVersion and kind")?;
        let served = KindVersion::of_document(&types.api_version, &types.kind)
            .with_context(|| format!("ferry has no {} of {}", types.kind, types.api_version))?;
        let resource = ApiResource {
            group: served.group().to_owned(),
            version: served.version().to_owned(),
            api_version: types.api_version.clone(),
            kind: types.kind.clone(),
            plural: served.definition().plural.to_owned(),
        };
        let api: Api<DynamicObject> = match served.definition().scope {
            Scope::Cluster => Api::all_with(self.client(), &resource),
            Scope::Namespaced => {
                let namespace = object.metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
                Api::namespaced_with(self.client(), namespace, &resource)
            }
        };
        let Some(name) = object.metadata.name.clone() else {
            api.create(&PostParams::default(), &object).await?;
            return Ok(());
        };
        let params = PatchParams::apply(MANAGER).force().validation_strict();
        api.patch(&name, &params, &Patch::Apply(&object)).await?;
        Ok(())
    }

    /// Waits until an object is as it should be, and returns it.
    ///
    /// # Errors
    /// When it is not in a minute: what was waited for, and how the object is instead.
    pub async fn wait_for<K>(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        is_so: impl Fn(&K) -> bool,
    ) -> Result<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Serialize
            + Send
            + 'static,
    {
        self.wait_within(LIMIT, namespace, name, what, is_so).await
    }

    /// The same with another limit.
    ///
    /// # Errors
    /// As for [`wait_for`](Self::wait_for).
    pub async fn wait_within<K>(
        &self,
        limit: Duration,
        namespace: &str,
        name: &str,
        what: &str,
        is_so: impl Fn(&K) -> bool,
    ) -> Result<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + std::fmt::Debug
            + DeserializeOwned
            + Serialize
            + Send
            + 'static,
    {
        let api: Api<K> = Api::namespaced(self.client(), namespace);
        let condition = |object: Option<&K>| object.is_some_and(&is_so);
        // On the heap: a watch of a large kind would make the future of whoever waits as large.
        let waiting = Box::pin(await_condition(api.clone(), name, condition));
        if let Ok(found) = tokio::time::timeout(limit, waiting).await {
            let found = found.with_context(|| format!("waiting for {what}"))?;
            return found.with_context(|| format!("{namespace}/{name} has gone"));
        }
        let object = api.get_opt(name).await.ok().flatten();
        let found = match &object {
            Some(object) => serde_json::to_string_pretty(object).unwrap_or_default(),
            None => "nothing".to_owned(),
        };
        bail!("waited {limit:?} in vain for {what}: {namespace}/{name} is\n{found}")
    }

    /// Waits until a virtual machine runs.
    ///
    /// # Errors
    /// As for [`wait_for`](Self::wait_for).
    pub async fn wait_running(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<VirtualMachineInstance> {
        let what = "a machine that runs";
        self.wait_for(namespace, name, what, |instance: &VirtualMachineInstance| {
            let phase = instance.status.as_ref().and_then(|status| status.phase);
            phase == Some(VirtualMachineInstancePhase::Running)
        })
        .await
    }

    /// Moves a virtual machine, to a node that has these labels, and waits for the end of it: a
    /// migration that has succeeded or failed.
    ///
    /// # Errors
    /// When the server refuses, or it has no end in a minute.
    pub async fn migrate(
        &self,
        namespace: &str,
        machine: &str,
        to: &[(&str, &str)],
    ) -> Result<VirtualMachineInstanceMigration> {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let wanted = VirtualMachineInstanceMigration {
            metadata: ObjectMeta {
                generate_name: Some(format!("{machine}-")),
                ..ObjectMeta::default()
            },
            spec: VirtualMachineInstanceMigrationSpec {
                vmi_name: machine.to_owned(),
                added_node_selector: (!to.is_empty()).then(|| to.iter().map(owned).collect()),
                ..VirtualMachineInstanceMigrationSpec::default()
            },
            status: None,
        };
        let api: Api<VirtualMachineInstanceMigration> = Api::namespaced(self.client(), namespace);
        let made = api.create(&PostParams::default(), &wanted).await?;
        let what = "the end of a migration";
        self.wait_for(namespace, &made.name_any(), what, |it: &VirtualMachineInstanceMigration| {
            it.status.as_ref().is_some_and(|status| status.phase.is_final())
        })
        .await
    }
}
