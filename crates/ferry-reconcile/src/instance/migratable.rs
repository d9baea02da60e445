//! Whether a guest can move, and how its disks come along.
//!
//! Upstream asks these questions in order and tells the first reason that keeps the guest where it
//! is. Storage is asked apart, because a migration may also move the disks to other claims.

use ferry_api::kubevirt::{
    VirtualMachineInstance, VirtualMachineInstancePhase as Phase, VirtualMachineInstanceStatus,
    Volume,
};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::Value;

use super::{Observed, facts};
use crate::claims;
use crate::conditions::{self, Said};
use crate::launcher::host_model_is_stuck;
use crate::objects::{annotation, reference};
use crate::plan::{Component, Event, Plan};
use crate::words;

const LIVE: &str = "LiveMigratable";
const STORAGE: &str = "StorageLiveMigratable";

/// Why it cannot.
struct Obstacle {
    reason: &'static str,
    message: String,
}

fn obstacle(reason: &'static str, message: impl Into<String>) -> Obstacle {
    Obstacle { reason, message: message.into() }
}

/// Says of a guest that runs whether it can move, and how; and tells if it cannot, although it is to
/// move when its node is emptied.
pub(super) fn keep(seen: &Observed, status: &mut VirtualMachineInstanceStatus, plan: &mut Plan) {
    if status.phase != Some(Phase::Running) {
        return;
    }
    let (is_block, disks) = disks(seen);
    let method = if is_block { "BlockMigration" } else { "LiveMigration" };
    status.migration_method = Some(method.to_owned());
    let others = of_guest(seen);
    let first = others.iter().chain(&disks).min_by_key(|each| rank(each.reason));
    let live = match first {
        None => Said::plain(LIVE, "True"),
        Some(Obstacle { reason, message }) => {
            Said::because(LIVE, "False", *reason, message.clone())
        }
    };
    if conditions::set(&mut status.conditions, &live, seen.now)
        && let Some(obstacle) = first
        && is_to_move(seen)
    {
        plan.push(cannot_move(seen, obstacle));
    }
    let without_disks: Vec<String> = others
        .iter()
        .filter(|each| each.reason != "SecureExecutionNotLiveMigratable")
        .map(|each| format!("{}: {}", each.reason, each.message))
        .collect();
    let storage = if without_disks.is_empty() {
        Said::plain(STORAGE, "True")
    } else {
        Said::because(STORAGE, "False", "NotMigratable", without_disks.join(", "))
    };
    conditions::set(&mut status.conditions, &storage, seen.now);
}

// PARITY: pkg/util/migrations/migrations.go#VMIMigratableOnEviction
fn is_to_move(seen: &Observed) -> bool {
    let own = seen.instance.spec.eviction_strategy.as_deref();
    own.unwrap_or(&seen.cluster.eviction_strategy) == "LiveMigrate"
}

// PARITY: pkg/virt-handler/vm.go#updateLiveMigrationConditions
fn cannot_move(seen: &Observed, obstacle: &Obstacle) -> Event {
    let why = &obstacle.message;
    let message = format!("EvictionStrategy is set but vmi is not migratable; {why}");
    Event::warning(reference(&seen.instance), "Migrated", message).by(Component::Node)
}

/// The order in which upstream asks.
// PARITY: pkg/virt-handler/vm.go#calculateLiveMigrationCondition
fn rank(reason: &str) -> usize {
    const ORDER: [&str; 10] = [
        "InterfaceNotLiveMigratable",
        "CPUModeLiveMigratable",
        "HostDeviceNotLiveMigratable",
        "SEVNotLiveMigratable",
        "TDXNotLiveMigratable",
        "SecureExecutionNotLiveMigratable",
        "NoTSCFrequencyNotLiveMigratable",
        "HypervPassthroughNotLiveMigratable",
        "PersistentReservationNotLiveMigratable",
        "DisksNotLiveMigratable",
    ];
    ORDER.iter().position(|each| *each == reason).unwrap_or(ORDER.len())
}

