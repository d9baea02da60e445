//! The labels, annotations and finalizers that the parts of a cluster know each other by, and the
//! names that are made for objects.
//!
//! All but those of `ferry.dev` are upstream's, so that other people's tools find what they look for.

/// On a pod: what it is part of. That of a guest says [`LAUNCHER`].
pub(crate) const APP: &str = "kubevirt.io";
/// A pod that holds a guest.
pub(crate) const LAUNCHER: &str = "virt-launcher";
/// On a pod: the uid of its instance.
pub(crate) const CREATED_BY: &str = "kubevirt.io/created-by";
/// On a pod: the uid of the migration that it is the target of.
pub(crate) const MIGRATION_UID: &str = "kubevirt.io/migrationJobUID";
/// On a pod: the name of that migration.
pub(crate) const MIGRATION_NAME: &str = "kubevirt.io/migrationJobName";
/// On a pod: memory crosses by way of sockets in the file system.
pub(crate) const TRANSPORT_UNIX: &str = "kubevirt.io/migrationTransportUnix";
/// On a pod: the name of its instance.
pub(crate) const DOMAIN: &str = "kubevirt.io/domain";
/// On a pod: the name of its machine.
pub(crate) const VM_NAME: &str = "vm.kubevirt.io/name";
/// On a pod: the name of its instance, as far as a label takes it.
pub(crate) const VMI_ID: &str = "vmi.kubevirt.io/id";
/// On a target pod: since when the guest runs there.
pub(crate) const TARGET_READY: &str = "kubevirt.io/migration-target-ready-timestamp";
/// On an instance: the node that it runs on.
pub(crate) const NODE_NAME: &str = "kubevirt.io/nodeName";
/// On an instance: the node that it is to come to.
pub(crate) const TARGET_NODE_NAME: &str = "kubevirt.io/migrationTargetNodeName";
/// On an instance: who asked for its evacuation.
pub(crate) const EVICTION_SOURCE: &str = "kubevirt.io/eviction-source";
/// On an instance: its pod runs an image that is not the present one.
pub(crate) const OUTDATED_IMAGE: &str = "kubevirt.io/outdatedLauncherImage";
/// On an instance: the generation of the machine that it was made from.
pub(crate) const VM_GENERATION: &str = "kubevirt.io/vm-generation";
/// On an instance: a bridge on the pod network may move.
pub(crate) const BRIDGE_MAY_MOVE: &str = "kubevirt.io/allow-pod-bridge-network-live-migration";
/// On a migration: the name of its instance.
pub(crate) const VMI_NAME: &str = "kubevirt.io/vmi-name";
/// On a migration: the node that it empties.
pub(crate) const EVACUATION: &str = "kubevirt.io/evacuationMigration";
/// On a migration: it brings its instance to another version.
pub(crate) const WORKLOAD_UPDATE: &str = "kubevirt.io/workloadUpdateMigration";
/// On a migration, from hand-off on: where each of its settings comes from, as a JSON object.
pub(crate) const ORIGINS: &str = "migration.ferry.dev/origins";
/// On a migration: it does not back off.
pub(crate) const IGNORE_BACKOFF: &str = "kubevirt.io/func-test-ignore-migration-backoff";
/// On a migration: seconds that its target pod may find no node.
pub(crate) const UNSCHEDULABLE_TIMEOUT: &str =
    "kubevirt.io/migrationUnschedulablePodTimeoutSeconds";
/// On a migration: seconds that its target pod may be pending.
pub(crate) const PENDING_TIMEOUT: &str = "kubevirt.io/migrationPendingPodTimeoutSeconds";
/// On a migration: seconds that it waits for utility volumes to go.
pub(crate) const UTILITY_VOLUMES_TIMEOUT: &str =
    "kubevirt.io/migrationUtilityVolumesTimeoutSeconds";
/// On a node: whether it takes guests at all.
pub(crate) const SCHEDULABLE: &str = "kubevirt.io/schedulable";
/// On a node: a model of CPU that it offers.
pub(crate) const CPU_MODEL: &str = "cpu-model.node.kubevirt.io/";
/// On a node: a model of CPU that guests of other hosts may come with.
pub(crate) const CPU_MODEL_MIGRATION: &str = "cpu-model-migration.node.kubevirt.io/";
/// On a node: the model of its own CPU.
pub(crate) const HOST_MODEL: &str = "host-model-cpu.node.kubevirt.io/";
/// On a node: who made its CPU.
pub(crate) const CPU_VENDOR: &str = "cpu-vendor.node.kubevirt.io/";
/// On a node: a type of machine that it offers.
pub(crate) const MACHINE_TYPE: &str = "machine-type.node.kubevirt.io/";
/// On a node: a network that guests can move over and that it has an address on. Ferry's own.
pub(crate) const NETWORK: &str = "network.node.ferry.dev/";
/// On a node: its host model is not to be used.
pub(crate) const OBSOLETE_HOST_MODEL: &str = "node-labeller.kubevirt.io/obsolete-host-model";

