//! The end of an instance: nothing of it may run on, and nobody may wait for it for ever.

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstancePhase as Phase};
use k8s_openapi::api::core::v1::Pod;

use super::{Observed, enter, facts, is_final};
use crate::objects::{delete, is_leaving, label, name, reference, remove_finalizer};
use crate::plan::{Event, Grace, Plan};
use crate::{pods, words};

/// Whether the instance has ended or is to end.
pub(super) fn is_over(seen: &Observed) -> bool {
    is_leaving(&seen.instance) || is_final(&seen.instance)
}

/// Ends its pods, and when none is left lets go of the instance.
pub(super) fn clean(seen: &Observed, after: &mut VirtualMachineInstance, plan: &mut Plan) {
    for pod in &seen.pods {
        if pods::node(pod).is_some_and(|node| seen.is_lost(node)) {
            forget(pod, plan);
        } else if !is_leaving(pod) && (is_leaving(&seen.instance) || !pods::is_down(pod)) {
            plan.push(delete(pod, Grace::OfItsOwn));
            plan.push(Event::normal(
                reference(&seen.instance),
                "SuccessfulDelete",
                format!("Deleted virtual machine pod {}", name(pod)),
            ));
        }
    }
    if !is_leaving(&seen.instance) {
        return;
    }
    if seen.pods.is_empty() {
        if !is_final(&seen.instance) {
            // It never ran, or nobody is left who could say how it ended.
            enter(after.status.get_or_insert_default(), Phase::Failed, seen.now);
        }
        remove_finalizer(&mut after.metadata, words::INSTANCE_FINALIZER);
    }
    if !seen.has_machine {
        remove_finalizer(&mut after.metadata, words::MACHINE_FINALIZER);
    }
}

/// Ends the pods of an instance that runs on without them: the one that its guest has left, and the
/// one that its guest never came to. A pod stays while the guest is in it or may still arrive.
// PARITY: pkg/virt-controller/watch/migration/migration.go#garbageCollectFinalizedMigrations
pub(super) fn clean_leftovers(seen: &Observed, plan: &mut Plan) {
    for pod in &seen.pods {
        if pods::node(pod).is_some_and(|node| seen.is_lost(node)) {
            forget(pod, plan);
        } else if !is_leaving(pod) && is_left_over(seen, pod) {
            plan.push(delete(pod, Grace::OfItsOwn));
        }
    }
}

fn is_left_over(seen: &Observed, pod: &Pod) -> bool {
    let Some(here) = facts::node(&seen.instance) else { return false };
    if pods::node(pod) == Some(here) {
        return false;
    }
    let is_expected =
        label(pod, words::MIGRATION_UID).is_some_and(|uid| seen.unfinished.contains(uid));
    !is_expected && !is_crossing(seen, pod)
}

/// Whether memory may be on its way into or out of the pod, as the nodes tell.
fn is_crossing(seen: &Observed, pod: &Pod) -> bool {
    let state = seen.instance.status.as_ref().and_then(|status| status.migration_state.as_ref());
    state.is_some_and(|state| {
        let is_open = state.start_timestamp.is_some() && state.completed != Some(true);
        let ends = [&state.source_pod, &state.target_pod];
        is_open && ends.into_iter().flatten().any(|end| end == name(pod))
    })
}

/// Takes away a pod whose node no longer exists: nobody else will.
// PARITY: pkg/controller/podgc/gc_controller.go#gcOrphaned
fn forget(pod: &Pod, plan: &mut Plan) {
    plan.push(delete(pod, Grace::None));
}
