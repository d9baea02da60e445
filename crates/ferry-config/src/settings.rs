//! The settings of one migration.

use std::fmt;

use ferry_units::{Downtime, SecondsPerGiB};
use serde::{Deserialize, Serialize};

use crate::{Bandwidth, CompletionLimit, ProgressTimeout, Semantics, TransferSize};

/// Whether something may be done.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Permission {
    /// It may not.
    #[default]
    Forbidden,
    /// It may.
    Allowed,
}

/// Whether memory crosses the network encrypted.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Tls {
    /// Mutually authenticated and encrypted.
    #[default]
    Required,
    /// In the clear (`disableTLS: true`).
    Disabled,
}

/// How a guest's disks reach the target (`vmi.status.migrationMethod`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum MigrationMethod {
    /// They are shared: only memory moves.
    #[default]
    LiveMigration,
    /// Some are local and move with the memory.
    BlockMigration,
}

/// What happens to a migration that is not done at its completion timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum OnTimeout {
    /// It is aborted; the guest goes on where it is.
    Abort,
    /// The guest is paused so that the rest can cross, and the migration is aborted after twice
    /// the timeout.
    Pause,
    /// The guest moves at once and fetches the rest of its memory as it needs it. It is never
    /// aborted after that.
    PostCopy,
}

/// Everything that decides how one migration runs, fixed when it is handed to the nodes.
///
/// The default is KubeVirt's (`pkg/virt-config/configuration.go`, `defaultClusterConfig`, releases
/// 1.6 to 1.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MigrationSettings {
    /// `allowAutoConverge`: the hypervisor may slow the guest's vCPUs until it converges.
    pub auto_converge: Permission,
    /// `bandwidthPerMigration`.
    pub bandwidth: Bandwidth,
    /// `completionTimeoutPerGiB`.
    pub completion_timeout_per_gib: SecondsPerGiB,
    /// `progressTimeout`.
    pub progress_timeout: ProgressTimeout,
    /// `allowPostCopy`: both sides prepare for post-copy.
    pub post_copy: Permission,
    /// `allowWorkloadDisruption`: the guest may be paused or moved to post-copy at the timeout.
    pub workload_disruption: Permission,
    /// `maxDowntimeMs`; the hypervisor's own limit where it is not set.
    pub max_downtime: Option<Downtime>,
    /// `unsafeMigrationOverride`: migrate even where the hypervisor thinks disks may be damaged.
    pub unsafe_override: Permission,
    /// `disableTLS`.
    pub tls: Tls,
    /// `network`: the NetworkAttachmentDefinition that memory crosses; the pod network where it is
    /// not set.
    pub network: Option<String>,
}

impl Default for MigrationSettings {
    fn default() -> Self {
        Self {
            auto_converge: Permission::Forbidden,
            bandwidth: Bandwidth::Unlimited,
            completion_timeout_per_gib: SecondsPerGiB::new(150),
            progress_timeout: ProgressTimeout::After(150),
            post_copy: Permission::Forbidden,
            workload_disruption: Permission::Forbidden,
            max_downtime: None,
            unsafe_override: Permission::Forbidden,
            tls: Tls::Required,
            network: None,
        }
    }
}

impl MigrationSettings {
    /// What happens at the completion timeout. Post-copy needs both permissions: allowed without
    /// workload disruption, it never starts.
    // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#shouldAssistMigrationToComplete
    pub const fn on_timeout(&self) -> OnTimeout {
        match (self.workload_disruption, self.post_copy) {
            (Permission::Forbidden, _) => OnTimeout::Abort,
            (Permission::Allowed, Permission::Forbidden) => OnTimeout::Pause,
            (Permission::Allowed, Permission::Allowed) => OnTimeout::PostCopy,
        }
    }

    /// The completion timeout for a guest of `size`.
    pub fn completion_timeout(&self, size: TransferSize, semantics: Semantics) -> CompletionLimit {
        CompletionLimit::new(self.completion_timeout_per_gib, size, semantics)
    }
}

impl Permission {
    /// The wire's boolean.
    pub const fn from_bool(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Forbidden }
    }

    /// Whether it may be done.
    pub const fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed)
    }
}

impl fmt::Display for OnTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Abort => "Abort",
            Self::Pause => "Pause",
            Self::PostCopy => "PostCopy",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_a4_the_defaults_are_those_of_kubevirt_1_6_to_1_8() {
        let settings = MigrationSettings::default();
        assert_eq!(settings.completion_timeout_per_gib, SecondsPerGiB::new(150));
        assert_eq!(settings.progress_timeout, ProgressTimeout::After(150));
        assert_eq!(settings.bandwidth, Bandwidth::Unlimited);
        assert_eq!(settings.on_timeout(), OnTimeout::Abort);
        assert_eq!(settings.tls, Tls::Required);
        let limits = crate::ClusterLimits::default();
        assert_eq!((limits.parallel_per_cluster, limits.parallel_outbound_per_node), (5, 2));
    }

    #[test]
    fn parity_a5_post_copy_needs_workload_disruption_too() {
        for (disruption, post_copy, expected) in [
            (false, false, OnTimeout::Abort),
            (false, true, OnTimeout::Abort),
            (true, false, OnTimeout::Pause),
            (true, true, OnTimeout::PostCopy),
        ] {
            let settings = MigrationSettings {
                workload_disruption: Permission::from_bool(disruption),
                post_copy: Permission::from_bool(post_copy),
                ..MigrationSettings::default()
            };
            assert_eq!(settings.on_timeout(), expected, "{disruption} {post_copy}");
        }
    }
}
