//! A migration whose target listens, and whose source has not begun yet.

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::Observed;
use super::step::Step;

/// Goes on when the source has said that memory crosses.
pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    if seen.own_state(instance).is_some_and(|state| state.start_timestamp.is_some()) {
        step.enter(Phase::Running);
    }
}
