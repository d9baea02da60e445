//! Pods that already have a node: what they take from it, and whom they keep away.

use serde::Serialize;

use super::pod_affinity::PodTerm;
use super::resources::Resources;
use crate::Labels;

/// The label that ties a pod to its guest: the uid of the VirtualMachineInstance.
pub(crate) const CREATED_BY: &str = "kubevirt.io/created-by";

/// A pod's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PodKey {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A pod that has a node and is neither `Succeeded` nor `Failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedPod {
    /// The pod.
    pub key: PodKey,
    /// Its node.
    pub node: String,
    /// Its labels. `kubevirt.io/created-by` holds the uid of the guest that it is for.
    pub labels: Labels,
    /// What it takes from its node.
    pub requests: Resources,
    /// Whether its guest is still on its way.
    pub arrival: Arrival,
    /// Whom it keeps away (`affinity.podAntiAffinity`, the required part).
    pub repels: Vec<PodTerm>,
}

/// Whether a pod's guest is there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arrival {
    /// It is, or the pod has none.
    #[default]
    Settled,
    /// It still comes in: the pod is the target of a migration that is not over.
    Inbound,
}

impl PlacedPod {
    /// The uid of the guest that it is for.
    pub fn guest(&self) -> Option<&str> {
        self.labels.get(CREATED_BY).map(String::as_str)
    }
}
