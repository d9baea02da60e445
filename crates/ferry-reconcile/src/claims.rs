//! Claims: which of them a machine's volumes are on, and what becomes of a claim itself.
//!
//! There are no classes of storage here, and no volume is an object of its own: a claim is bound as
//! soon as it is seen, as with a class whose `volumeBindingMode` is `Immediate`. The file behind it
//! is made by the first node whose guest needs it, under the claim's uid; so a claim that is made
//! anew begins empty, whatever became of the file of the last one of its name. A claim that is
//! deleted stays until no pod uses it any more, and [`is_over`] says when its file may follow it.
//!
//! A claim that names another provisioner, or none, is somebody else's: a cluster with storage of its
//! own has controllers for that.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{VirtualMachineInstance, Volume};
use ferry_api::{PROVISIONER, STORAGE_PROVISIONER, View};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimStatus, Pod};
use serde::{Deserialize, Serialize};

use crate::guest::{Disk, DiskPlace, GuestState};
use crate::objects::{
    add_finalizer, annotation, change, is_leaving, name, namespace, remove_finalizer,
    set_annotation, uid,
};
use crate::plan::{Part, Plan};
use crate::{Key, pods};

/// Holds a claim as long as a pod uses it.
// PARITY: pkg/volume/util/finalizer.go#PVCProtectionFinalizer
const PROTECTION: &str = "kubernetes.io/pvc-protection";

/// On a claim that is bound.
// PARITY: staging/src/k8s.io/component-helpers/storage/volume/pv_helpers.go#AnnBindCompleted
const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";

/// On a claim for which the control plane has chosen the volume.
const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";

const BOUND: &str = "Bound";
const STORAGE: &str = "storage";

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

/// The claims that a pod uses, whatever has become of the pod.
pub(crate) fn of_pod(pod: &Pod) -> impl Iterator<Item = &str> {
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    volumes.filter_map(|volume| Some(volume.persistent_volume_claim.as_ref()?.claim_name.as_str()))
}

/// What there is to see of a claim.
#[derive(Clone, Debug)]
pub struct Observed {
    claim: PersistentVolumeClaim,
    is_used: bool,
}

/// Looks at the claim of that name; nothing where there is none.
pub fn observe(view: &impl View, key: &Key) -> Option<Observed> {
    let claim: PersistentVolumeClaim = view.get(&key.namespace, &key.name)?;
    // Only a claim that is to go has to know.
    let is_used = is_leaving(&claim) && {
        let all: Vec<Pod> = view.list(Some(&key.namespace), &ferry_api::Selector::default());
        all.iter().any(|pod| uses(pod, &key.name))
    };
    Some(Observed { claim, is_used })
}

/// Whether a pod holds on to a claim: no node has begun with one that is nowhere yet, and none will,
/// as the claim is to go.
// PARITY: pkg/controller/volume/pvcprotection/pvc_protection_controller.go#podUsesPVC
fn uses(pod: &Pod, claim: &str) -> bool {
    pods::node(pod).is_some() && !pods::is_down(pod) && of_pod(pod).any(|used| used == claim)
}

/// Whether its volume is ours to make.
// PARITY: controller/controller.go#shouldProvision
fn is_ours(claim: &PersistentVolumeClaim) -> bool {
    annotation(claim, STORAGE_PROVISIONER) == Some(PROVISIONER)
}

/// What is to be done about a claim.
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    if !is_ours(&seen.claim) {
        return plan;
    }
    let mut claim = seen.claim.clone();
    if is_leaving(&claim) {
        if !seen.is_used {
            remove_finalizer(&mut claim.metadata, PROTECTION);
        }
    } else {
        bind(&mut claim);
    }
    if let Some(patch) = change(Part::Main, &seen.claim, &claim) {
        // What comes next is another write, which this one would outdate.
        plan.push(patch);
        return plan;
    }
    if !is_leaving(&claim) {
        tell(&mut claim);
        if let Some(patch) = change(Part::Status, &seen.claim, &claim) {
            plan.push(patch);
        }
    }
    plan
}

/// Gives the claim its volume, if it has none: one that is there for it alone.
// PARITY: pkg/controller/volume/persistentvolume/pv_controller.go#bindClaimToVolume
fn bind(claim: &mut PersistentVolumeClaim) {
    add_finalizer(&mut claim.metadata, PROTECTION);
    set_annotation(&mut claim.metadata, BIND_COMPLETED, "yes");
    let volume = format!("pvc-{}", uid(claim));
    let chosen = &mut claim.spec.get_or_insert_default().volume_name;
    if chosen.as_ref().is_none_or(String::is_empty) {
        *chosen = Some(volume);
        set_annotation(&mut claim.metadata, BOUND_BY_CONTROLLER, "yes");
    }
}

/// Says that it is bound, and what it has. That stays: a disk does not grow when more is asked for.
// PARITY: pkg/controller/volume/persistentvolume/pv_controller.go#updateClaimStatus
fn tell(claim: &mut PersistentVolumeClaim) {
    let spec = claim.spec.clone().unwrap_or_default();
    let status = claim.status.get_or_insert_with(PersistentVolumeClaimStatus::default);
    if status.phase.as_deref() == Some(BOUND) {
        return;
    }
    status.phase = Some(BOUND.to_owned());
    status.access_modes = spec.access_modes;
    let asked = spec.resources.and_then(|it| it.requests?.remove(STORAGE));
    status.capacity = asked.map(|asked| BTreeMap::from([(STORAGE.to_owned(), asked)]));
}

/// A file that is the content of a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Image {
    /// The claim's namespace.
    pub namespace: String,
    /// The claim's name.
    pub name: String,
    /// Its uid: another claim of that name has another file.
    pub uid: String,
}

/// Those files of `images` that no guest has which has not ended: each guest by how it is, and with its
/// disks.
pub fn unused<'d>(
    mut images: Vec<Image>,
    guests: impl IntoIterator<Item = (GuestState, &'d [Disk])>,
) -> Vec<Image> {
    let alive = guests.into_iter().filter(|(state, _)| !matches!(state, GuestState::Ended(_)));
    for disk in alive.flat_map(|(_, disks)| disks) {
        match &disk.place {
            DiskPlace::Claim(used) | DiskPlace::SharedClaim(used) => {
                images.retain(|image| image != used);
            }
            DiskPlace::Ephemeral | DiskPlace::Host { .. } | DiskPlace::SharedHost { .. } => {}
        }
    }
    images
}

/// Whether the claim of a file is gone, as far as `found` tells, which is the claim of that name.
pub fn is_over(image: &Image, found: Option<&PersistentVolumeClaim>) -> bool {
    found.is_none_or(|found| uid(found) != image.uid)
}

/// The files of `images` whose claims are gone, as far as `view` tells. It may be old: what is there
/// must be asked for once more before a file goes, because a claim is made before its file is.
pub fn left_over<'i>(view: &impl View, images: &'i [Image]) -> Vec<&'i Image> {
    let is_over = |image: &&Image| {
        let found: Option<PersistentVolumeClaim> = view.get(&image.namespace, &image.name);
        is_over(image, found.as_ref())
    };
    images.iter().filter(is_over).collect()
}

/// The file of a claim.
pub(crate) fn image(claim: &PersistentVolumeClaim) -> Image {
    let [namespace, name, uid] = [namespace(claim), name(claim), uid(claim)].map(str::to_owned);
    Image { namespace, name, uid }
}