/// Holds a migration until it is over.
pub(crate) const MIGRATION_FINALIZER: &str = "kubevirt.io/migrationJobFinalize";
/// Holds an instance until nothing of it runs.
pub(crate) const INSTANCE_FINALIZER: &str = "foregroundDeleteVirtualMachine";
/// Holds a machine, and an instance of it, until the machine has seen how the instance ended.
pub(crate) const MACHINE_FINALIZER: &str = "kubevirt.io/virtualMachineControllerFinalize";

/// A label's value is at most this long.
const LONGEST_LABEL: usize = 63;

/// What stands before the letters of a generated name is cut to this, so that the whole fits into a
/// label (`apiserver/pkg/storage/names`).
const LONGEST_BASE: usize = 58;

/// Letters and digits that make no words (`apimachinery/pkg/util/rand`).
const SAFE: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// How many of them a name ends in.
const SUFFIX: usize = 5;

/// A name that begins with `base`, looks as if chance had made it, and is always the same for the
/// same `seed`: whoever makes the object twice meets himself. `is_taken` says whether an object of
/// somebody else has the name; then it is another.
pub(crate) fn stable_name(base: &str, seed: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let cut = (0..=LONGEST_BASE.min(base.len())).rev().find(|&at| base.is_char_boundary(at));
    let base = &base[..cut.unwrap_or_default()];
    let mut attempt = 0_u64;
    loop {
        let name = format!("{base}{}", suffix(seed, attempt));
        if !is_taken(&name) {
            return name;
        }
        attempt += 1;
    }
}

/// A number below `bound` that looks as if chance had drawn it, and is always the same for the same
/// `seed`.
pub(crate) fn stable_number(seed: &str, bound: u64) -> u64 {
    hash(seed, 0) % bound.max(1)
}

/// FNV-1a over the seed and the attempt.
fn hash(seed: &str, attempt: u64) -> u64 {
    let bytes = seed.bytes().chain(attempt.to_be_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The hash, written with the safe letters.
fn suffix(seed: &str, attempt: u64) -> String {
    let mut hash = hash(seed, attempt);
    (0..SUFFIX)
        .map(|_| {
            let letter = SAFE[usize::try_from(hash % 27).unwrap_or_default()];
            hash /= 27;
            char::from(letter)
        })
        .collect()
}

/// The name of a migration network, without the namespace that Multus would read before it.
pub(crate) fn network_name(network: &str) -> &str {
    network.rsplit('/').next().unwrap_or(network)
}

/// `text` where it is a label's value, or the beginning of it that is one.
pub(crate) fn as_label_value(text: &str) -> String {
    let cut = (0..=LONGEST_LABEL.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    let is_end = |c: char| c.is_ascii_alphanumeric();
    text[..cut.unwrap_or_default()].trim_end_matches(|c| !is_end(c)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_name_is_the_same_for_the_same_seed_and_differs_for_others() {
        let free = |_: &str| false;
        let one = stable_name("virt-launcher-vm-", "uid-1", free);
        assert_eq!(one, stable_name("virt-launcher-vm-", "uid-1", free));
        assert_eq!(one.len(), "virt-launcher-vm-".len() + 5);
        let names: BTreeSet<_> =
            (0..500).map(|seed| stable_name("", &format!("uid-{seed}"), free)).collect();
        assert!(names.len() >= 499, "{}", names.len());
        let other = stable_name("virt-launcher-vm-", "uid-1", |name| name == one);
        assert_ne!(one, other);
    }

    #[test]
    fn a_long_name_still_fits_into_a_label() {
        let name = stable_name(&"x".repeat(200), "uid", |_| false);
        assert_eq!(name.len(), 63);
        assert_eq!(as_label_value(&format!("{}.{}", "a".repeat(62), "b")), "a".repeat(62));
        assert_eq!(as_label_value("short"), "short");
    }
}
