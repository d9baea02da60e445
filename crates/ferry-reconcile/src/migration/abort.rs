//! A migration that is deleted is called off.
//!
//! Before hand-off that is the control plane's own business ([`super::failure`]). After it the source
//! node is asked, as soon as memory crosses; it may refuse, because post-copy cannot be undone, and then
//! the migration goes on.

use ferry_api::kubevirt::MigrationPhase as Phase;

use super::step::Step;
use super::{Observed, phase};
use crate::conditions::Said;
use crate::objects::{delete, is_leaving, remove_finalizer};
use crate::plan::{Event, Grace};
use crate::words;

/// The condition of a migration that somebody wants to stop.
pub(super) const ABORT_REQUESTED: &str = "migrationAbortRequested";

/// Notes that somebody wants it to stop.
pub(super) fn note(seen: &Observed, step: &mut Step<'_>) {
    if is_leaving(&seen.migration) {
        step.say(&Said::plain(ABORT_REQUESTED, "True"));
    }
}

/// Asks the source node to stop.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleMarkMigrationFailedOnVMI
pub(super) fn request(seen: &Observed, step: &mut Step<'_>) {
    if !is_leaving(&seen.migration) {
        return;
    }
    let status = step.instance.as_mut().and_then(|instance| instance.status.as_mut());
    let Some(state) = status.and_then(|status| status.migration_state.as_mut()) else { return };
    if state.abort_requested == Some(true) {
        return;
    }
    state.abort_requested = Some(true);
    let about = step.about();
    step.tell(Event::normal(
        about,
        "SuccessfulAbortMigration",
        "Migration is ready to be canceled by virt-handler.",
    ));
}

/// There is nothing to move any more: the migration goes as well.
// PARITY: pkg/virt-controller/watch/migration/migration.go#execute
pub(super) fn without_instance(seen: &Observed, step: &mut Step<'_>) {
    if !is_leaving(&seen.migration) {
        step.first(delete(&seen.migration, Grace::OfItsOwn));
        return;
    }
    if let Some(pod) = seen.target_pod().filter(|pod| !is_leaving(*pod)) {
        step.first(delete(pod, Grace::OfItsOwn));
    }
    if phase(&seen.migration).is_final() {
        remove_finalizer(&mut step.after.metadata, words::MIGRATION_FINALIZER);
    } else {
        step.enter(Phase::Failed);
    }
}
