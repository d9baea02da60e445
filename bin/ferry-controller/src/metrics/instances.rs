//! What instances are, where, and which of them would hold up a drain, as the cache has it when
//! somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_client::Cache;
use k8s_openapi::api::core::v1::Pod;
use prometheus::{IntGauge, IntGaugeVec, Registry};
use serde_json::{Value, json};

use super::{NAMES, gauged, gauges, place, register};

/// What stands where there is nothing to be said.
const NONE: &str = "<none>";

/// Whose pod it is.
const CREATED_BY: &str = "kubevirt.io/created-by";

/// On an instance whose pod is of an earlier release. Nothing here is ever updated under a guest.
const OUTDATED: &str = "kubevirt.io/outdatedLauncherImage";

/// All that is told of an instance.
const INFO: [&str; 17] = [
    "node",
    "namespace",
    "name",
    "phase",
    "os",
    "workload",
    "flavor",
    "instance_type",
    "preference",
    "guest_os_kernel_release",
    "guest_os_machine",
    "guest_os_arch",
    "guest_os_name",
    "guest_os_version_id",
    "evictable",
    "outdated",
    "vmi_pod",
];

/// Figures about instances.
pub(super) struct Instances {
    info: IntGaugeVec,
    non_evictable: IntGaugeVec,
    outdated: IntGauge,
}

impl Instances {
    pub(super) fn new(registry: &Registry) -> Self {
        let info = "Information about VirtualMachineInstances.";
        let non_evictable = gauges(
            "kubevirt_vmi_non_evictable",
            "Indication for a VirtualMachine that its eviction strategy is set to Live Migration \
             but is not migratable.",
            &["node", "namespace", "name"],
        );
        // PARITY: pkg/monitoring/metrics/virt-controller/leader_metrics.go#outdatedVirtualMachineInstanceWorkloads
        let outdated = IntGauge::new(
            "kubevirt_vmi_number_of_outdated",
            "Indication for the total number of VirtualMachineInstance workloads that are not \
             running within the most up-to-date version of the virt-launcher environment.",
        );
        Self {
            info: register(registry, gauges("kubevirt_vmi_info", info, &INFO)),
            non_evictable: register(registry, non_evictable),
            outdated: register(registry, outdated.expect(NAMES)),
        }
    }

    /// Reads all figures anew.
    pub(super) fn look(&self, cache: &Cache) {
        self.show(&cache.all(), &cache.all());
    }

    fn show(&self, instances: &[Arc<VirtualMachineInstance>], pods: &[Arc<Pod>]) {
        let pods = running(pods);
        self.info.reset();
        self.non_evictable.reset();
        for instance in instances {
            let labels = info(instance, &pods);
            self.info.with_label_values(&labels.each_ref().map(String::as_str)).set(1);
            let [node, namespace, name, ..] = &labels;
            let blocks = i64::from(must_move_and_cannot(instance));
            self.non_evictable.with_label_values(&[node, namespace, name]).set(blocks);
        }
        self.outdated.set(gauged(instances.iter().filter(|it| is_outdated(it)).count()));
    }
}

/// The pods that run, by the uid of their instance and their node.
fn running(pods: &[Arc<Pod>]) -> BTreeMap<(&str, &str), &str> {
    let found = pods.iter().filter_map(|pod| {
        let owner = pod.metadata.labels.as_ref()?.get(CREATED_BY)?.as_str();
        let node = pod.spec.as_ref()?.node_name.as_deref()?;
        let runs = pod.status.as_ref()?.phase.as_deref() == Some("Running");
        runs.then_some(((owner, node), place(&**pod).1))
    });
    found.collect()
}

// PARITY: pkg/monitoring/metrics/virt-controller/vmistats_collector.go#collectVMIInfo
fn info(
    instance: &VirtualMachineInstance,
    pods: &BTreeMap<(&str, &str), &str>,
) -> [String; INFO.len()] {
    let status = instance.status.as_ref();
    let node = status.and_then(|status| status.node_name.as_deref()).unwrap_or_default();
    let (namespace, name) = place(instance);
    let phase = json!(status.and_then(|status| status.phase));
    let said = |what: &str| {
        let annotations = instance.metadata.annotations.as_ref();
        let said = annotations.and_then(|all| all.get(&format!("vm.kubevirt.io/{what}")));
        said.map_or(NONE, String::as_str)
    };
    let reported = |field: &str, what: &str| {
        let field = status.and_then(|status| status.other.get(field));
        field.and_then(|it| it.get(what)).and_then(Value::as_str).unwrap_or_default()
    };
    let uid = instance.metadata.uid.as_deref().unwrap_or_default();
    [
        node,
        namespace,
        name,
        &phase.as_str().unwrap_or_default().to_lowercase(),
        said("os"),
        said("workload"),
        said("flavor"),
        // There are no types of instances here, and no preferences.
        NONE,
        NONE,
        reported("guestOSInfo", "kernelRelease"),
        reported("machine", "type"),
        reported("guestOSInfo", "machine"),
        reported("guestOSInfo", "name"),
        reported("guestOSInfo", "versionId"),
        &(!must_move_and_cannot(instance)).to_string(),
        &is_outdated(instance).to_string(),
        pods.get(&(uid, node)).copied().unwrap_or(NONE),
    ]
    .map(str::to_owned)
}

