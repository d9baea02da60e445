//! A migration whose memory crosses.

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::step::Step;
use super::{Observed, abort};
use crate::conditions;
use crate::objects::{annotation, change, set_annotation, wall};
use crate::plan::{Event, Part};
use crate::words;

/// Goes on when the target has said that the guest is there and all is done.
pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    mark_target(seen, instance, step);
    let Some(state) = seen.own_state(instance) else { return };
    if state.completed == Some(true) {
        if !is_reshaped(instance) {
            step.status().migration_state = Some(state.clone());
            step.enter(Phase::Succeeded);
            let about = step.about();
            let message = "Source node reported migration succeeded";
            step.tell(Event::normal(about, "SuccessfulMigration", message));
        }
    } else {
        abort::request(seen, step);
    }
}

/// Whether something that the migration brings along is still being put in place.
fn is_reshaped(instance: &VirtualMachineInstance) -> bool {
    conditions::of(instance, "HotVCPUChange").is_some()
        || conditions::is_true(instance, "HotMemoryChange")
        || conditions::is_true(instance, "MigrationRequired")
}

/// Notes on the target pod since when the guest runs in it.
// PARITY: pkg/virt-controller/watch/migration/migration.go#processMigrationPhase
fn mark_target(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    let since =
        seen.own_state(instance).and_then(|it| it.target_node_domain_ready_timestamp.as_ref());
    let (Some(since), Some(pod)) = (since, seen.target_pod()) else { return };
    if annotation(pod, words::TARGET_READY).is_some() {
        return;
    }
    let mut marked = pod.clone();
    set_annotation(&mut marked.metadata, words::TARGET_READY, &wall(since).to_string());
    if let Some(patch) = change(Part::Main, pod, &marked) {
        step.first(patch);
    }
}
