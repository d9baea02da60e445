//! How much a migration of a virtual machine moves: its memory, and the disks that are not shared.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::kubevirt::{
    MigratedVolume, VirtualMachineInstanceSpec, VirtualMachineInstanceStatus, Volume,
};
use ferry_api::{FieldError, FieldPath, Quantity, QuantityText};
use ferry_config::{MigrationMethod, TransferSize};
use ferry_units::Bytes;
use serde_json::Value;

/// What a migration moves, as far as manifests tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MigrationSize {
    /// The guest's memory, where it is known.
    pub memory: Option<Bytes>,
    pub method: MigrationMethod,
    /// The disks that move with it.
    pub disks: Vec<DiskSize>,
}

/// A disk that moves with the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSize {
    /// The volume's name.
    pub volume: String,
    /// Its size, where manifests tell: what a guest has written over an image, they do not.
    pub size: Option<Bytes>,
}

impl MigrationSize {
    /// What the completion timeout is counted by. A disk of unknown size counts nothing.
    pub(super) fn transfer(&self) -> Option<TransferSize> {
        let disks = self.disks.iter().filter_map(|disk| disk.size).sum();
        self.memory.map(|memory| TransferSize { memory, disks })
    }
}

/// What a migration of the instance at `path` moves.
pub(super) fn size_of(
    spec: &VirtualMachineInstanceSpec,
    status: Option<&VirtualMachineInstanceStatus>,
    path: &FieldPath,
) -> Result<MigrationSize, Vec<FieldError>> {
    let memory = match spec.domain.guest_memory() {
        None => None,
        Some((field, written)) => {
            let path = field.split('.').fold(path.clone(), |path, field| path.field(field));
            Some(bytes(&written, &path)?)
        }
    };
    let migrated = status.and_then(|status| status.migrated_volumes.as_deref()).unwrap_or(&[]);
    let reported = status.and_then(|status| status.migration_method.as_deref());
    let local = local_volumes(spec);
    let method = match reported {
        Some("BlockMigration") => MigrationMethod::BlockMigration,
        Some("LiveMigration") => MigrationMethod::LiveMigration,
        _ if migrated.is_empty() && local.is_empty() => MigrationMethod::LiveMigration,
        _ => MigrationMethod::BlockMigration,
    };
    let mut disks = Vec::new();
    if method == MigrationMethod::BlockMigration {
        for (index, volume) in local {
            let path = path.field("volumes").index(index);
            disks.extend(local_disk(volume, &path)?);
        }
    }
    for (index, volume) in migrated.iter().enumerate() {
        let path = FieldPath::of("status.migratedVolumes").index(index);
        disks.push(migrated_disk(volume, &path)?);
    }
    Ok(MigrationSize { memory, method, disks })
}

/// Volumes that live on the node: all but claims and files of the node, file systems that the
/// guest mounts, and images that it can only read.
// PARITY: pkg/virt-handler/vm.go#checkVolumesForMigration
fn local_volumes(spec: &VirtualMachineInstanceSpec) -> Vec<(usize, &Volume)> {
    let devices = &spec.domain.devices;
    let listed = |list: &str| devices.get(list).and_then(Value::as_array).into_iter().flatten();
    let name = |device: &Value| device.get("name").and_then(Value::as_str).map(str::to_owned);
    let read_only = |disk: &Value| {
        let cdrom = disk.get("cdrom");
        cdrom.is_some_and(|cdrom| cdrom.get("readonly") != Some(&Value::Bool(false)))
    };
    let not_moved: BTreeSet<String> = listed("disks")
        .filter(|disk| read_only(disk))
        .chain(listed("filesystems").filter(|fs| fs.get("virtiofs").is_some()))
        .filter_map(name)
        .collect();
    let volumes = spec.volumes.as_deref().unwrap_or(&[]);
    volumes
        .iter()
        .enumerate()
        .filter(|(_, volume)| {
            volume.persistent_volume_claim.is_none()
                && volume.data_volume.is_none()
                && volume.host_disk.is_none()
                && !not_moved.contains(&volume.name)
        })
        .collect()
}

/// The disk of a local volume. Those that are made from the manifest (cloud-init, config maps and
/// the like) are made again on the target and weigh nothing.
fn local_disk(volume: &Volume, path: &FieldPath) -> Result<Option<DiskSize>, Vec<FieldError>> {
    let disk = |size| Some(DiskSize { volume: volume.name.clone(), size });
    if let Some(empty) = &volume.empty_disk {
        return Ok(disk(Some(bytes(&empty.capacity, &path.field("emptyDisk").field("capacity"))?)));
    }
    Ok(if volume.container_disk.is_some() { disk(None) } else { None })
}

/// The smaller of what was asked for and what the claim holds.
// PARITY: pkg/storage/types/volume.go#GetTotalSizeMigratedVolumes
fn migrated_disk(volume: &MigratedVolume, path: &FieldPath) -> Result<DiskSize, Vec<FieldError>> {
    let path = path.field("sourcePVCInfo");
    let storage = |list: &Option<BTreeMap<String, QuantityText>>, field: &str| {
        let written = list.as_ref().and_then(|list| list.get("storage"));
        written.map(|written| bytes(written, &path.field(field).field("storage"))).transpose()
    };
    let size = match &volume.source_pvc_info {
        None => None,
        Some(claim) => {
            match (storage(&claim.requests, "requests")?, storage(&claim.capacity, "capacity")?) {
                (Some(requested), Some(capacity)) => Some(requested.min(capacity)),
                (None, _) | (_, None) => None,
            }
        }
    };
    Ok(DiskSize { volume: volume.volume_name.clone().unwrap_or_default(), size })
}

fn bytes(written: &QuantityText, path: &FieldPath) -> Result<Bytes, Vec<FieldError>> {
    written.parse().and_then(Quantity::to_bytes_rounded_up).map_err(|error| {
        let value = Value::from(written.to_string());
        vec![FieldError::invalid(path.clone(), value, error.to_string())]
    })
}
