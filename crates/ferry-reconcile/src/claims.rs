//! The claims that a machine's volumes are on.

use ferry_api::kubevirt::{VirtualMachineInstance, Volume};

/// The claim that a volume is on.
// PARITY: pkg/storage/types/pvc.go#PVCNameFromVirtVolume
pub(crate) fn claim_of(volume: &Volume) -> Option<&str> {
    let claim = volume.persistent_volume_claim.as_ref().map(|claim| claim.claim_name.as_str());
    claim.or_else(|| volume.data_volume.as_ref().map(|data| data.name.as_str()))
}

/// The volumes of an instance that are on claims, each with its claim.
pub(crate) fn of(instance: &VirtualMachineInstance) -> impl Iterator<Item = (&str, &str)> {
    let volumes = instance.spec.volumes.iter().flatten();
    volumes.filter_map(|volume| Some((volume.name.as_str(), claim_of(volume)?)))
}
