//! The configuration that migrations run with: the cluster's, and a policy's on top.
//!
//! This is the one place where what was written (`ferry_api::kubevirt::MigrationConfiguration`)
//! becomes what is meant (`ferry_config`), and back: the same values with their origins are what
//! is stored with each migration and what `ferry explain` prints.

use std::collections::BTreeMap;

use ferry_api::kubevirt::MigrationConfiguration;
use ferry_api::{FieldError, FieldPath, Quantity, QuantityText};
use ferry_config::{Bandwidth, ClusterLimits, MigrationSettings, Permission, ProgressTimeout, Tls};
use ferry_units::{Downtime, SecondsPerGiB};
use serde_json::Value;

use crate::origin::{Origin, Sourced};
use crate::policy::Policy;

/// The taint key that empties a node, where the cluster names no other.
const DEFAULT_DRAIN_TAINT_KEY: &str = "kubevirt.io/drain";

/// Seconds that a migration waits for utility volumes, where the cluster says nothing else. No
/// setting of the transfer itself.
const DEFAULT_UTILITY_VOLUMES_TIMEOUT: i64 = 150;

/// Every setting of a migration with where it came from.
///
/// The defaults are those of KubeVirt 1.6 to 1.8. Settings without one are `None` until somebody
/// sets them.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveConfiguration {
    /// `allowAutoConverge`.
    pub allow_auto_converge: Sourced<bool>,
    /// `allowPostCopy`.
    pub allow_post_copy: Sourced<bool>,
    /// `allowWorkloadDisruption`; follows `allowPostCopy`, origin included, where nobody sets it.
    pub allow_workload_disruption: Sourced<bool>,
    /// `bandwidthPerMigration`.
    pub bandwidth_per_migration: Sourced<BandwidthSetting>,
    /// `completionTimeoutPerGiB`.
    pub completion_timeout_per_gib: Sourced<SecondsPerGiB>,
    /// `disableTLS`.
    pub disable_tls: Option<Sourced<bool>>,
    /// `matchSELinuxLevelOnMigration`.
    pub match_selinux_level_on_migration: Option<Sourced<bool>>,
    /// `maxDowntimeMs`.
    pub max_downtime: Option<Sourced<Downtime>>,
    /// `network`.
    pub network: Option<Sourced<String>>,
    /// `nodeDrainTaintKey`.
    pub node_drain_taint_key: Sourced<String>,
    /// `parallelMigrationsPerCluster`.
    pub parallel_migrations_per_cluster: Sourced<u32>,
    /// `parallelOutboundMigrationsPerNode`.
    pub parallel_outbound_migrations_per_node: Sourced<u32>,
    /// `progressTimeout`, in seconds.
    pub progress_timeout: Sourced<i64>,
    /// `unsafeMigrationOverride`.
    pub unsafe_migration_override: Sourced<bool>,
    /// `utilityVolumesTimeout`, in seconds.
    pub utility_volumes_timeout: Sourced<i64>,
}

/// `bandwidthPerMigration`: the quantity, and what the hypervisor makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BandwidthSetting {
    quantity: Quantity,
    limit: Bandwidth,
}

impl BandwidthSetting {
    /// Parses what was written at `path`: a quantity that 64 bits of bytes per second hold. It may
    /// be negative, as upstream, where only policies may not.
    pub fn parse(written: &QuantityText, path: &FieldPath) -> Result<Self, FieldError> {
        let invalid = |accepted: String| {
            FieldError::invalid(path.clone(), Value::from(written.to_string()), accepted)
        };
        let quantity = written.parse().map_err(|error| invalid(error.to_string()))?;
        if quantity.is_negative() {
            return Ok(Self { quantity, limit: Bandwidth::BelowZero });
        }
        let rate = quantity.to_rate_rounded_down().map_err(|error| invalid(error.to_string()))?;
        Ok(Self { quantity, limit: Bandwidth::from_bytes_per_second(rate.get()) })
    }

    /// The quantity, in bytes per second.
    pub const fn quantity(self) -> Quantity {
        self.quantity
    }

    /// What the hypervisor is given.
    pub const fn limit(self) -> Bandwidth {
        self.limit
    }
}

impl Default for BandwidthSetting {
    fn default() -> Self {
        Self { quantity: Quantity::from(0_u64), limit: Bandwidth::Unlimited }
    }
}

impl Default for EffectiveConfiguration {
    /// What a cluster does that was not configured at all.
    fn default() -> Self {
        Self::of_cluster(&MigrationConfiguration::default(), &FieldPath::root())
            .expect("nothing was written, so nothing can be wrong")
    }
}