fn is_outdated(instance: &VirtualMachineInstance) -> bool {
    instance.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(OUTDATED))
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

    use super::*;

    fn instance(name: &str, strategy: &str, conditions: &Value) -> Arc<VirtualMachineInstance> {
        let instance = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": format!("uid-{name}"),
                "annotations": { "vm.kubevirt.io/os": "fedora" },
            },
            "spec": { "domain": { "devices": {} }, "evictionStrategy": strategy },
            "status": {
                "phase": "Running", "nodeName": "node-2", "conditions": conditions,
                "machine": { "type": "q35" },
            },
        });
        Arc::new(serde_json::from_value(instance).unwrap())
    }

    fn can(status: &str) -> Value {
        json!([{ "type": "LiveMigratable", "status": status }])
    }

    fn shown(registry: &Registry) -> String {
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn parity_a_guest_that_is_to_move_and_cannot_is_told_of() {
        let registry = Registry::new();
        let figures = Instances::new(&registry);
        let instances = [
            instance("a", "LiveMigrate", &can("True")),
            instance("b", "LiveMigrate", &can("False")),
            instance("c", "LiveMigrate", &json!([])),
            instance("d", "LiveMigrateIfPossible", &can("False")),
            instance("e", "None", &can("False")),
        ];
        figures.show(&instances, &[]);
        let text = shown(&registry);
        let told = text.lines().filter_map(|line| {
            let rest = line.strip_prefix("kubevirt_vmi_non_evictable{name=\"")?;
            assert!(rest.contains("\",namespace=\"shop\",node=\"node-2\"} "), "{line}");
            Some(format!("{}{}", &rest[..1], rest.rsplit_once(' ')?.1))
        });
        assert_eq!(told.collect::<Vec<_>>(), ["a0", "b1", "c1", "d0", "e0"]);
        // What is gone is not told of any more.
        figures.show(&[], &[]);
        assert!(!shown(&registry).contains("shop"));
    }

    #[test]
    fn parity_an_instance_is_described_with_the_pod_that_it_is_in() {
        let registry = Registry::new();
        let figures = Instances::new(&registry);
        let pod = |name: &str, phase: &str, node: &str| {
            let pod = json!({
                "metadata": { "name": name, "labels": { CREATED_BY: "uid-a" } },
                "spec": { "nodeName": node, "containers": [] }, "status": { "phase": phase },
            });
            Arc::new(serde_json::from_value(pod).unwrap())
        };
        let pods = [
            pod("left", "Succeeded", "node-2"),
            pod("here", "Running", "node-2"),
            pod("target", "Running", "node-3"),
        ];
        let mut old = (*instance("b", "None", &json!([]))).clone();
        old.metadata.labels = Some([(OUTDATED.to_owned(), String::new())].into());
        figures.show(&[instance("a", "LiveMigrate", &can("True")), Arc::new(old)], &pods);
        let text = shown(&registry);
        let lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("kubevirt_vmi_info{")).collect();
        let expected = r#"kubevirt_vmi_info{evictable="true",flavor="<none>",guest_os_arch="",guest_os_kernel_release="",guest_os_machine="q35",guest_os_name="",guest_os_version_id="",instance_type="<none>",name="a",namespace="shop",node="node-2",os="fedora",outdated="false",phase="running",preference="<none>",vmi_pod="here",workload="<none>"} 1"#;
        assert_eq!(lines[0], expected);
        let other = r#"outdated="true",phase="running",preference="<none>",vmi_pod="<none>""#;
        assert!(lines[1].contains(other), "{}", lines[1]);
        assert!(text.contains("kubevirt_vmi_number_of_outdated 1\n"), "{text}");
    }
}
