//! A virtual machine as a user defines it, running or not.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kubevirt::{Condition, VirtualMachineInstanceSpec};
use crate::object::{Unmodelled, kubernetes_object, null_as_default};
use crate::schema::{Declared, Field, Json, as_written, without_default};

kubernetes_object! {
    /// A virtual machine, running or not. While it runs, a VirtualMachineInstance of the same name
    /// exists, made from the template at the moment the machine was started.
    VirtualMachine in
        "kubevirt.io", "v1", "virtualmachines", NamespaceResourceScope, also served as "v1alpha3";
    spec: VirtualMachineSpec;
    status: VirtualMachineStatus
}

/// What else a machine says.
const SPEC: &[Field] = &[
    Field("resourceClaimTemplates", Json::Objects, "Claims of devices that outlive its instances."),
    Field(
        "updateVolumesStrategy",
        Json::Text,
        "What happens where its volumes change: Replacement or Migration.",
    ),
];

/// What the machine is, and when it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(SPEC))]
pub struct VirtualMachineSpec {
    /// Whether it runs. Deprecated upstream in favour of runStrategy; only one of the two may be
    /// set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    /// When it runs: Always, Halted, Manual, RerunOnFailure, Once or WaitAsReceiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_strategy: Option<String>,
    /// A named shape (CPUs, memory) that the template is completed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instancetype: Option<InstancetypeMatcher>,
    /// Named preferences that the template is completed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<InstancetypeMatcher>,
    /// Volumes that are created with the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_volume_templates: Option<Vec<Value>>,
    /// What a VirtualMachineInstance of this machine is made from.
    pub template: VirtualMachineInstanceTemplate,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What a VirtualMachineInstance is made from. Its labels are what policies see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceTemplate {
    /// Labels and annotations of the instance. The rest of it is nobody's, and kept as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = as_written)]
    pub metadata: Option<ObjectMeta>,
    /// The instance. It is written even where it is empty.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(transform = without_default)]
    pub spec: VirtualMachineInstanceSpec,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else is said of a named shape or of preferences.
const MATCHER: &[Field] = &[
    Field("revisionName", Json::Text, "The ControllerRevision that holds them as they were."),
    Field("inferFromVolume", Json::Text, "The volume that names them."),
    Field(
        "inferFromVolumeFailurePolicy",
        Json::Text,
        "What happens where that volume does not: Reject or Ignore.",
    ),
];

/// The name of an instance type or a preference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(MATCHER))]
pub struct InstancetypeMatcher {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its kind, such as VirtualMachineInstancetype; cluster-wide ones by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else is reported of a machine.
const STATUS: &[Field] = &[
    Field(
        "changedBlockTracking",
        Json::OrNull(&Json::Anything),
        "Whether blocks that change are tracked, for backups.",
    ),
    Field(
        "desiredGeneration",
        Json::Whole,
        "The generation that the instance should have been made from.",
    ),
    Field(
        "instancetypeRef",
        Json::OrNull(&Json::Object),
        "The shape that the machine was completed with.",
    ),
    Field(
        "memoryDumpRequest",
        Json::OrNull(&Json::Object),
        "A dump of its memory that was asked for.",
    ),
    Field("observedGeneration", Json::Whole, "The generation that the instance was made from."),
    Field(
        "preferenceRef",
        Json::OrNull(&Json::Object),
        "The preferences that the machine was completed with.",
    ),
    Field("restoreInProgress", Json::Text, "The VirtualMachineRestore under way."),
    Field("runStrategy", Json::Text, "The run strategy that was seen last."),
    Field("snapshotInProgress", Json::Text, "The VirtualMachineSnapshot under way."),
    Field(
        "startFailure",
        Json::OrNull(&Json::Object),
        "How often it failed to start, and when it is tried again.",
    ),
    Field("stateChangeRequests", Json::Objects, "What is to be done next: stop, start."),
    Field("volumeRequests", Json::Objects, "Volumes to attach and detach."),
    Field(
        "volumeSnapshotStatuses",
        Json::Objects,
        "Which of its volumes a snapshot can be taken of.",
    ),
    Field("volumeUpdateState", Json::Object, "A change of its volumes under way."),
];

/// What the controller reports of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(STATUS))]
pub struct VirtualMachineStatus {
    /// Whether the instance exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    /// Whether the guest runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// The machine's state in one word, such as Running, Stopped or Migrating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printable_status: Option<String>,
    /// Ready, LiveMigratable, RestartRequired and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
