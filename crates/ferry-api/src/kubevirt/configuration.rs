//! The KubeVirt object: the cluster's configuration, and within it that of migrations.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kubevirt::Condition;
use crate::object::{Unmodelled, kubernetes_object};
use crate::quantity::QuantityText;

kubernetes_object! {
    /// The installation of KubeVirt and its configuration.
    ///
    /// Where a HyperConverged object manages the cluster, this one is derived from it and edits
    /// here are undone.
    KubeVirt in "kubevirt.io", "v1", "kubevirts", NamespaceResourceScope, also served as "v1alpha3";
    spec: KubeVirtSpec;
    status: KubeVirtStatus
}

/// What is wanted of the installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeVirtSpec {
    /// The configuration of the cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<KubeVirtConfiguration>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// The configuration of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeVirtConfiguration {
    /// The configuration of live migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrations: Option<MigrationConfiguration>,
    /// What happens to a virtual machine whose node is drained, where the machine does not say:
    /// None, LiveMigrate, LiveMigrateIfPossible or External. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_strategy: Option<String>,
    /// Settings for development and for tuning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub developer_configuration: Option<DeveloperConfiguration>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// Settings for development and for tuning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeveloperConfiguration {
    /// How many virtual CPUs share a physical one. Default: 10.
    #[serde(rename = "cpuAllocationRatio", skip_serializing_if = "Option::is_none")]
    pub cpu_allocation_ratio: Option<i64>,
    /// The guest's memory in percent of what is requested from the node. Default: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_overcommit: Option<i64>,
    /// Labels that a node must have to run any virtual machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selectors: Option<BTreeMap<String, String>>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// The configuration of live migrations (`MigrationConfiguration` upstream).
///
/// All fields are optional: a missing one has its default, an explicit `0` or `false` is kept. The
/// same structure, with defaults and a policy's overrides filled in, is stored with each migration
/// as `status.migrationState.migrationConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationConfiguration {
    /// The key of a taint with effect NoSchedule that makes the cluster empty a node. Default:
    /// kubevirt.io/drain. Deprecated upstream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_drain_taint_key: Option<String>,
    /// How many migrations may run at once away from one node. Default: 2; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_outbound_migrations_per_node: Option<u32>,
    /// How many migrations may run at once in the cluster. Default: 5; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_migrations_per_cluster: Option<u32>,
    /// Whether the hypervisor may slow the guest's CPUs until the migration converges. Default:
    /// false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_auto_converge: Option<bool>,
    /// Bandwidth of each migration in bytes per second, as a quantity such as 64Mi. Default: 0,
    /// which is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_per_migration: Option<QuantityText>,
    /// Seconds that a migration may take for each GiB that it moves. Default: 150; with 0, it may
    /// take any time.
    #[serde(rename = "completionTimeoutPerGiB", skip_serializing_if = "Option::is_none")]
    pub completion_timeout_per_gib: Option<i64>,
    /// How long a guest may stand still while it changes hosts, in milliseconds, 1 to 2000000.
    /// Known to KubeVirt 1.9 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_000_000))]
    pub max_downtime_ms: Option<u64>,
    /// Seconds that a migration may go without progress. Default: 150; with 0, any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_timeout: Option<i64>,
    /// Seconds that a migration waits for utility volumes to go. Default: 150.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utility_volumes_timeout: Option<i64>,
    /// Whether to migrate even where the hypervisor thinks disks may be damaged. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsafe_migration_override: Option<bool>,
    /// Whether a migration may switch to post-copy. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_post_copy: Option<bool>,
    /// Whether a migration that takes too long may pause the guest, or switch it to post-copy
    /// where that is allowed. Default: the value of allowPostCopy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_workload_disruption: Option<bool>,
    /// Whether memory crosses the network in the clear. Default: false.
    #[serde(rename = "disableTLS", skip_serializing_if = "Option::is_none")]
    pub disable_tls: Option<bool>,
    /// The NetworkAttachmentDefinition whose network memory crosses. Default: the pod network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whether the target must have the SELinux level of the source. Default: as if true.
    #[serde(rename = "matchSELinuxLevelOnMigration", skip_serializing_if = "Option::is_none")]
    pub match_selinux_level_on_migration: Option<bool>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// What the operator reports of the installation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubeVirtStatus {
    /// Where the installation stands: Deploying, Deployed, Deleting, Deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Available, Progressing, Degraded and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}
