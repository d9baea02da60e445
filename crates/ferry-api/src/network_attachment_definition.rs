//! NetworkAttachmentDefinition: a network that pods can be attached to besides the cluster's own.
//!
//! Source: the Network Plumbing Working Group's specification, as Multus implements it
//! (`multus-cni deployments/multus-daemonset.yml`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::{Unmodelled, kubernetes_object};

kubernetes_object! {
    /// A network that pods can be attached to besides the cluster's own.
    NetworkAttachmentDefinition in
        "k8s.cni.cncf.io", "v1", "network-attachment-definitions", NamespaceResourceScope;
    #[serde(default, deserialize_with = "crate::object::null_as_default")]
    #[schemars(transform = crate::schema::without_default)]
    spec: NetworkAttachmentDefinitionSpec
}

/// The network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAttachmentDefinitionSpec {
    /// The network's CNI configuration: a JSON document in a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
