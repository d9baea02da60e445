//! The state of a virtual machine's latest migration (`vmi.status.migrationState`).
//!
//! Controllers and nodes hand the migration to each other through these fields; each has exactly
//! one writer at a time.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::MigrationConfiguration;
use crate::object::Unmodelled;
use crate::schema::{Declared, Field, Json};

/// What else is known of a migration.
const STATE: &[Field] = &[
    Field("migrationNetworkType", Json::Text, "The network that memory crosses: pod or migration."),
    Field(
        "sourcePersistentStatePVCName",
        Json::Text,
        "The claim with the guest's TPM and firmware that it leaves.",
    ),
    Field("sourceState", Json::Object, "What the source says, in a migration between clusters."),
    Field(
        "targetMemoryOverhead",
        Json::Quantity,
        "The memory that the target's pod needs beside the guest's.",
    ),
    Field(
        "targetPersistentStatePVCName",
        Json::Text,
        "The claim with the guest's TPM and firmware that it goes to.",
    ),
    Field("targetState", Json::Object, "What the target says, in a migration between clusters."),
];

/// What else a policy may have set.
const CONFIGURATION: &[Field] =
    &[Field("experimental", Json::Object, "Options that may go again.")];

/// The state of a virtual machine's latest migration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = Declared(STATE))]
pub struct MigrationState {
    /// The uid of the VirtualMachineInstanceMigration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_uid: Option<String>,
    /// The node that the guest leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_node: Option<String>,
    /// The pod that the guest leaves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_pod: Option<String>,
    /// The node that the guest goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node: Option<String>,
    /// The pod that the guest goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_pod: Option<String>,
    /// The uid of the target's pod for volumes attached at run time.
    #[serde(rename = "targetAttachmentPodUID", skip_serializing_if = "Option::is_none")]
    pub target_attachment_pod_uid: Option<String>,
    /// The address that the target listens on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node_address: Option<String>,
    /// Ports of the target node, each with the port inside that it leads to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_direct_migration_node_ports: Option<BTreeMap<String, i64>>,
    /// The host CPUs set apart for the guest on the target.
    #[serde(rename = "targetCPUSet", skip_serializing_if = "Option::is_none")]
    pub target_cpu_set: Option<Vec<i64>>,
    /// The topology of the target, for guests with CPUs of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node_topology: Option<String>,
    /// Whether the target has seen the guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node_domain_detected: Option<bool>,
    /// When the guest ran on the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_node_domain_ready_timestamp: Option<Time>,
    /// When memory began to cross.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<Time>,
    /// When the migration ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_timestamp: Option<Time>,
    /// How memory crosses at the moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<MigrationMode>,
    /// Whether it has ended, well or badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed: Option<bool>,
    /// Whether it has ended badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<bool>,
    /// Why it ended badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Whether somebody asked to stop it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_requested: Option<bool>,
    /// What came of stopping it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_status: Option<MigrationAbortStatus>,
    /// The MigrationPolicy that applied, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_policy_name: Option<String>,
    /// The settings that the migration runs with, fixed when it was handed to the nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = Declared(CONFIGURATION))]
    pub migration_configuration: Option<MigrationConfiguration>,
    /// What this crate does not model.
    #[serde(flatten)]
    #[schemars(skip)]
    pub other: Unmodelled,
}

/// How memory crosses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum MigrationMode {
    /// While the guest runs on the source.
    PreCopy,
    /// While the guest runs on the target.
    PostCopy,
    /// While the guest stands still.
    Paused,
}

/// What came of a request to stop a migration.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum MigrationAbortStatus {
    /// It was stopped.
    Succeeded,
    /// It could not be stopped.
    Failed,
    /// It is being stopped.
    Aborting,
}
