//! How many nodes there are for guests, as the cache has it when somebody asks. Upstream has its
//! Prometheus count them.

use std::sync::Arc;

use ferry_api::Quantity;
use ferry_client::Cache;
use k8s_openapi::api::core::v1::Node;
use prometheus::{IntGauge, Registry};

use super::{NAMES, gauged, register};

/// What a node that can run guests has.
const KVM: &str = "devices.kubevirt.io/kvm";

/// Figures about nodes.
pub(super) struct Nodes {
    allocatable: IntGauge,
    with_kvm: IntGauge,
}

impl Nodes {
    // PARITY: pkg/monitoring/rules/recordingrules/nodes.go#nodesRecordingRules
    pub(super) fn new(registry: &Registry) -> Self {
        let gauge =
            |name: &str, help: &str| register(registry, IntGauge::new(name, help).expect(NAMES));
        Self {
            allocatable: gauge(
                "kubevirt_allocatable_nodes",
                "The number of allocatable nodes in the cluster.",
            ),
            with_kvm: gauge(
                "kubevirt_nodes_with_kvm",
                "The number of nodes in the cluster that have the devices.kubevirt.io/kvm resource \
                 available.",
            ),
        }
    }

    /// Reads all figures anew.
    pub(super) fn look(&self, cache: &Cache) {
        self.show(&cache.all());
    }

    fn show(&self, nodes: &[Arc<Node>]) {
        let allocatable =
            nodes.iter().filter_map(|node| node.status.as_ref()?.allocatable.as_ref());
        self.allocatable.set(gauged(allocatable.clone().count()));
        let has_kvm =
            |amount: &str| amount.parse().is_ok_and(|it: Quantity| it > Quantity::default());
        let with_kvm = allocatable.filter(|it| it.get(KVM).is_some_and(|it| has_kvm(&it.0)));
        self.with_kvm.set(gauged(with_kvm.count()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parity_nodes_are_counted_and_those_that_can_run_guests() {
        let figures = Nodes::new(&Registry::new());
        let nodes = [
            json!({ "allocatable": { KVM: "1k" } }),
            json!({ "allocatable": { KVM: "0" } }),
            json!({ "allocatable": { "cpu": "4" } }),
            json!({}),
        ];
        let node = |status| serde_json::from_value(json!({ "metadata": {}, "status": status }));
        let nodes = nodes.map(|status| Arc::new(node(status).unwrap()));
        figures.show(&nodes);
        assert_eq!((figures.allocatable.get(), figures.with_kvm.get()), (3, 1));
        figures.show(&[]);
        assert_eq!((figures.allocatable.get(), figures.with_kvm.get()), (0, 0));
    }
}
