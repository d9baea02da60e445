//! Which guests would hold up a drain, as the cache has it when somebody asks.

use std::sync::Arc;

use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_client::Cache;
use prometheus::{IntGaugeVec, Registry};

use super::{gauges, register};

/// Figures about instances.
pub(super) struct Instances {
    non_evictable: IntGaugeVec,
}

impl Instances {
    pub(super) fn new(registry: &Registry) -> Self {
        let non_evictable = gauges(
            "kubevirt_vmi_non_evictable",
            "Indication for a VirtualMachine that its eviction strategy is set to Live Migration \
             but is not migratable.",
            &["node", "namespace", "name"],
        );
        Self { non_evictable: register(registry, non_evictable) }
    }

    /// Reads all figures anew.
    pub(super) fn look(&self, cache: &Cache) {
        self.show(&cache.all());
    }

    fn show(&self, instances: &[Arc<VirtualMachineInstance>]) {
        self.non_evictable.reset();
        for instance in instances {
            let status = instance.status.as_ref();
            let node = status.and_then(|status| status.node_name.as_deref()).unwrap_or_default();
            let (namespace, name) = super::place(&**instance);
            let labels = [node, namespace, name];
            self.non_evictable
                .with_label_values(&labels)
                .set(i64::from(must_move_and_cannot(instance)));
        }
    }
}

/// Whether it is to be moved out of the way, and cannot be. One that does not say yet whether it can
/// counts as one that cannot: this is for alerts. Admission has given each a strategy.
// PARITY: pkg/monitoring/metrics/virt-controller/vmistats_collector.go#getEvictionBlocker
fn must_move_and_cannot(instance: &VirtualMachineInstance) -> bool {
    let conditions = instance.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let can = conditions.into_iter().find(|it| it.type_ == "LiveMigratable");
    instance.spec.eviction_strategy.as_deref() == Some("LiveMigrate")
        && can.is_none_or(|it| it.status == "False")
}

#[cfg(test)]
mod tests {
    use prometheus::TextEncoder;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn parity_a_guest_that_is_to_move_and_cannot_is_told_of() {
        let registry = Registry::new();
        let figures = Instances::new(&registry);
        let instance = |name: &str, strategy: &str, conditions: &Value| {
            let instance = json!({
                "metadata": { "name": name, "namespace": "shop" },
                "spec": { "domain": { "devices": {} }, "evictionStrategy": strategy },
                "status": { "nodeName": "node-2", "conditions": conditions },
            });
            Arc::new(serde_json::from_value(instance).unwrap())
        };
        let can = |status: &str| json!([{ "type": "LiveMigratable", "status": status }]);
        figures.show(&[
            instance("a", "LiveMigrate", &can("True")),
            instance("b", "LiveMigrate", &can("False")),
            instance("c", "LiveMigrate", &json!([])),
            instance("d", "LiveMigrateIfPossible", &can("False")),
            instance("e", "None", &can("False")),
        ]);
        let shown = || TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let text = shown();
        let told = text.lines().filter_map(|line| {
            let (name, rest) = line.split_once("{name=\"")?;
            assert_eq!(name, "kubevirt_vmi_non_evictable");
            assert!(rest.contains("\",namespace=\"shop\",node=\"node-2\"} "), "{line}");
            Some(format!("{}{}", &rest[..1], rest.rsplit_once(' ')?.1))
        });
        assert_eq!(told.collect::<Vec<_>>(), ["a0", "b1", "c1", "d0", "e0"]);
        // What is gone is not told of any more.
        figures.show(&[]);
        assert!(!shown().contains("shop"));
    }
}
