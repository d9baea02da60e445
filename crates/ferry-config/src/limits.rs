//! How many migrations may run at once.

use serde::{Deserialize, Serialize};

/// How many migrations may run at once. `0` means that none ever starts.
///
/// ```
/// use ferry_config::ClusterLimits;
///
/// let limits = ClusterLimits::default();
/// assert_eq!((limits.parallel_per_cluster, limits.parallel_outbound_per_node), (5, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClusterLimits {
    /// `parallelMigrationsPerCluster`: in the whole cluster.
    pub parallel_per_cluster: u32,
    /// `parallelOutboundMigrationsPerNode`: away from any one node.
    pub parallel_outbound_per_node: u32,
}

impl Default for ClusterLimits {
    /// KubeVirt's defaults (`pkg/virt-config/virt-config.go`).
    fn default() -> Self {
        Self { parallel_per_cluster: 5, parallel_outbound_per_node: 2 }
    }
}
