//! Guests that end, and guests that have to.

use std::time::Duration;

use ferry_api::kubevirt::{
    MigrationPhase, MigrationState, VirtualMachineInstance, VirtualMachineInstancePhase as Phase,
};
use ferry_units::WallTime;

use super::step::Step;
use super::{
    GuestEnd, GuestPlan, GuestReport, GuestState, Order, Placed, has_ended, leaving, pod, running,
    starting,
};
use crate::launcher;
use crate::migration::{self, state_of};
use crate::objects::{is_leaving, wall};

/// The events of a guest's end.
// PARITY: pkg/virt-handler/vm.go#recordPhaseChangeEvent
const STOPPED: &str = "Stopped";
const SHUT_DOWN: &str = "The VirtualMachineInstance was shut down.";
const CRASHED: &str = "The VirtualMachineInstance crashed.";

// PARITY: pkg/virt-handler/vm.go#isDomainPausedPostcopyFailed
const TORN: &str = "VMI is irrecoverable due to failed post-copy migration";

/// Why an instance failed whose guest has left for a pod that is gone.
const GONE_WITH_TARGET: &str =
    "The VirtualMachineInstance has ended with the pod that it had moved to.";

/// A guest whose pod is not in the cluster: nobody can end it but this node, and nobody wants it.
pub(super) fn of_orphan(report: &GuestReport) -> GuestPlan {
    let pod_uid = report.pod_uid.clone();
    let order = match report.state {
        GuestState::Ended(_) => Order::Forget { pod_uid },
        GuestState::Starting
        | GuestState::Waiting
        | GuestState::Running
        | GuestState::Paused
        | GuestState::Held => Order::Kill { pod_uid },
    };
    GuestPlan { orders: vec![order], ..GuestPlan::default() }
}

/// Ends a guest that must not run in this pod.
pub(super) fn stray(seen: &Placed, step: &mut Step<'_>) {
    if seen.has_guest() {
        step.order(Order::Kill { pod_uid: seen.pod_uid() });
    }
}

/// Has a guest shut down whose pod is to end, and ends it when its time is over.
pub(super) fn on_request(seen: &Placed, step: &mut Step<'_>) {
    let Some(until) = seen.limit().filter(|_| seen.has_guest()) else { return };
    let pod_uid = seen.pod_uid();
    if seen.now < until {
        if matches!(seen.state(), Some(GuestState::Running | GuestState::Paused))
            && pod::is_asked(&mut step.pod, seen.now)
        {
            step.tell_with_pod("ShuttingDown", "Signaled Graceful Shutdown");
        }
        step.order(Order::ShutDown { pod_uid, until });
        step.look_again(until);
    } else {
        step.order(Order::Kill { pod_uid });
    }
}

/// Says how the guest has ended.
pub(super) fn told(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    end: &GuestEnd,
    step: &mut Step<'_>,
) {
    match end {
        GuestEnd::ShutDown => {
            leaving::end_with_guest(seen, instance, SHUT_DOWN, step);
            over(step, Phase::Succeeded);
            step.tell(STOPPED, SHUT_DOWN);
        }
        GuestEnd::Crashed { why } => {
            leaving::end_with_guest(seen, instance, why, step);
            fail(step, CRASHED);
        }
        GuestEnd::NotStarted { why } => {
            starting::cannot(instance, why.clone(), step);
            fail(step, CRASHED);
        }
        GuestEnd::Torn { why } => {
            leaving::end_with_guest(seen, instance, why, step);
            fail(step, TORN);
        }
        // It is not here: what waited for it has ended, and the guest with it.
        GuestEnd::NeverCame { .. } => fail(step, CRASHED),
        // The target has it and will say so, unless the target is gone.
        GuestEnd::Moved => {
            let state = state_of(instance);
            if state.is_some_and(|state| seen.is_target_gone(instance, state)) {
                leaving::end_with_guest(seen, instance, GONE_WITH_TARGET, step);
                fail(step, GONE_WITH_TARGET);
            }
        }
    }
}

/// A guest that was handed over, and whose new node cannot be asked any more whether it has it: who
/// took that node out of the cluster has said that nothing runs there, and nobody knows whether the
/// guest would still be whole here.
pub(super) fn given_up(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &GuestState,
    step: &mut Step<'_>,
) {
    let migration = state_of(instance).filter(|it| !has_ended(it));
    let is_lost = *state == GuestState::Held
        && seen.is_target_lost
        && migration.is_some_and(|migration| seen.is_target_gone(instance, migration));
    if is_lost {
        leaving::end_with_guest(seen, instance, GONE_WITH_TARGET, step);
        fail(step, GONE_WITH_TARGET);
    }
}

/// The instance has failed.
pub(super) fn fail(step: &mut Step<'_>, message: &str) {
    over(step, Phase::Failed);
    step.warn(STOPPED, message);
}

fn over(step: &mut Step<'_>, phase: Phase) {
    step.enter(phase);
    if let Some(status) = step.status() {
        running::is_over(status);
    }
}

impl Placed {
    /// Whether there is a guest that has not ended.
    pub(super) fn has_guest(&self) -> bool {
        self.state().is_some_and(|state| !matches!(state, GuestState::Ended(_)))
    }

    /// Until when a guest may shut down whose pod is to end: as long as the instance gives it, and no
    /// longer than the pod has.
    fn limit(&self) -> Option<WallTime> {
        if !is_leaving(&self.pod) {
            return None;
        }
        let end = wall(self.pod.metadata.deletion_timestamp.as_ref()?);
        let own = self.instance.as_ref().map(launcher::grace);
        let granted = self.pod.metadata.deletion_grace_period_seconds.unwrap_or_default();
        let granted = Duration::from_secs(u64::try_from(granted).unwrap_or_default());
        let rest = own.map_or(Duration::ZERO, |own| granted.saturating_sub(own));
        Some(end.before(rest))
    }

    /// Whether the pod that the guest has moved to is gone, and the guest with it: the controller has
    /// seen it go, or has forgotten about it.
    fn is_target_gone(&self, instance: &VirtualMachineInstance, state: &MigrationState) -> bool {
        let Some(uid) = state.migration_uid.as_deref() else { return false };
        if let Some(it) = self.migration(uid) {
            return migration::phase(it) == MigrationPhase::Failed;
        }
        let active = instance.status.as_ref().and_then(|it| it.active_pods.as_ref());
        let target = state.target_node.as_ref();
        !active.into_iter().flatten().any(|(_, node)| Some(node) == target)
    }
}
