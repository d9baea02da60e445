//! What a guest is made of, and how it is to cross: from its instance, its claims and its migration.

use std::collections::BTreeMap;
use std::fmt;

use ferry_api::kubevirt::{MigrationState, VirtualMachineInstance, Volume};
use ferry_api::{FieldPath, Quantity, QuantityText};
use ferry_config::{Bandwidth, MigrationSettings, TransferSize};
use ferry_policy::EffectiveConfiguration;
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;
use serde_json::Value;

use super::{Disk, DiskPlace, GuestSpec, Placed, machine};
use crate::claims;
use crate::instance::migratable::{is_filesystem, is_read_only_cdrom, is_shared};
use crate::launcher;
use crate::objects::{is_leaving, name, namespace, uid};

/// Annotations that say what a guest works on.
const WORKLOAD: &str = "workload.ferry.dev/";

/// What a guest may write over an image that nobody pulls here: enough to see it cross.
const IMAGE_LAYER: Bytes = Bytes::from_mib(64);

/// A disk that is written once, such as that of cloud-init.
const SMALL: Bytes = Bytes::from_mib(1);

/// Connections that carry memory.
// PARITY: pkg/virt-handler/migration-source.go#configureParallelMigrationThreads
const CHANNELS: u8 = 8;

/// Why a guest cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// It has no memory, or what is written of it is no amount.
    Memory,
    /// A claim is not there.
    Claim(String),
    /// A claim is there, and is to go.
    Leaving(String),
    /// A volume's size is missing, or no amount.
    Size(String),
    /// It is to be a machine that there is not, in a sentence.
    Machine(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => {
                f.write_str("spec.domain.memory.guest names no amount of memory such as 1Gi")
            }
            Self::Claim(claim) => write!(f, "PVC {claim} does not exist, waiting for it to appear"),
            // PARITY: pkg/kubelet/volumemanager/populator/desired_state_of_world_populator.go#getPVCExtractPV
            Self::Leaving(claim) => write!(f, "PVC {claim} is being deleted"),
            Self::Machine(why) => f.write_str(why),
            Self::Size(volume) => write!(f, "the size of volume {volume} is no amount such as 1Gi"),
        }
    }
}

impl Placed {
    /// What the guest is made of.
    pub(super) fn spec(&self, instance: &VirtualMachineInstance) -> Result<GuestSpec, Obstacle> {
        let domain = &instance.spec.domain;
        let memory = domain.guest_memory().and_then(|(_, text)| bytes(&text));
        let firmware = domain.other.get("firmware").and_then(|firmware| firmware.get("uuid"));
        Ok(GuestSpec {
            pod_uid: self.pod_uid(),
            pod_name: name(&self.pod).to_owned(),
            namespace: namespace(instance).to_owned(),
            name: name(instance).to_owned(),
            instance_uid: uid(instance).to_owned(),
            uuid: firmware.and_then(Value::as_str).unwrap_or(uid(instance)).to_owned(),
            memory: memory.filter(|memory| *memory > Bytes::ZERO).ok_or(Obstacle::Memory)?,
            vcpus: launcher::vcpus(domain.cpu.as_ref()),
            starts_paused: starts_paused(instance),
            disks: self.disks(instance)?,
            workload: workload(instance),
            machine: machine::kind(instance).map_err(Obstacle::Machine)?,
            board: machine::board(instance),
        })
    }

    /// The same of a guest that is not here yet: what is to go is not taken into use.
    pub(super) fn new_spec(
        &self,
        instance: &VirtualMachineInstance,
    ) -> Result<GuestSpec, Obstacle> {
        let going = self.claims.iter().find(|(_, claim)| claim.as_ref().is_some_and(is_leaving));
        match going {
            Some((claim, _)) => Err(Obstacle::Leaving(claim.clone())),
            None => self.spec(instance),
        }
    }

    fn disks(&self, instance: &VirtualMachineInstance) -> Result<Vec<Disk>, Obstacle> {
        let volumes = instance.spec.volumes.iter().flatten();
        volumes
            .filter(|volume| {
                !is_filesystem(instance, volume) && !is_read_only_cdrom(instance, volume)
            })
            .map(|volume| self.disk(volume))
            .collect()
    }

