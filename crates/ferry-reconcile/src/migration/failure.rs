//! When a migration has failed, asked in upstream's order before anything else in each phase.

use ferry_api::kubevirt::{MigrationPhase as Phase, MigrationState, VirtualMachineInstance};

use super::step::{Step, WAITING};
use super::{Observed, abort, phase, state_of};
use crate::conditions::Said;
use crate::instance::is_final;
use crate::objects::{delete, full_name, is_leaving, stamp};
use crate::plan::{Event, Grace};
use crate::{pods, words};

/// Why a migration failed that its source node never heard of.
const TARGET_DOWN: &str = "Target pod is down";

/// Why a migration failed whose source node is gone.
const SOURCE_LOST: &str = "Source node is lost";

/// Ends the migration if it has failed, and says whether it has.
// PARITY: pkg/virt-controller/watch/migration/migration.go#updateStatus
pub(super) fn fails(
    seen: &Observed,
    instance: &VirtualMachineInstance,
    step: &mut Step<'_>,
) -> bool {
    let Some(message) = cause(seen, instance) else { return false };
    if is_leaving(&seen.migration) {
        step.say(&Said::plain(abort::ABORT_REQUESTED, "True"));
        if !seen.is_handed_off(instance) {
            take_target_away(seen, step);
        }
    }
    fail(step, message);
    let is_target = seen.target_pod().is_none_or(pods::is_down);
    report(seen, instance, if is_target { TARGET_DOWN } else { message }, step);
    true
}

/// Ends the migration.
pub(super) fn fail(step: &mut Step<'_>, message: impl Into<String>) {
    step.unsay(WAITING);
    step.enter(Phase::Failed);
    let about = step.about();
    step.tell(Event::warning(about, "FailedMigration", message));
}

fn cause(seen: &Observed, instance: &VirtualMachineInstance) -> Option<&'static str> {
    let handed_off = seen.is_handed_off(instance);
    let target = seen.target_pod();
    let state = state_of(instance);
    let own = seen.own_state(instance);
    if is_final(instance) {
        return Some("Migration failed vmi shutdown during migration.");
    }
    if is_leaving(&seen.migration) && !handed_off {
        return Some("Migration failed due to being canceled");
    }
    // A guest that has arrived does not fail because of what happens to its pod later.
    if own.is_some_and(|state| state.completed == Some(true) && state.failed != Some(true)) {
        return None;
    }
    // The target's pod ends because the source has given up, so what the source says is the reason.
    if own.is_some_and(|state| state.failed == Some(true)) {
        return Some("source node reported migration failed");
    }
    if own.is_some_and(|state| is_being_called_off(seen, state)) {
        return None;
    }
    if target.is_some_and(pods::is_down) {
        return Some("Migration failed because target pod shutdown during migration");
    }
    if target.is_none() && has_had_target(seen) {
        return Some("Migration target pod was removed during active migration.");
    }
    if handed_off && state.is_none_or(|state| state.migration_uid.is_none()) {
        return Some("VMI's migration state was cleared during the active migration.");
    }
    if handed_off && own.is_none() {
        return Some(
            "VMI's migration state was taken over by another migration job during active migration.",
        );
    }
    None
}

/// Whether the source has been asked to give up and will say what came of it.
fn is_being_called_off(seen: &Observed, state: &MigrationState) -> bool {
    state.abort_requested == Some(true)
        && state.start_timestamp.is_some()
        && !is_source_lost(seen, state)
}

fn is_source_lost(seen: &Observed, state: &MigrationState) -> bool {
    let source = state.source_node.as_ref();
    source.is_some_and(|node| seen.nodes.get(node).is_some_and(Option::is_none))
}

fn has_had_target(seen: &Observed) -> bool {
    match phase(&seen.migration) {
        Phase::Scheduling
        | Phase::Scheduled
        | Phase::PreparingTarget
        | Phase::TargetReady
        | Phase::Running => true,
        Phase::Unset
        | Phase::WaitingForSync
        | Phase::Synchronizing
        | Phase::Pending
        | Phase::Succeeded
        | Phase::Failed => false,
    }
}

/// Takes the target pod of a migration away that was called off before hand-off.
fn take_target_away(seen: &Observed, step: &mut Step<'_>) {
    let Some(pod) = seen.target_pod().filter(|pod| !is_leaving(*pod)) else { return };
    step.first(delete(pod, Grace::OfItsOwn));
    let about = step.about();
    let message = format!("migration canceled and pod {} is deleted", full_name(pod));
    step.tell(Event::normal(about, "SuccessfulDelete", message));
}

/// Writes the end into what the nodes know, where no node will: nothing has crossed yet, or the node
/// that would say so is gone. And copies what they know to the migration.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleMarkMigrationFailedOnVMI
fn report(
    seen: &Observed,
    instance: &VirtualMachineInstance,
    before_start: &str,
    step: &mut Step<'_>,
) {
    let Some(state) = seen.own_state(instance) else { return };
    let mut state = state.clone();
    let reason = match (&state.start_timestamp, is_source_lost(seen, &state)) {
        _ if state.completed == Some(true) || state.failed == Some(true) => None,
        (None, _) => Some(before_start),
        (Some(_), true) => Some(SOURCE_LOST),
        (Some(_), false) => None,
    };
    if let Some(reason) = reason {
        end(&mut state, reason, seen);
        let uid = seen.uid();
        let message =
            format!("VirtualMachineInstance migration uid {uid} failed. reason: {reason}");
        let about = crate::objects::reference(instance);
        step.tell(Event::warning(about, "FailedMigration", message));
    }
    if let Some(after) = &mut step.instance {
        after.status.get_or_insert_default().migration_state = Some(state.clone());
        if let Some(labels) = &mut after.metadata.labels {
            labels.remove(words::TARGET_NODE_NAME);
        }
    }
    step.status().migration_state = Some(state);
}

fn end(state: &mut MigrationState, reason: &str, seen: &Observed) {
    state.completed = Some(true);
    state.failed = Some(true);
    state.failure_reason = Some(reason.to_owned());
    state.end_timestamp = Some(stamp(seen.now.time));
}
