//! The labels that the node of a guest must have.
//!
//! All demands are on one list: what the cluster asks of every node, what the machine asks, what its
//! hardware needs, and what one migration adds. Where two of them name a label, the earlier wins.

use ferry_api::Labels;
use ferry_api::kubevirt::VirtualMachineInstance;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::Value;

use super::Purpose;
use crate::cluster::Cluster;
use crate::instance::facts;
use crate::objects::{label, name};
use crate::words::{self, CPU_MODEL, CPU_MODEL_MIGRATION, CPU_VENDOR, HOST_MODEL, MACHINE_TYPE};

const CPU_FEATURE: &str = "cpu-feature.node.kubevirt.io/";
const HOST_MODEL_FEATURES: &str = "host-model-required-features.node.kubevirt.io/";
const TRUE: &str = "true";

// PARITY: pkg/virt-controller/services/nodeselectorrenderer.go#Render
pub(super) fn of(
    instance: &VirtualMachineInstance,
    cluster: &Cluster,
    purpose: Purpose<'_>,
) -> Labels {
    let spec = &instance.spec;
    let mut labels = Labels::from([(words::SCHEDULABLE.to_owned(), TRUE.to_owned())]);
    if let Some(architecture) = spec.other.get("architecture").and_then(Value::as_str) {
        labels.insert("kubernetes.io/arch".to_owned(), architecture.to_owned());
    }
    labels.extend(cluster.developer.node_selectors.clone().unwrap_or_default());
    labels.extend(spec.node_selector.clone().unwrap_or_default());
    labels.extend(hardware(instance));
    if let Purpose::Target { migration, source_pod, source_node } = purpose {
        for (key, value) in of_source(instance, source_pod, source_node) {
            labels.entry(key).or_insert(value);
        }
        // Memory crosses there or not at all: a node without an address on it is no target.
        labels.extend(network(cluster));
        // PARITY: pkg/virt-controller/watch/migration/migration.go#createTargetPod
        for (key, value) in migration.spec.added_node_selector.clone().unwrap_or_default() {
            labels.entry(key).or_insert(value);
        }
    }
    labels
}

fn yes(prefix: &str, name: &str) -> (String, String) {
    (format!("{prefix}{name}"), TRUE.to_owned())
}

/// The network that memory is to cross, where the cluster has one for that. It may be named together
/// with its namespace.
fn network(cluster: &Cluster) -> Option<(String, String)> {
    let configured = &cluster.migrations.network.as_ref()?.value;
    Some(yes(words::NETWORK, words::network_name(configured)))
}

/// The CPU, its features and the type of machine that the instance names.
fn hardware(instance: &VirtualMachineInstance) -> Labels {
    let domain = &instance.spec.domain;
    let mut labels = Labels::new();
    if let Some(cpu) = &domain.cpu {
        if cpu.dedicated_cpu_placement == Some(true) {
            labels.insert("kubevirt.io/cpumanager".to_owned(), TRUE.to_owned());
        }
        match cpu.model.as_deref() {
            None | Some("" | "host-model" | "host-passthrough") => {}
            Some(model) => labels.extend([yes(CPU_MODEL, model)]),
        }
        let features = cpu.other.get("features").and_then(Value::as_array);
        for feature in features.into_iter().flatten() {
            let text = |field: &str| feature.get(field).and_then(Value::as_str).unwrap_or_default();
            if matches!(text("policy"), "" | "require") && !text("name").is_empty() {
                labels.extend([yes(CPU_FEATURE, text("name"))]);
            }
        }
    }
    let reported = instance.status.as_ref().and_then(|status| {
        status.other.get("machine")?.get("type")?.as_str().filter(|type_| !type_.is_empty())
    });
    let asked = domain.machine.as_ref().and_then(|machine| machine.type_.as_deref());
    if let Some(type_) = reported.or(asked.filter(|asked| !asked.is_empty())) {
        labels.extend([yes(MACHINE_TYPE, type_)]);
    }
    labels
}

/// What the next node must have because the guest has seen it where it is: the vendor of the CPU,
/// and for a guest with the model of its host that model and its features.
// PARITY: pkg/virt-controller/watch/migration/migration.go#prepareNodeSelectorForHostCpuModel
fn of_source(instance: &VirtualMachineInstance, pod: Option<&Pod>, node: Option<&Node>) -> Labels {
    let mut labels = Labels::new();
    let node_labels = node.and_then(|node| node.metadata.labels.clone()).unwrap_or_default();
    if has_host_model(instance) {
        let earlier = pod.and_then(|pod| pod.spec.as_ref()?.node_selector.clone());
        let earlier: Labels = earlier
            .unwrap_or_default()
            .into_iter()
            .filter(|(key, _)| key.starts_with(CPU_MODEL_MIGRATION) || key.starts_with(CPU_FEATURE))
            .collect();
        if earlier.keys().any(|key| key.starts_with(CPU_MODEL_MIGRATION)) {
            labels.extend(earlier);
        } else {
            for key in node_labels.keys() {
                if let Some(model) = key.strip_prefix(HOST_MODEL) {
                    labels.extend([yes(CPU_MODEL_MIGRATION, model)]);
                } else if let Some(feature) = key.strip_prefix(HOST_MODEL_FEATURES) {
                    labels.extend([yes(CPU_FEATURE, feature)]);
                }
            }
        }
    }
    labels.extend(
        node_labels.into_iter().filter(|(key, value)| key.starts_with(CPU_VENDOR) && value == TRUE),
    );
    labels
}

/// Whether the CPU of the guest is that of the node where it has started.
fn has_host_model(instance: &VirtualMachineInstance) -> bool {
    let model = instance.spec.domain.cpu.as_ref().and_then(|cpu| cpu.model.as_deref());
    matches!(model, None | Some("" | "host-model"))
}

/// What a target asks of its node's CPU because the guest has the model of its host, where no node
/// but the one that it is on has that.
// PARITY: pkg/virt-controller/watch/migration/migration.go#alertIfHostModelIsUnschedulable
pub(crate) fn unmet_host_model(
    instance: &VirtualMachineInstance,
    target: &Pod,
    nodes: &[Node],
) -> Option<Labels> {
    let asked = target.spec.as_ref()?.node_selector.clone().unwrap_or_default();
    let of_cpu = |key: &str| key.starts_with(CPU_MODEL_MIGRATION) || key.starts_with(CPU_FEATURE);
    let asked: Labels = asked.into_iter().filter(|(key, _)| of_cpu(key)).collect();
    let here = facts::node(instance);
    let fits = |node: &Node| asked.iter().all(|(key, value)| label(node, key) == Some(value));
    let is_met = nodes.iter().any(|node| Some(name(node)) != here && fits(node));
    (has_host_model(instance) && !is_met && !asked.is_empty()).then_some(asked)
}

/// Whether a guest that has the model of its host may not leave the node.
// PARITY: pkg/virt-handler/vm.go#isHostModelMigratable
pub(crate) fn host_model_is_stuck(instance: &VirtualMachineInstance, node: &Node) -> bool {
    let model = instance.spec.domain.cpu.as_ref().and_then(|cpu| cpu.model.as_deref());
    model == Some("host-model") && label(node, words::OBSOLETE_HOST_MODEL).is_some()
}