    fn disk(&self, volume: &Volume) -> Result<Disk, Obstacle> {
        let (place, size) = if let Some(claim) = claims::claim_of(volume) {
            let found = self.claims.get(claim).and_then(Option::as_ref);
            let found = found.ok_or_else(|| Obstacle::Claim(claim.to_owned()))?;
            let image = claims::image(found);
            let place = if is_shared(found) {
                DiskPlace::SharedClaim(image)
            } else {
                DiskPlace::Claim(image)
            };
            (place, claim_size(found))
        } else if let Some(host) = &volume.host_disk {
            let path = host.path.clone().into();
            let place = if host.shared == Some(true) {
                DiskPlace::SharedHost { path }
            } else {
                DiskPlace::Host { path }
            };
            (place, host.capacity.as_ref().map_or(Some(IMAGE_LAYER), bytes))
        } else if let Some(scratch) = &volume.empty_disk {
            (DiskPlace::Ephemeral, bytes(&scratch.capacity))
        } else if volume.container_disk.is_some() {
            (DiskPlace::Ephemeral, Some(IMAGE_LAYER))
        } else {
            (DiskPlace::Ephemeral, Some(SMALL))
        };
        let size = size.filter(|size| *size > Bytes::ZERO);
        let size = size.ok_or_else(|| Obstacle::Size(volume.name.clone()))?;
        Ok(Disk { name: volume.name.clone(), size, place })
    }
}

impl GuestSpec {
    /// What has to cross: memory, and the disks that are on this node only.
    // PARITY: pkg/virt-launcher/virtwrap/manager.go#getVMIMigrationDataSize
    pub(super) fn transfer_size(&self) -> TransferSize {
        let moves = |disk: &&Disk| match disk.place {
            DiskPlace::Ephemeral | DiskPlace::Claim(_) | DiskPlace::Host { .. } => true,
            DiskPlace::SharedClaim(_) | DiskPlace::SharedHost { .. } => false,
        };
        let disks = self.disks.iter().filter(moves).map(|disk| disk.size.get());
        let disks = Bytes::new(disks.fold(0, u64::saturating_add));
        TransferSize { memory: self.memory, disks }
    }
}

fn bytes(text: &QuantityText) -> Option<Bytes> {
    text.parse().ok()?.to_bytes_rounded_up().ok()
}

/// What was asked for, or what there is where that is less.
// PARITY: pkg/storage/types/volume.go#GetTotalSizeMigratedVolumes
fn claim_size(claim: &PersistentVolumeClaim) -> Option<Bytes> {
    const STORAGE: &str = "storage";
    let of = |list: Option<&BTreeMap<String, ApiQuantity>>| {
        list?.get(STORAGE)?.0.parse::<Quantity>().ok()?.to_bytes_rounded_up().ok()
    };
    let resources = claim.spec.as_ref().and_then(|spec| spec.resources.as_ref());
    let asked = of(resources.and_then(|resources| resources.requests.as_ref()));
    let given = of(claim.status.as_ref().and_then(|status| status.capacity.as_ref()));
    asked.into_iter().chain(given).min()
}

/// Whether the guest waits for an unpause before it executes anything.
fn starts_paused(instance: &VirtualMachineInstance) -> bool {
    instance.spec.other.get("startStrategy").and_then(Value::as_str) == Some("Paused")
}

fn workload(instance: &VirtualMachineInstance) -> BTreeMap<String, String> {
    let annotations = instance.metadata.annotations.iter().flatten();
    annotations
        .filter_map(|(key, value)| Some((key.strip_prefix(WORKLOAD)?.to_owned(), value.clone())))
        .collect()
}

/// How the guest is to cross, as hand-off has fixed it; or why nothing can.
pub(super) fn settings(state: &MigrationState) -> Result<MigrationSettings, String> {
    // PARITY: pkg/virt-launcher/virtwrap/live-migration-source.go#generateMigrationParams
    const REFUSED: &str = "error encountered while generating migration parameters";
    let written = state.migration_configuration.clone().unwrap_or_default();
    let path = FieldPath::of("status.migrationState.migrationConfiguration");
    let meant = EffectiveConfiguration::of_cluster(&written, &path).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        format!("{REFUSED}: {}", errors.join(", "))
    })?;
    let settings = meant.settings();
    if settings.bandwidth == Bandwidth::BelowZero {
        let quantity = meant.bandwidth_per_migration.value.quantity();
        return Err(format!(
            "{REFUSED}: Memory size '{quantity}' must be greater than or equal to 0"
        ));
    }
    Ok(settings)
}

/// How many connections carry memory: one where the guest is limited to CPUs, which the others would
/// take from it, and where post-copy may come.
// PARITY: pkg/virt-handler/migration-source.go#configureParallelMigrationThreads
pub(super) fn channels(instance: &VirtualMachineInstance, settings: &MigrationSettings) -> u8 {
    let domain = &instance.spec.domain;
    let limit =
        domain.resources.as_ref().and_then(|it| it.limits.as_ref()?.get("cpu")?.parse().ok());
    let is_limited = limit.is_some_and(|limit: Quantity| !limit.is_zero());
    let has_own = domain.cpu.as_ref().and_then(|cpu| cpu.dedicated_cpu_placement) == Some(true);
    if is_limited || has_own || settings.post_copy.is_allowed() { 1 } else { CHANNELS }
}
