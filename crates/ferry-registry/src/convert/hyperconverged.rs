//! The two versions of HyperConverged: `v1` sorts into sections what `v1beta1` has in one heap.
//!
//! A few fields are only in one of them upstream. Here they are in both, at the same place, so that
//! an object that is written in one version and then in the other has lost nothing.

#[cfg(test)]
mod tests;

use ferry_api::KindVersion;
use serde_json::{Map, Value, json};

use crate::draft::prune;
use crate::object::Document;

/// Where the fields of `spec` stand: in `v1beta1`, and in `v1`. A section comes before the fields
/// that are moved into it. A field that is at the same place in both is not here.
// PARITY: hyperconverged-cluster-operator api/v1beta1/conversion.go#ConvertTo
const MOVES: [(&str, &str); 40] = [
    ("tuningPolicy", "virtualization.tuningPolicy"),
    ("liveMigrationConfig", "virtualization.liveMigrationConfig"),
    ("permittedHostDevices", "virtualization.permittedHostDevices"),
    ("mediatedDevicesConfiguration", "virtualization.mediatedDevicesConfiguration"),
    ("workloadUpdateStrategy", "virtualization.workloadUpdateStrategy"),
    ("obsoleteCPUs.cpuModels", "virtualization.obsoleteCPUModels"),
    ("evictionStrategy", "virtualization.evictionStrategy"),
    ("virtualMachineOptions", "virtualization.virtualMachineOptions"),
    ("defaultRuntimeClass", "virtualization.virtualMachineOptions.defaultRuntimeClass"),
    ("defaultCPUModel", "virtualization.virtualMachineOptions.defaultCPUModel"),
    ("higherWorkloadDensity", "virtualization.higherWorkloadDensity"),
    ("liveUpdateConfiguration", "virtualization.liveUpdateConfiguration"),
    ("ksmConfiguration", "virtualization.ksmConfiguration"),
    ("hypervisors", "virtualization.hypervisors"),
    ("roleAggregationStrategy", "virtualization.roleAggregationStrategy"),
    ("resourceRequirements.vmiCPUAllocationRatio", "virtualization.vmiCPUAllocationRatio"),
    (
        "resourceRequirements.autoCPULimitNamespaceLabelSelector",
        "virtualization.autoCPULimitNamespaceLabelSelector",
    ),
    ("resourceRequirements.storageWorkloads", "storage.workloadResourceRequirements"),
    ("vmStateStorageClass", "storage.vmStateStorageClass"),
    ("scratchSpaceStorageClass", "storage.scratchSpaceStorageClass"),
    ("storageImport", "storage.storageImport"),
    ("filesystemOverhead", "storage.filesystemOverhead"),
    ("infra.nodePlacement", "deployment.nodePlacements.infra"),
    ("workloads.nodePlacement", "deployment.nodePlacements.workload"),
    ("certConfig", "security.certConfig"),
    ("tlsSecurityProfile", "security.tlsSecurityProfile"),
    ("networkBinding", "networking.networkBinding"),
    ("kubeMacPoolConfiguration", "networking.kubeMacPoolConfiguration"),
    ("kubeSecondaryDNSNameServerIP", "networking.kubeSecondaryDNSNameServerIP"),
    ("commonTemplatesNamespace", "workloadSources.commonTemplatesNamespace"),
    ("commonBootImageNamespace", "workloadSources.commonBootImageNamespace"),
    ("enableCommonBootImageImport", "workloadSources.enableCommonBootImageImport"),
    ("dataImportCronTemplates", "workloadSources.dataImportCronTemplates"),
    ("instancetypeConfig", "workloadSources.instancetypeConfig"),
    ("CommonInstancetypesDeployment", "workloadSources.commonInstancetypesDeployment"),
    ("uninstallStrategy", "deployment.uninstallStrategy"),
    ("logVerbosityConfig", "deployment.logVerbosityConfig"),
    ("deployVmConsoleProxy", "deployment.deployVmConsoleProxy"),
    ("applicationAwareConfig", "deployment.applicationAwareConfig"),
    ("enableApplicationAwareQuota", "deployment.applicationAwareConfig.enable"),
];

/// Where fields of `v1` stood before they came to where they are, and where they are.
const RENAMES: [(&str, &str); 3] = [
    ("nodePlacements.infra", "deployment.nodePlacements.infra"),
    ("nodePlacements.workload", "deployment.nodePlacements.workload"),
    ("storage.storageWorkloads", "storage.workloadResourceRequirements"),
];

/// Changes the spec of one version into that of the other. Of what the other version does not know,
/// sections without a field and a former place beside the current one, nothing is left.
pub(super) fn convert(to: KindVersion, document: &mut Document) {
    let Some(spec) = document.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if to.version() == "v1" {
        for (heap, sorted) in MOVES {
            relocate(spec, heap, sorted);
        }
        gates_as_list(spec);
    } else {
        for (former, current) in RENAMES {
            relocate(spec, former, current);
        }
        for (heap, sorted) in MOVES.into_iter().rev() {
            relocate(spec, sorted, heap);
        }
        gates_as_map(spec);
    }
    prune(to.schema(), document);
}

fn relocate(spec: &mut Map<String, Value>, from: &str, to: &str) {
    if is_free(spec, to)
        && let Some(value) = take(spec, from)
    {
        put(spec, to, value);
    }
}

/// Whether a value can be put at a path without taking the place of another.
fn is_free(object: &Map<String, Value>, path: &str) -> bool {
    match path.split_once('.') {
        None => !object.contains_key(path),
        Some((section, rest)) => match object.get(section) {
            None => true,
            Some(Value::Object(section)) => is_free(section, rest),
            Some(_) => false,
        },
    }
}

/// Takes the value at a path, and sections that have nothing else.
fn take(object: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let Some((name, rest)) = path.split_once('.') else { return object.remove(path) };
    let section = object.get_mut(name)?.as_object_mut()?;
    let value = take(section, rest)?;
    if section.is_empty() {
        object.remove(name);
    }
    Some(value)
}

/// Puts a value at a path that is free.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    let Some((name, rest)) = path.split_once('.') else {
        object.insert(path.to_owned(), value);
        return;
    };
    let section = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if let Some(section) = section.as_object_mut() {
        put(section, rest, value);
    }
}

/// `featureGates` of `v1beta1`, where each gate is a field, as the list that `v1` has.
fn gates_as_list(spec: &mut Map<String, Value>) {
    let Some(Value::Object(gates)) = spec.remove("featureGates") else { return };
    let listed: Vec<Value> = gates
        .into_iter()
        .map(|(name, enabled)| match enabled {
            Value::Bool(false) => json!({ "name": name, "state": "Disabled" }),
            _ => json!({ "name": name }),
        })
        .collect();
    if !listed.is_empty() {
        spec.insert("featureGates".to_owned(), Value::Array(listed));
    }
}

/// The way back. Of a gate that is listed twice, the first one counts.
// PARITY: hyperconverged-cluster-operator api/v1/featuregates/feature_gates.go#IsEnabled
fn gates_as_map(spec: &mut Map<String, Value>) {
    let mut named = Map::new();
    if let Some(Value::Array(gates)) = spec.remove("featureGates") {
        for gate in &gates {
            if let Some(name) = gate.get("name").and_then(Value::as_str) {
                let enabled = gate.get("state").and_then(Value::as_str) != Some("Disabled");
                named.entry(name).or_insert(Value::Bool(enabled));
            }
        }
    }
    spec.insert("featureGates".to_owned(), Value::Object(named));
}
