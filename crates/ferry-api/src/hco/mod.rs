//! HyperConverged: the one object that configures the whole platform (`hco.kubevirt.io`).
//!
//! It is served in two versions, which hold the settings of live migrations in different places;
//! [`v1beta1`] is the one of the documentation. Source: hyperconverged-cluster-operator
//! `api/v1beta1/hyperconverged_types.go` and `api/v1/hyperconverged_types.go`.

mod live_migration;
pub mod v1;
pub mod v1beta1;

pub use live_migration::LiveMigrationConfigurations;

/// The only name that the platform acts on.
// PARITY: hyperconverged-cluster-operator deploy/crds/hco00.crd.yaml#metadata.name
pub const HYPERCONVERGED_NAME: &str = "kubevirt-hyperconverged";

/// What may become of a machine whose node is drained.
// PARITY: hyperconverged-cluster-operator deploy/crds/hco00.crd.yaml#evictionStrategy
pub(crate) const EVICTION_STRATEGIES: [&str; 4] =
    ["None", "LiveMigrate", "LiveMigrateIfPossible", "External"];
