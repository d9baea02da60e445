//! A migration whose target node prepares to receive.

use ferry_api::kubevirt::{MigrationPhase as Phase, VirtualMachineInstance};

use super::Observed;
use super::step::Step;

/// Goes on when the target has said where it listens.
pub(super) fn advance(seen: &Observed, instance: &VirtualMachineInstance, step: &mut Step<'_>) {
    let is_there = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    let state = seen.own_state(instance);
    if state.is_some_and(|it| is_there(&it.target_node) && is_there(&it.target_node_address)) {
        step.enter(Phase::TargetReady);
    }
}