/// What of the guest, other than its disks, keeps it where it is.
fn of_guest(seen: &Observed) -> Vec<Obstacle> {
    let instance = &seen.instance;
    let is_there = |path: &[&str]| at(instance, path).is_some_and(|value| !value.is_null());
    let has_some = |list: &str| devices(instance, list).next().is_some();
    let has_clock = instance.status.as_ref().is_some_and(|status| {
        status.other.get("topologyHints").and_then(|hints| hints.get("tscFrequency")).is_some()
    });
    let has_devices = has_some("hostDevices") || has_some("gpus");
    let reenlightens = is_there(&["features", "hyperv", "reenlightenment"]);
    let passes_through = is_enabled(at(instance, &["features", "hypervPassthrough", "enabled"]));
    let rules = [
        (has_devices, "HostDeviceNotLiveMigratable", "VMI uses a PCI host devices"),
        (is_there(&["launchSecurity", "sev"]), "SEVNotLiveMigratable", "VMI uses SEV"),
        (is_there(&["launchSecurity", "tdx"]), "TDXNotLiveMigratable", "VMI uses TDX"),
        (
            is_secure_execution(instance),
            "SecureExecutionNotLiveMigratable",
            "VMI uses Secure Execution",
        ),
        (
            reenlightens && !has_clock,
            "NoTSCFrequencyNotLiveMigratable",
            "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the \
             cluster: guest timers might be inconsistent",
        ),
        (passes_through, "HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough"),
        (
            reserves(instance),
            "PersistentReservationNotLiveMigratable",
            "VMI uses SCSI persistent reservation",
        ),
    ];
    let broken = rules.into_iter().filter(|(is_broken, ..)| *is_broken);
    let broken = broken.map(|(_, reason, message)| obstacle(reason, message));
    interface(instance).into_iter().chain(host_model(seen)).chain(broken).collect()
}

fn host_model(seen: &Observed) -> Option<Obstacle> {
    let name = facts::node(&seen.instance)?;
    let node = seen.nodes.get(name)?.as_ref()?;
    host_model_is_stuck(&seen.instance, node).then(|| {
        let message = format!("the node \"{name}\" does not allow migration with host-model");
        obstacle("CPUModeLiveMigratable", message)
    })
}

/// A field of the guest's hardware that is not modelled.
fn at<'a>(instance: &'a VirtualMachineInstance, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = instance.spec.domain.other.get(*first)?;
    for step in rest {
        value = value.get(step)?;
    }
    Some(value)
}

/// The devices of a list, such as disks.
fn devices<'a>(
    instance: &'a VirtualMachineInstance,
    list: &str,
) -> impl Iterator<Item = &'a Value> + use<'a> {
    let devices = instance.spec.domain.devices.get(list);
    devices.and_then(Value::as_array).into_iter().flatten()
}

fn is_enabled(value: Option<&Value>) -> bool {
    value.and_then(Value::as_bool) == Some(true)
}

// PARITY: pkg/util/util.go#IsSecureExecutionVMI
fn is_secure_execution(instance: &VirtualMachineInstance) -> bool {
    let architecture = instance.spec.other.get("architecture").and_then(Value::as_str);
    architecture == Some("s390x")
        && at(instance, &["launchSecurity"]).is_some_and(|security| !security.is_null())
}

fn reserves(instance: &VirtualMachineInstance) -> bool {
    devices(instance, "disks").any(|disk| is_enabled(disk.pointer("/lun/reservation")))
}

