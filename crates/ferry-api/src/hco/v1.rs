//! `hco.kubevirt.io/v1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hco::LiveMigrationConfigurations;
use crate::hco::v1beta1::HyperConvergedStatus;
use crate::object::{Unmodelled, kubernetes_object};

kubernetes_object! {
    /// The one object that configures the whole platform, in version v1.
    HyperConverged in
        "hco.kubevirt.io", "v1", "hyperconvergeds", NamespaceResourceScope;
    #[serde(default, deserialize_with = "crate::object::null_as_default")]
    spec: HyperConvergedSpec;
    status: HyperConvergedStatus
}

/// The configuration of the platform.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HyperConvergedSpec {
    /// The configuration of virtual machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub virtualization: Option<VirtualizationConfig>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}

/// The configuration of virtual machines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualizationConfig {
    /// Limits, timeouts and permissions of live migrations.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = {}))]
    pub live_migration_config: Option<LiveMigrationConfigurations>,
    /// What happens to a virtual machine whose node is drained, where the machine does not say:
    /// None, LiveMigrate, LiveMigrateIfPossible or External.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eviction_strategy: Option<String>,
    /// What this crate does not model.
    #[serde(flatten)]
    pub other: Unmodelled,
}
