//! `liveMigrationConfig`, which both versions of HyperConverged share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::object::Unmodelled;
use crate::quantity::QUANTITY_PATTERN;

/// Limits, timeouts and permissions of live migrations.
///
/// The defaults are in the schema, so a key that is deleted has its default again with the same
/// write; bandwidthPerMigration, network and allowWorkloadDisruption have none and stay away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveMigrationConfigurations {
    /// How many migrations may run at once in the cluster; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 5))]
    pub parallel_migrations_per_cluster: Option<u32>,
    /// How many migrations may run at once away from one node; with 0, none starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 2))]
    pub parallel_outbound_migrations_per_node: Option<u32>,
    /// Bandwidth of each migration in bytes per second, as a quantity such as 64Mi. Default: 0,
    /// which is unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "bandwidth_schema")]
    pub bandwidth_per_migration: Option<String>,
    /// Seconds that a migration may take for each GiB that it moves; with 0, it may take any time.
    #[serde(rename = "completionTimeoutPerGiB", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 150))]
    pub completion_timeout_per_gib: Option<i64>,
    /// Seconds that a migration may go without progress; with 0, any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 150))]
    pub progress_timeout: Option<i64>,
    /// The NetworkAttachmentDefinition whose network memory crosses. Default: the pod network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Whether the hypervisor may slow the guest's CPUs until the migration converges.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub allow_auto_converge: Option<bool>,
    /// Whether a migration may switch to post-copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub allow_post_copy: Option<bool>,
    /// Whether a migration that takes too long may pause the guest, or switch it to post-copy
    /// where that is allowed. Default: the value of allowPostCopy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_workload_disruption: Option<bool>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// A string, unlike everywhere else where a quantity may also be a number.
// PARITY: hyperconverged-cluster-operator api/v1/hyperconverged_types.go#LiveMigrationConfigurations
fn bandwidth_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "string", "pattern": QUANTITY_PATTERN })
}
