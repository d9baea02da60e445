//! The volumes of a virtual machine, as far as a migration cares: shared, local, or made anew.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Unmodelled;
use crate::quantity::QuantityText;

/// A volume. Exactly one source is set; those that are not modelled (cloudInitNoCloud, configMap,
/// secret, sysprep and more) are in `other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// The name that a disk refers to.
    pub name: String,
    /// A claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persistent_volume_claim: Option<PersistentVolumeClaimVolumeSource>,
    /// A claim that is filled before the machine starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_volume: Option<DataVolumeSource>,
    /// A file of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_disk: Option<HostDiskSource>,
    /// An image from a registry, with a local layer for what the guest writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_disk: Option<ContainerDiskSource>,
    /// A scratch disk that lives as long as the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty_disk: Option<EmptyDiskSource>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// A claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PersistentVolumeClaimVolumeSource {
    /// The claim's name, in the machine's namespace.
    pub claim_name: String,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// A claim that is filled before the machine starts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataVolumeSource {
    /// The name of the DataVolume, and of its claim.
    pub name: String,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// A file of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostDiskSource {
    /// Where it is.
    pub path: String,
    /// Disk (must exist) or DiskOrCreate.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// How large it is when it has to be created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<QuantityText>,
    /// Whether every node sees the same file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// An image from a registry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContainerDiskSource {
    /// The image.
    pub image: String,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// A scratch disk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmptyDiskSource {
    /// How large it is.
    pub capacity: QuantityText,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}
