//! A migration with a target pod that is ready: hand-off, and the phase that follows from it.

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::step::Step;
use super::{Observed, handoff};
use crate::plan::Event;
use crate::pods;

pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    if seen.own_state(instance).is_some_and(|state| state.target_node.is_some()) {
        step.enter(Phase::PreparingTarget);
        return;
    }
    let Some(target) = seen.target_pod().filter(|pod| pods::is_ready(pod)) else { return };
    let Some(handoff) = handoff::handed_over(seen, instance, target) else { return };
    if let Some(origins) = handoff.origins {
        step.first(origins);
    }
    step.instance = Some(handoff.instance);
    let about = step.about();
    step.tell(Event::normal(
        about,
        "SuccessfulHandOver",
        "Migration target pod is ready for preparation by virt-handler.",
    ));
}
