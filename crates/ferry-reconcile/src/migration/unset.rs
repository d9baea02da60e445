//! A migration that nobody has looked at: may its instance be moved by it at all?

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::step::Step;
use super::{Observed, failure, is_decentralized, phase, state_of};
use crate::conditions::Said;
use crate::objects::{add_finalizer, set_annotation, uid};
use crate::words;

/// The version that all objects of this API are known in.
const API_VERSION: &str = "v1";

/// The halves of migrations between clusters, of which there is only this one.
const DECENTRALIZED_BLOCKED: &str = "decentralizedMigrationBlocked";

// PARITY: pkg/virt-controller/watch/migration/migration.go#canMigrateVMI
pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    if is_decentralized(&seen.migration) {
        step.say(&Said::because(
            DECENTRALIZED_BLOCKED,
            "True",
            "NotSupported",
            "migrations between clusters are not done here",
        ));
        return;
    }
    hold(step);
    let claimed = state_of(instance)
        .and_then(|state| state.migration_uid.as_deref())
        .filter(|claim| !claim.is_empty() && *claim != seen.uid());
    let rival = claimed.and_then(|claim| {
        let mut others = seen.siblings.iter();
        others.find(|other| uid(*other) == claim && !phase(other).is_final())
    });
    if rival.is_some() {
        failure::fail(
            step,
            "VMI is not eligible for migration because another migration job is in progress.",
        );
    } else {
        step.enter(Phase::Pending);
    }
}

/// Keeps the object until the migration is over, and notes who has seen it.
// PARITY: pkg/virt-controller/watch/migration/migration.go#execute
pub(super) fn hold(step: &mut Step<'_>) {
    let metadata = &mut step.after.metadata;
    if metadata.deletion_timestamp.is_none() {
        add_finalizer(metadata, words::MIGRATION_FINALIZER);
    }
    for key in
        ["kubevirt.io/latest-observed-api-version", "kubevirt.io/storage-observed-api-version"]
    {
        set_annotation(metadata, key, API_VERSION);
    }
}