/// The interface on the pod network must be of a kind that finds its peers again.
// PARITY: pkg/network/vmispec/interface.go#VerifyVMIMigratable
fn interface(instance: &VirtualMachineInstance) -> Option<Obstacle> {
    let networks = instance.spec.other.get("networks").and_then(Value::as_array);
    let pod_network = networks
        .into_iter()
        .flatten()
        .find(|network| network.get("pod").is_some_and(|pod| !pod.is_null()))?;
    let network = pod_network.get("name").and_then(Value::as_str).unwrap_or_default();
    let of_network = devices(instance, "interfaces")
        .find(|interface| interface.get("name").and_then(Value::as_str) == Some(network));
    let Some(interface) = of_network else {
        let message = format!("no primary interface found for network {network}");
        return Some(obstacle("InterfaceNotLiveMigratable", message));
    };
    let has = |kind: &str| interface.get(kind).is_some_and(|it| !it.is_null());
    let bridge_may = annotation(instance, words::BRIDGE_MAY_MOVE).is_some();
    if has("masquerade") || has("passt") || has("passtBinding") || (has("bridge") && bridge_may) {
        return None;
    }
    Some(obstacle(
        "InterfaceNotLiveMigratable",
        "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the \
         pod network",
    ))
}

/// Whether disks have to be copied, and what keeps them from being reached elsewhere.
// PARITY: pkg/virt-handler/vm.go#checkVolumesForMigration
fn disks(seen: &Observed) -> (bool, Option<Obstacle>) {
    let status = seen.instance.status.as_ref();
    let moved: Vec<&str> = status
        .into_iter()
        .flat_map(|status| status.migrated_volumes.iter().flatten())
        .filter_map(|volume| volume.volume_name.as_deref())
        .collect();
    let mut is_block = !moved.is_empty();
    for volume in seen.instance.spec.volumes.iter().flatten() {
        if moved.contains(&volume.name.as_str()) {
            continue;
        }
        if let Some(claim) = claims::claim_of(volume) {
            if let Some(message) = unshared(seen, claim) {
                return (true, Some(obstacle("DisksNotLiveMigratable", message)));
            }
        } else if let Some(disk) = &volume.host_disk {
            if disk.shared != Some(true) {
                let message = "cannot migrate VMI with non-shared HostDisk";
                return (true, Some(obstacle("DisksNotLiveMigratable", message)));
            }
        } else if !is_filesystem(&seen.instance, volume)
            && !is_read_only_cdrom(&seen.instance, volume)
        {
            is_block = true;
        }
    }
    (is_block, None)
}

/// What is said of a claim that only one node can use.
fn unshared(seen: &Observed, claim: &str) -> Option<String> {
    const RULE: &str = "live migration requires that all PVCs must be shared (using ReadWriteMany \
                        access mode)";
    let Some(Some(found)) = seen.claims.get(claim) else {
        return Some(format!(
            "cannot migrate VMI: Unable to determine if PVC {claim} is shared, {RULE}"
        ));
    };
    (!is_shared(found)).then(|| format!("cannot migrate VMI: PVC {claim} is not shared, {RULE}"))
}

/// Whether every node can use it.
pub(crate) fn is_shared(claim: &PersistentVolumeClaim) -> bool {
    let modes = claim.spec.as_ref().and_then(|spec| spec.access_modes.as_deref());
    modes.unwrap_or_default().iter().any(|mode| mode == "ReadWriteMany")
}

pub(crate) fn is_filesystem(instance: &VirtualMachineInstance, volume: &Volume) -> bool {
    devices(instance, "filesystems").any(|filesystem| {
        filesystem.get("name").and_then(Value::as_str) == Some(&volume.name)
            && filesystem.get("virtiofs").is_some()
    })
}

/// A CD-ROM is read-only unless it says otherwise.
pub(crate) fn is_read_only_cdrom(instance: &VirtualMachineInstance, volume: &Volume) -> bool {
    devices(instance, "disks")
        .filter(|disk| disk.get("name").and_then(Value::as_str) == Some(&volume.name))
        .filter_map(|disk| disk.get("cdrom"))
        .any(|cdrom| cdrom.get("readonly").and_then(Value::as_bool) != Some(false))
}
