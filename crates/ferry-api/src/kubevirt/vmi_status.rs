//! What is known of a running virtual machine.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::MigrationState;
use crate::object::Unmodelled;
use crate::quantity::QuantityText;
use crate::schema::{Declared, Field, Json, or_null};

/// What else is known of an instance.
const STATUS: &[Field] = &[
    Field("VSOCKCID", Json::Whole, "The address of its virtual socket."),
    Field(
        "changedBlockTracking",
        Json::OrNull(&Json::Anything),
        "Whether blocks that change are tracked, for backups.",
    ),
    Field("currentCPUTopology", Json::Object, "The CPUs that it has now."),
    Field("deviceStatus", Json::Object, "Devices that were allocated to it."),
    Field("fsFreezeStatus", Json::Text, "Whether its file systems were asked to stand still."),
    Field("guestOSInfo", Json::Object, "What the guest says of its system."),
    Field("kernelBootStatus", Json::Object, "The kernel that it was booted with."),
    Field("launcherContainerImageVersion", Json::Text, "The image that its pod runs."),
    Field("machine", Json::Object, "The type of machine that it became."),
    Field("memory", Json::Object, "The memory that it has now."),
    Field("phaseTransitionTimestamps", Json::Objects, "When it first entered each phase."),
    Field("powerRequest", Json::Section(POWER_REQUEST), "A pause or its end that was asked for."),
    Field("qosClass", Json::Text, "The quality of service of its pod."),
    Field("reason", Json::Text, "Why it is in its phase, in one word."),
    Field("runtimeUser", Json::Whole, "The user that its pod runs as."),
    Field("selinuxContext", Json::Text, "The SELinux context of its pod."),
    Field(
        "topologyHints",
        Json::Object,
        "What its node must offer, such as a frequency of the clock.",
    ),
    Field("virtualMachineRevisionName", Json::Text, "The machine as it was when it was started."),
    Field("volumeStatus", Json::Objects, "Its volumes, and how far attaching them is."),
];

/// What is known of a running virtual machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(STATUS))]
pub struct VirtualMachineInstanceStatus {
    /// Where it is in its life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<VirtualMachineInstancePhase>,
    /// The node that it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// A node that it is to leave, because somebody evicted its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evacuation_node_name: Option<String>,
    /// Its pods by uid, each with its node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_pods: Option<BTreeMap<String, String>>,
    /// Ready, LiveMigratable, Paused and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// Its network interfaces as the guest sees them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interfaces: Option<Vec<NetworkInterface>>,
    /// The latest migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_state: Option<MigrationState>,
    /// How its disks reach another node: LiveMigration where they are shared, BlockMigration where
    /// some move with the memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_method: Option<String>,
    /// How memory reaches another node: Unix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_transport: Option<String>,
    /// Volumes that are being moved to other claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrated_volumes: Option<Vec<MigratedVolume>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// Where a virtual machine is in its life.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum VirtualMachineInstancePhase {
    /// Nobody has looked at it yet.
    #[serde(rename = "")]
    Unset,
    /// The target of a migration between clusters waits for its source. Known to KubeVirt 1.6 and
    /// later.
    WaitingForSync,
    /// Accepted.
    Pending,
    /// Its pod looks for a node.
    Scheduling,
    /// Its pod runs; the node starts the guest.
    Scheduled,
    /// The guest runs.
    Running,
    /// The guest has shut down.
    Succeeded,
    /// The guest has crashed or could not be started.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// One aspect of an object's state, as controllers report it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// The aspect, such as LiveMigratable.
    #[serde(rename = "type")]
    pub type_: String,
    /// True, False or Unknown.
    pub status: String,
    /// The cause in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The cause for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = or_null)]
    pub last_probe_time: Option<Time>,
    /// When status last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = or_null)]
    pub last_transition_time: Option<Time>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What somebody wants of the guest, until its node has done it. Ferry's own: upstream asks the node
/// itself.
const POWER_REQUEST: &[Field] = &[
    Field("requestedAt", Json::Text, "When it was asked for."),
    Field("state", Json::Text, "What the guest is to be: Paused or Running."),
];

/// What else is known of an interface.
const INTERFACE: &[Field] = &[
    Field("infoSource", Json::Text, "Who says so: domain, guest-agent, multus-status."),
    Field("interfaceName", Json::Text, "Its name in the guest."),
    Field("ipAddresses", Json::Texts, "All its addresses."),
    Field("linkState", Json::Text, "Whether it is connected: up or down."),
    Field("mac", Json::Text, "Its hardware address."),
    Field("podInterfaceName", Json::Text, "Its name in the pod."),
    Field("queueCount", Json::Whole, "How many queues it has."),
];

/// A network interface as the guest sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(INTERFACE))]
pub struct NetworkInterface {
    /// Its first address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// A volume that is being moved to another claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigratedVolume {
    /// The volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume_name: Option<String>,
    /// The claim that it leaves.
    #[serde(rename = "sourcePVCInfo", skip_serializing_if = "Option::is_none")]
    pub source_pvc_info: Option<PersistentVolumeClaimInfo>,
    /// The claim that it goes to.
    #[serde(rename = "destinationPVCInfo", skip_serializing_if = "Option::is_none")]
    pub destination_pvc_info: Option<PersistentVolumeClaimInfo>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// What else is known of a claim.
const CLAIM: &[Field] = &[
    Field("accessModes", Json::Texts, "How many nodes may use it at once."),
    Field("filesystemOverhead", Json::Text, "The share of it that its file system needs."),
    Field("preallocated", Json::Flag, "Whether its space is taken already."),
    Field("volumeMode", Json::Text, "Filesystem or Block."),
];

/// What is known of a claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(CLAIM))]
pub struct PersistentVolumeClaimInfo {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim_name: Option<String>,
    /// What it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<BTreeMap<String, QuantityText>>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<BTreeMap<String, QuantityText>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}
