//! One migration of one virtual machine.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::{Condition, MigrationState};
use crate::object::{Unmodelled, kubernetes_object, null_as_default};

kubernetes_object! {
    /// A request to move a running virtual machine to another node. Deleting it cancels it.
    VirtualMachineInstanceMigration in
        "kubevirt.io", "v1", "virtualmachineinstancemigrations", NamespaceResourceScope,
        also served as "v1alpha3";
    spec: VirtualMachineInstanceMigrationSpec;
    status: VirtualMachineInstanceMigrationStatus
}

/// What is to be migrated, and where to. It cannot be changed once the object exists.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceMigrationSpec {
    /// The name of the running virtual machine, in the same namespace.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub vmi_name: String,
    /// Labels that the target node must have on top of what the virtual machine asks for, all of
    /// them, for this one attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added_node_selector: Option<BTreeMap<String, String>>,
    /// How urgent the migration is among those that wait. Only controllers may set it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<MigrationPriority>,
    /// The other cluster to send to, for the source of a migration between clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_to: Option<VirtualMachineInstanceMigrationSendTo>,
    /// What to receive, for the target of a migration between clusters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive: Option<VirtualMachineInstanceMigrationReceive>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// The source's side of a migration between clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceMigrationSendTo {
    /// The name that both sides know the migration by.
    #[serde(rename = "migrationID")]
    pub migration_id: String,
    /// The address of the other cluster's synchronization service.
    #[serde(rename = "connectURL")]
    pub connect_url: String,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// The target's side of a migration between clusters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceMigrationReceive {
    /// The name that both sides know the migration by.
    #[serde(rename = "migrationID")]
    pub migration_id: String,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// How urgent a migration is among those that wait; the most urgent first.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum MigrationPriority {
    /// The system is about to take the node away (a drain, an update of the platform).
    SystemCritical,
    /// A person waits for it (a change of a running machine).
    UserTriggered,
    /// It makes the cluster better but can wait (the descheduler).
    SystemMaintenance,
}

/// Where a migration is. It only ever moves forward, and ends in Succeeded or Failed.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum MigrationPhase {
    /// Nobody has looked at it yet.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// The target of a migration between clusters waits for its source.
    WaitingForSync,
    /// The source of a migration between clusters waits for its target.
    Synchronizing,
    /// Accepted; waiting for the limits to allow a target pod.
    Pending,
    /// The target pod exists and looks for a node.
    Scheduling,
    /// The target pod runs.
    Scheduled,
    /// The nodes know of the migration; the target prepares to receive.
    PreparingTarget,
    /// The target listens.
    TargetReady,
    /// Memory crosses.
    Running,
    /// The guest runs on the target.
    Succeeded,
    /// The guest runs where it was, or the migration never began.
    Failed,
}

/// What came of the migration so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineInstanceMigrationStatus {
    /// Where it is.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "MigrationPhase::is_unset"
    )]
    pub phase: MigrationPhase,
    /// What holds it up or was asked of it: migrationAbortRequested,
    /// migrationRejectedByResourceQuota and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// When it first entered each phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase_transition_timestamps: Option<Vec<PhaseTransitionTimestamp>>,
    /// The state of the migration as the nodes left it, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_state: Option<MigrationState>,
    /// Where this cluster's synchronization service can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synchronization_addresses: Option<Vec<String>>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// When a migration first entered a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PhaseTransitionTimestamp {
    /// The phase.
    #[serde(
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "MigrationPhase::is_unset"
    )]
    pub phase: MigrationPhase,
    /// When.
    pub phase_transition_timestamp: Time,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

impl MigrationPhase {
    /// Whether nobody has looked at the migration yet.
    pub const fn is_unset(&self) -> bool {
        matches!(self, Self::Unset)
    }

    /// Whether it has ended, well or badly.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// The name that the API uses; empty for [`MigrationPhase::Unset`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::WaitingForSync => "WaitingForSync",
            Self::Synchronizing => "Synchronizing",
            Self::Pending => "Pending",
            Self::Scheduling => "Scheduling",
            Self::Scheduled => "Scheduled",
            Self::PreparingTarget => "PreparingTarget",
            Self::TargetReady => "TargetReady",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

impl fmt::Display for MigrationPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
