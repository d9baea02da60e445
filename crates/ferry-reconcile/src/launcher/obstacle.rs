//! Why a guest's pod cannot be made: a device that it may not have, a network that is not there.

use std::collections::BTreeSet;

use ferry_api::kubevirt::VirtualMachineInstance;
use ferry_api::{NetworkAttachmentDefinition, View};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::objects::namespace;

/// What stands in the way of an instance's pod, in upstream's words. Upstream lets every device pass
/// where no list of them is written, and no node then has one; here no node has any.
// PARITY: pkg/virt-controller/services/template.go#renderLaunchManifest
pub(crate) fn obstacle(
    view: &impl View,
    cluster: &Cluster,
    instance: &VirtualMachineInstance,
) -> Option<String> {
    let missing = networks(instance).find(|(namespace, name)| {
        view.get::<NetworkAttachmentDefinition>(namespace, name).is_none()
    });
    if let Some((namespace, name)) = missing {
        return Some(format!("failed to locate network attachment definition {namespace}/{name}"));
    }
    let forbidden = forbidden(instance, &cluster.permitted_devices);
    (!forbidden.is_empty()).then(|| forbidden.join(" "))
}

/// The networks besides that of pods that an instance is on, by namespace and name.
// PARITY: pkg/network/multus/nad.go#NetAttachDefNamespacedName
pub(crate) fn networks(instance: &VirtualMachineInstance) -> impl Iterator<Item = (&str, &str)> {
    let networks = instance.spec.other.get("networks").and_then(Value::as_array);
    let names = networks
        .into_iter()
        .flatten()
        .filter_map(|network| network.pointer("/multus/networkName")?.as_str());
    names.map(|name| name.split_once('/').unwrap_or((namespace(instance), name)))
}

// PARITY: pkg/virt-controller/services/renderresources.go#validatePermittedHostDevices
fn forbidden(instance: &VirtualMachineInstance, permitted: &BTreeSet<String>) -> Vec<String> {
    let mut forbidden = Vec::new();
    for (list, what) in [("gpus", "GPU"), ("hostDevices", "HostDevice")] {
        let devices = instance.spec.domain.devices.get(list).and_then(Value::as_array);
        for device in devices.into_iter().flatten() {
            // One that is claimed is found by whoever allocates claims.
            if device.get("claimName").is_some() {
                continue;
            }
            let name = device.get("deviceName").and_then(Value::as_str).unwrap_or_default();
            if !permitted.contains(name) {
                forbidden.push(format!(
                    "{what} {name} is not permitted in permittedHostDevices configuration"
                ));
            }
        }
    }
    forbidden
}
