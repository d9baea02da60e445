//! The cluster's configuration as reconcilers use it, read anew with every look.
//!
//! Upstream keeps the last good configuration when a bad one is written. A function has no memory,
//! so here each setting that makes no sense counts as not written, and all others count.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ferry_api::kubevirt::{
    DeveloperConfiguration, KubeVirt, KubeVirtConfiguration, MigrationConfiguration,
};
use ferry_api::{FieldPath, View};
use ferry_config::{ClusterLimits, Semantics};
use ferry_policy::EffectiveConfiguration;
use ferry_scheduler::Overcommit;
use ferry_units::WallTime;
use serde_json::Value;

use crate::objects::{all, namespace};

/// The eviction strategy of instances where nobody said anything.
// PARITY: pkg/virt-config/configuration.go#defaultClusterConfig
const DEFAULT_EVICTION_STRATEGY: &str = "None";

/// A node that has not renewed its lease for so long is not ready (Kubernetes'
/// `node-monitor-grace-period`).
pub const NODE_GRACE: Duration = Duration::from_secs(40);

/// What a look at the cluster is given besides the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// What time it is.
    pub time: WallTime,
    /// What counts where documentation and code of the real system differ.
    pub semantics: Semantics,
    /// How long a node may be silent; [`NODE_GRACE`] unless somebody is in a hurry.
    pub node_grace: Duration,
    /// Since when whoever looks hears of every change. What a node should have said before that, it
    /// may have said to nobody.
    pub listening_since: WallTime,
}

/// The cluster's configuration.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cluster {
    /// The namespace that the platform is installed in; none where there is no KubeVirt object.
    pub(crate) installed_in: Option<String>,
    pub(crate) migrations: EffectiveConfiguration,
    pub(crate) eviction_strategy: String,
    pub(crate) overcommit: Overcommit,
    pub(crate) developer: DeveloperConfiguration,
    /// The names of the nodes' devices that guests may have.
    pub(crate) permitted_devices: BTreeSet<String>,
}

impl Now {
    /// The documented behaviour, at `time`.
    pub const fn at(time: WallTime) -> Self {
        let listening_since = WallTime::BEGINNING;
        Self { time, semantics: Semantics::Documented, node_grace: NODE_GRACE, listening_since }
    }
}

impl Cluster {
    pub(crate) fn of(view: &impl View) -> Self {
        let kubevirt = all::<KubeVirt>(view).into_iter().next();
        let installed_in = kubevirt.as_ref().map(|it| namespace(it).to_owned());
        let written = kubevirt.and_then(|it| it.spec.configuration).unwrap_or_default();
        let KubeVirtConfiguration {
            migrations,
            eviction_strategy,
            developer_configuration,
            other,
            ..
        } = written;
        let developer = developer_configuration.unwrap_or_default();
        Self {
            installed_in,
            migrations: effective(migrations.unwrap_or_default()),
            eviction_strategy: eviction_strategy
                .filter(|strategy| !strategy.is_empty())
                .unwrap_or_else(|| DEFAULT_EVICTION_STRATEGY.to_owned()),
            overcommit: Overcommit::from_wire(&developer).unwrap_or_default(),
            developer,
            permitted_devices: permitted_devices(&other),
        }
    }

    pub(crate) fn limits(&self) -> ClusterLimits {
        ClusterLimits {
            parallel_per_cluster: self.migrations.parallel_migrations_per_cluster.value,
            parallel_outbound_per_node: self.migrations.parallel_outbound_migrations_per_node.value,
        }
    }

    pub(crate) fn drain_taint(&self) -> &str {
        &self.migrations.node_drain_taint_key.value
    }
}

/// The names of the devices in the three lists of `permittedHostDevices`.
fn permitted_devices(configuration: &BTreeMap<String, Value>) -> BTreeSet<String> {
    let lists = ["pciHostDevices", "mediatedDevices", "usb"];
    let lists = lists
        .into_iter()
        .filter_map(|list| configuration.get("permittedHostDevices")?.get(list)?.as_array());
    let names = lists.flatten().filter_map(|device| device.get("resourceName")?.as_str());
    names.map(str::to_owned).collect()
}

/// What is meant by what was written, without what means nothing.
fn effective(written: MigrationConfiguration) -> EffectiveConfiguration {
    let path = FieldPath::of("spec.configuration.migrations");
    EffectiveConfiguration::of_cluster(&written, &path).unwrap_or_else(|_| {
        let mut sound = written;
        let alone = |text| MigrationConfiguration {
            bandwidth_per_migration: text,
            ..MigrationConfiguration::default()
        };
        if EffectiveConfiguration::of_cluster(&alone(sound.bandwidth_per_migration.clone()), &path)
            .is_err()
        {
            sound.bandwidth_per_migration = None;
        }
        EffectiveConfiguration::of_cluster(&sound, &path).unwrap_or_else(|_| {
            sound.max_downtime_ms = None;
            EffectiveConfiguration::of_cluster(&sound, &path).unwrap_or_default()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_means_nothing_does_not_take_the_others_with_it() {
        let written: MigrationConfiguration = serde_json::from_value(serde_json::json!({
            "bandwidthPerMigration": "much", "maxDowntimeMs": 0, "progressTimeout": 7,
        }))
        .unwrap();
        let meant = effective(written);
        assert_eq!(meant.progress_timeout.value, 7);
        assert_eq!(meant.max_downtime, None);
        assert!(meant.bandwidth_per_migration.value.quantity().is_zero());
    }
}
