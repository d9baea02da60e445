//! A migration that waits for a target pod. The queue makes it.

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::step::Step;
use super::{Observed, failure, timeouts, unset};
use crate::conditions::Said;
use crate::instance::facts;
use crate::objects::full_name;
use crate::plan::Event;

/// Volumes that are only for a pod: they must be gone before the guest moves.
const UTILITY_VOLUMES: &str = "migrationBlockedByUtilityVolumes";

pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    unset::hold(step);
    if utility_volumes(seen, instance, step) {
        return;
    }
    // PARITY: pkg/virt-controller/watch/migration/migration.go#setSourcePodIfNeeded
    if let Some(pod) = facts::current_pod(instance, &seen.pods) {
        let state = step.status().migration_state.get_or_insert_default();
        state.source_pod.clone_from(&pod.metadata.name);
    }
    if seen.target_pod().is_some() {
        step.enter(Phase::Scheduling);
        timeouts::check(seen, step);
    }
}

/// Whether the instance has volumes that may not move.
pub(crate) fn has_utility_volumes(instance: &VirtualMachineInstance) -> bool {
    let volumes = instance.spec.other.get("utilityVolumes").and_then(|it| it.as_array());
    volumes.is_some_and(|volumes| !volumes.is_empty())
}

// PARITY: pkg/virt-controller/watch/migration/migration.go#handleUtilityVolumes
fn utility_volumes(
    seen: &Observed,
    instance: &VirtualMachineInstance,
    step: &mut Step<'_>,
) -> bool {
    if !has_utility_volumes(instance) {
        step.unsay(UTILITY_VOLUMES);
        return false;
    }
    let limit = timeouts::of_utility_volumes(seen);
    let name = full_name(instance);
    let seconds = limit.as_secs();
    let over = timeouts::end(&seen.migration, limit);
    if seen.now.time >= over {
        failure::fail(
            step,
            format!(
                "Migration timeout waiting for utility volumes to detach from VMI [{name}]. \
                 Utility volumes still present after {seconds} seconds."
            ),
        );
        return true;
    }
    step.look_again(over);
    let message = format!("Migration waiting for utility volumes to detach from VMI [{name}].");
    if !step.says(UTILITY_VOLUMES, "UtilityVolumesPresent") {
        let about = step.about();
        step.tell(Event::warning(
            about,
            "UtilityVolumeMigrationPending",
            format!("{message} Will timeout in {seconds} seconds."),
        ));
    }
    step.say(&Said::because(UTILITY_VOLUMES, "True", "UtilityVolumesPresent", message));
    true
}