impl EffectiveConfiguration {
    /// The cluster's configuration, read from `spec.configuration.migrations` of KubeVirt or from
    /// what stands at `path` of another object.
    ///
    /// Timeouts may be negative, as upstream: they are over at the first look. So may the bandwidth:
    /// with it, every migration fails.
    pub fn of_cluster(
        written: &MigrationConfiguration,
        path: &FieldPath,
    ) -> Result<Self, Vec<FieldError>> {
        let bandwidth = written
            .bandwidth_per_migration
            .as_ref()
            .map(|text| BandwidthSetting::parse(text, &path.field("bandwidthPerMigration")));
        let downtime = written
            .max_downtime_ms
            .map(|millis| parse_downtime(millis, &path.field("maxDowntimeMs")));
        let (bandwidth, downtime) = match (bandwidth.transpose(), downtime.transpose()) {
            (Ok(bandwidth), Ok(downtime)) => (bandwidth, downtime),
            (first, second) => {
                return Err(first.err().into_iter().chain(second.err()).collect());
            }
        };
        let (settings, limits) = (MigrationSettings::default(), ClusterLimits::default());
        let allow_post_copy =
            Sourced::cluster_or(written.allow_post_copy.as_ref(), settings.post_copy.is_allowed());
        // PARITY: pkg/virt-config/virt-config.go#GetMigrationConfiguration
        let allow_workload_disruption = match written.allow_workload_disruption {
            Some(value) => Sourced { value, origin: Origin::Cluster },
            None => allow_post_copy.clone(),
        };
        let per_gib = written.completion_timeout_per_gib.map(SecondsPerGiB::new);
        Ok(Self {
            allow_auto_converge: Sourced::cluster_or(
                written.allow_auto_converge.as_ref(),
                settings.auto_converge.is_allowed(),
            ),
            allow_post_copy,
            allow_workload_disruption,
            bandwidth_per_migration: Sourced::cluster_or(
                bandwidth.as_ref(),
                BandwidthSetting::default(),
            ),
            completion_timeout_per_gib: Sourced::cluster_or(
                per_gib.as_ref(),
                settings.completion_timeout_per_gib,
            ),
            disable_tls: cluster(written.disable_tls.as_ref()),
            match_selinux_level_on_migration: cluster(
                written.match_selinux_level_on_migration.as_ref(),
            ),
            max_downtime: cluster(downtime.as_ref()),
            network: cluster(written.network.as_ref()),
            node_drain_taint_key: Sourced::cluster_or(
                written.node_drain_taint_key.as_ref(),
                DEFAULT_DRAIN_TAINT_KEY.to_owned(),
            ),
            parallel_migrations_per_cluster: Sourced::cluster_or(
                written.parallel_migrations_per_cluster.as_ref(),
                limits.parallel_per_cluster,
            ),
            parallel_outbound_migrations_per_node: Sourced::cluster_or(
                written.parallel_outbound_migrations_per_node.as_ref(),
                limits.parallel_outbound_per_node,
            ),
            progress_timeout: Sourced::cluster_or(
                written.progress_timeout.as_ref(),
                settings.progress_timeout.seconds(),
            ),
            unsafe_migration_override: Sourced::cluster_or(
                written.unsafe_migration_override.as_ref(),
                settings.unsafe_override.is_allowed(),
            ),
            utility_volumes_timeout: Sourced::cluster_or(
                written.utility_volumes_timeout.as_ref(),
                DEFAULT_UTILITY_VOLUMES_TIMEOUT,
            ),
        })
    }

    /// This with everything that `policy` sets put in its place.
    ///
    /// A policy that sets `allowPostCopy` alone sets `allowWorkloadDisruption` with it, in both
    /// directions.
    // PARITY: pkg/virt-controller/watch/migration/migrationpolicy.go#applyMigrationPolicySpec
    #[must_use]
    pub fn with_policy(&self, policy: &Policy) -> Self {
        let name = policy.name();
        let set = policy.overrides();
        let disruption = set.allow_workload_disruption.or(set.allow_post_copy);
        Self {
            allow_auto_converge: self
                .allow_auto_converge
                .overridden(name, set.allow_auto_converge.as_ref()),
            allow_post_copy: self.allow_post_copy.overridden(name, set.allow_post_copy.as_ref()),
            allow_workload_disruption: self
                .allow_workload_disruption
                .overridden(name, disruption.as_ref()),
            bandwidth_per_migration: self
                .bandwidth_per_migration
                .overridden(name, set.bandwidth_per_migration.as_ref()),
            completion_timeout_per_gib: self
                .completion_timeout_per_gib
                .overridden(name, set.completion_timeout_per_gib.as_ref()),
            max_downtime: match set.max_downtime {
                Some(value) => Some(Sourced { value, origin: Origin::Policy(name.to_owned()) }),
                None => self.max_downtime.clone(),
            },
            ..self.clone()
        }
    }

