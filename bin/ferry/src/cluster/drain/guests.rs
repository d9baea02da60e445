//! The guests on a node, by their pods, and asking one to leave.

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{EvictParams, ListParams};
use kube::{Api, ResourceExt};

use crate::cluster::connection::Cluster;

/// The label that pods of guests carry.
const LAUNCHER: &str = "kubevirt.io=virt-launcher";

/// On such a pod: the machine that it is of.
const DOMAIN: &str = "kubevirt.io/domain";
const VM_NAME: &str = "vm.kubevirt.io/name";

/// The status code of an eviction that has to wait.
const NOT_NOW: u16 = 429;

/// A guest whose pod is on the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) namespace: String,
    pub(super) vm: String,
    pub(super) pod: String,
    pub(super) pod_uid: String,
    /// Its pod has been told to go.
    pub(super) is_going: bool,
}

/// What the server says to an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The pod goes, or has gone.
    Evicted,
    /// Not yet, and why.
    NotNow(String),
}

/// The guests on a node.
pub(super) async fn on(cluster: &Cluster, node: &str) -> Result<Vec<Guest>> {
    let pods: Api<Pod> = Api::all(cluster.client.clone());
    let params = ListParams::default().labels(LAUNCHER).fields(&format!("spec.nodeName={node}"));
    let list = pods.list(&params).await.map_err(|error| cluster.told(error))?;
    Ok(list.items.iter().filter(|pod| !has_ended(pod)).map(Guest::of).collect())
}

/// Asks a guest to leave.
pub(super) async fn evict(cluster: &Cluster, guest: &Guest) -> Result<Verdict> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), &guest.namespace);
    match pods.evict(&guest.pod, &EvictParams::default()).await {
        Ok(_) => Ok(Verdict::Evicted),
        Err(error) => {
            let error = cluster.told(error);
            match error.status() {
                Some(status) if status.is_not_found() => Ok(Verdict::Evicted),
                Some(status) if status.code == NOT_NOW => {
                    Ok(Verdict::NotNow(status.message.clone()))
                }
                Some(_) | None => Err(error.into()),
            }
        }
    }
}

fn has_ended(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

impl Guest {
    fn of(pod: &Pod) -> Self {
        let annotation = pod.annotations().get(DOMAIN);
        let vm = annotation.or_else(|| pod.labels().get(VM_NAME)).cloned();
        Self {
            namespace: pod.namespace().unwrap_or_default(),
            vm: vm.unwrap_or_else(|| pod.name_any()),
            pod: pod.name_any(),
            pod_uid: pod.uid().unwrap_or_default(),
            is_going: pod.metadata.deletion_timestamp.is_some(),
        }
    }

    /// `default/web`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.vm)
    }
}
