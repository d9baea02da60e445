//! What a node has to give, where it can be reached, and that it is ready.

use std::collections::BTreeMap;
use std::time::Duration;

use ferry_api::Quantity;
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::{
    DaemonEndpoint, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::Presence;
use crate::objects::{stamp, wall};

/// So many pods a node takes.
// PARITY: pkg/kubelet/apis/config/v1beta1/defaults.go#SetDefaults_KubeletConfiguration
const PODS: &str = "110";

/// Devices that guests' pods ask for. There are always enough.
// PARITY: pkg/virt-handler/device-manager/device_controller.go#PermanentHostDevicePlugins
const DEVICES: [&str; 3] =
    ["devices.kubevirt.io/kvm", "devices.kubevirt.io/tun", "devices.kubevirt.io/vhost-net"];
const DEVICE_COUNT: &str = "1k";

/// What a node says of itself as long as it can say anything: type, status, reason, message.
// PARITY: pkg/kubelet/nodestatus/setters.go#ReadyCondition
const CONDITIONS: [(&str, &str, &str, &str); 4] = [
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
];

/// Puts the status right, and says when it is due even if nothing changes.
pub(super) fn keep(
    me: &Presence,
    status: &mut NodeStatus,
    now: WallTime,
    every: Duration,
) -> WallTime {
    let all = amounts(me);
    status.capacity = Some(all.clone());
    status.allocatable = Some(all);
    status.addresses = Some(vec![
        NodeAddress { type_: "InternalIP".to_owned(), address: me.address.to_string() },
        NodeAddress { type_: "Hostname".to_owned(), address: me.name.clone() },
    ]);
    status.daemon_endpoints = Some(NodeDaemonEndpoints {
        kubelet_endpoint: Some(DaemonEndpoint { port: me.port.into() }),
    });
    status.node_info = Some(me.system.clone());
    let is_due = |condition: &NodeCondition| {
        let last = condition.last_heartbeat_time.as_ref().map(wall);
        last.is_none_or(|last| now >= last.after(every))
    };
    let conditions = status.conditions.get_or_insert_default();
    let said = |condition: &NodeCondition, status: &str, reason: &str| {
        condition.status == status && condition.reason.as_deref() == Some(reason)
    };
    let is_report = CONDITIONS.iter().any(|(type_, status, reason, _)| {
        let found = conditions.iter().find(|condition| condition.type_ == *type_);
        found.is_none_or(|found| !said(found, status, reason) || is_due(found))
    });
    if !is_report {
        let heard = conditions.iter().filter_map(|it| it.last_heartbeat_time.as_ref()).map(wall);
        return heard.min().unwrap_or(now).after(every);
    }
    for (type_, status, reason, message) in CONDITIONS {
        let found = conditions.iter().position(|condition| condition.type_ == type_);
        let place = found.unwrap_or_else(|| {
            let type_ = type_.to_owned();
            conditions.push(NodeCondition { type_, ..NodeCondition::default() });
            conditions.len() - 1
        });
        let condition = &mut conditions[place];
        if condition.status != status {
            condition.last_transition_time = Some(stamp(now));
        }
        status.clone_into(&mut condition.status);
        condition.reason = Some(reason.to_owned());
        condition.message = Some(message.to_owned());
        condition.last_heartbeat_time = Some(stamp(now));
    }
    now.after(every)
}

fn amounts(me: &Presence) -> BTreeMap<String, ApiQuantity> {
    let own = [
        ("cpu", me.cpus.to_string()),
        ("memory", Quantity::from_bytes(me.memory).to_string()),
        ("pods", PODS.to_owned()),
    ];
    let devices = DEVICES.map(|device| (device, DEVICE_COUNT.to_owned()));
    own.into_iter()
        .chain(devices)
        .map(|(name, text)| (name.to_owned(), ApiQuantity(text)))
        .collect()
}