    /// The settings of one migration.
    pub fn settings(&self) -> MigrationSettings {
        let insecure = self.disable_tls.as_ref().is_some_and(|disabled| disabled.value);
        MigrationSettings {
            auto_converge: Permission::from_bool(self.allow_auto_converge.value),
            bandwidth: self.bandwidth_per_migration.value.limit(),
            completion_timeout_per_gib: self.completion_timeout_per_gib.value,
            progress_timeout: ProgressTimeout::from_seconds(self.progress_timeout.value),
            post_copy: Permission::from_bool(self.allow_post_copy.value),
            workload_disruption: Permission::from_bool(self.allow_workload_disruption.value),
            max_downtime: self.max_downtime.as_ref().map(|downtime| downtime.value),
            unsafe_override: Permission::from_bool(self.unsafe_migration_override.value),
            tls: if insecure { Tls::Disabled } else { Tls::Required },
            network: self.network.as_ref().map(|network| network.value.clone()),
        }
    }

    /// How many migrations may run at once. A policy cannot change it.
    pub fn limits(&self) -> ClusterLimits {
        ClusterLimits {
            parallel_per_cluster: self.parallel_migrations_per_cluster.value,
            parallel_outbound_per_node: self.parallel_outbound_migrations_per_node.value,
        }
    }

    /// The configuration as it is stored with a migration: all that is set, quantities canonical.
    pub fn to_wire(&self) -> MigrationConfiguration {
        MigrationConfiguration {
            allow_auto_converge: Some(self.allow_auto_converge.value),
            allow_post_copy: Some(self.allow_post_copy.value),
            allow_workload_disruption: Some(self.allow_workload_disruption.value),
            bandwidth_per_migration: Some(self.bandwidth_per_migration.value.quantity.into()),
            completion_timeout_per_gib: Some(self.completion_timeout_per_gib.value.get()),
            disable_tls: self.disable_tls.as_ref().map(|set| set.value),
            match_selinux_level_on_migration: self
                .match_selinux_level_on_migration
                .as_ref()
                .map(|set| set.value),
            max_downtime_ms: self.max_downtime.as_ref().map(|set| set.value.millis().into()),
            network: self.network.as_ref().map(|set| set.value.clone()),
            node_drain_taint_key: Some(self.node_drain_taint_key.value.clone()),
            parallel_migrations_per_cluster: Some(self.parallel_migrations_per_cluster.value),
            parallel_outbound_migrations_per_node: Some(
                self.parallel_outbound_migrations_per_node.value,
            ),
            progress_timeout: Some(self.progress_timeout.value),
            unsafe_migration_override: Some(self.unsafe_migration_override.value),
            utility_volumes_timeout: Some(self.utility_volumes_timeout.value),
            unknown: BTreeMap::new(),
        }
    }

    /// Where each setting came from, by its key in [`EffectiveConfiguration::to_wire`].
    pub fn origins(&self) -> BTreeMap<&'static str, &Origin> {
        let always = [
            ("allowAutoConverge", &self.allow_auto_converge.origin),
            ("allowPostCopy", &self.allow_post_copy.origin),
            ("allowWorkloadDisruption", &self.allow_workload_disruption.origin),
            ("bandwidthPerMigration", &self.bandwidth_per_migration.origin),
            ("completionTimeoutPerGiB", &self.completion_timeout_per_gib.origin),
            ("nodeDrainTaintKey", &self.node_drain_taint_key.origin),
            ("parallelMigrationsPerCluster", &self.parallel_migrations_per_cluster.origin),
            (
                "parallelOutboundMigrationsPerNode",
                &self.parallel_outbound_migrations_per_node.origin,
            ),
            ("progressTimeout", &self.progress_timeout.origin),
            ("unsafeMigrationOverride", &self.unsafe_migration_override.origin),
            ("utilityVolumesTimeout", &self.utility_volumes_timeout.origin),
        ];
        let where_set = [
            ("disableTLS", self.disable_tls.as_ref().map(|set| &set.origin)),
            (
                "matchSELinuxLevelOnMigration",
                self.match_selinux_level_on_migration.as_ref().map(|set| &set.origin),
            ),
            ("maxDowntimeMs", self.max_downtime.as_ref().map(|set| &set.origin)),
            ("network", self.network.as_ref().map(|set| &set.origin)),
        ];
        let set = where_set.into_iter().filter_map(|(key, origin)| Some((key, origin?)));
        always.into_iter().chain(set).collect()
    }
}

fn cluster<T: Clone>(written: Option<&T>) -> Option<Sourced<T>> {
    written.map(|value| Sourced { value: value.clone(), origin: Origin::Cluster })
}

pub(crate) fn parse_downtime(millis: u64, path: &FieldPath) -> Result<Downtime, FieldError> {
    Downtime::from_millis(millis)
        .map_err(|error| FieldError::invalid(path.clone(), Value::from(millis), error.to_string()))
}
