//! MigrationPolicy: settings for the migrations of some virtual machines.
//!
//! Source: KubeVirt `staging/src/kubevirt.io/api/migrations/v1alpha1/types.go`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::object::{Unmodelled, kubernetes_object};
use crate::quantity::QuantityText;

kubernetes_object! {
    /// Settings for the migrations of the virtual machines that it selects, on top of the
    /// cluster's.
    MigrationPolicy in
        "migrations.kubevirt.io", "v1alpha1", "migrationpolicies", ClusterResourceScope;
    spec: MigrationPolicySpec;
    status: MigrationPolicyStatus
}

/// Which virtual machines the policy selects, and what it sets for them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationPolicySpec {
    /// Which virtual machines. An empty one selects all of them.
    pub selectors: Selectors,
    /// Whether the hypervisor may slow the guest's CPUs until the migration converges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_auto_converge: Option<bool>,
    /// Bandwidth in bytes per second, as a quantity such as 64Mi; 0 is unlimited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bandwidth_per_migration: Option<QuantityText>,
    /// Seconds that a migration may take for each GiB that it moves; 0 is any time.
    #[serde(rename = "completionTimeoutPerGiB", skip_serializing_if = "Option::is_none")]
    pub completion_timeout_per_gib: Option<i64>,
    /// Whether a migration may switch to post-copy. Sets allowWorkloadDisruption to the same value
    /// where that is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_post_copy: Option<bool>,
    /// Whether a migration that takes too long may pause the guest, or switch it to post-copy
    /// where that is allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_workload_disruption: Option<bool>,
    /// How long a guest may stand still while it changes hosts, in milliseconds, 1 to 2000000.
    /// Known to KubeVirt 1.9 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_000_000))]
    pub max_downtime_ms: Option<u64>,
    /// Options that may change or go. Known to KubeVirt 1.9 and later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experimental: Option<MigrationPolicyExperimental>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// Labels that a virtual machine and its namespace must have: plain maps of which every pair must
/// match exactly, no matchLabels or matchExpressions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selectors {
    /// Labels of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<BTreeMap<String, String>>,
    /// Labels of the virtual machine instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub virtual_machine_instance_selector: Option<BTreeMap<String, String>>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// Options that may change or go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MigrationPolicyExperimental {
    /// Detects a migration that gets nowhere by its best pass so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stall_detector: Option<BTreeMap<String, Value>>,
    /// Raises the allowed downtime in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub downtime_tuning: Option<BTreeMap<String, Value>>,
    /// How memory is compressed on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<MigrationCompression>,
    /// What this crate does not model; kept, and reported by name.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: Unmodelled,
}

/// How memory is compressed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MigrationCompression {
    /// Not at all.
    None,
    /// With zstd.
    Zstd,
}

/// Nothing; the kind has a status only in form.
// PARITY: staging/src/kubevirt.io/api/migrations/v1alpha1/types.go#MigrationPolicyStatus
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct MigrationPolicyStatus {}
