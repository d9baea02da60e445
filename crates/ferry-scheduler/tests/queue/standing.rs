//! Who holds a slot, and who stands in line for one.

use ferry_api::kubevirt::MigrationPhase as Phase;
use ferry_scheduler::{Role, Standing, TargetPod};

#[test]
fn parity_a_slot_is_held_from_scheduling_on_and_before_that_by_whoever_has_a_target_pod() {
    use Standing::{Finished, HoldsSlot, InLine, NotInLine};
    for (phase, without_pod, with_pod) in [
        (Phase::Unset, NotInLine, HoldsSlot),
        (Phase::WaitingForSync, NotInLine, HoldsSlot),
        (Phase::Synchronizing, NotInLine, HoldsSlot),
        (Phase::Pending, InLine, HoldsSlot),
        (Phase::Scheduling, HoldsSlot, HoldsSlot),
        (Phase::Scheduled, HoldsSlot, HoldsSlot),
        (Phase::PreparingTarget, HoldsSlot, HoldsSlot),
        (Phase::TargetReady, HoldsSlot, HoldsSlot),
        (Phase::Running, HoldsSlot, HoldsSlot),
        (Phase::Succeeded, Finished, Finished),
        (Phase::Failed, Finished, Finished),
    ] {
        for role in [Role::Local, Role::DecentralizedTarget] {
            assert_eq!(Standing::of(phase, role, TargetPod::Absent), without_pod, "{phase:?}");
            assert_eq!(Standing::of(phase, role, TargetPod::Present), with_pod, "{phase:?}");
        }
    }
}

#[test]
fn parity_a_decentralized_source_holds_no_slot_before_it_is_scheduled() {
    for phase in [
        Phase::Unset,
        Phase::WaitingForSync,
        Phase::Synchronizing,
        Phase::Pending,
        Phase::Scheduling,
    ] {
        let without_pod = Standing::of(phase, Role::DecentralizedSource, TargetPod::Absent);
        assert_eq!(without_pod, Standing::NotInLine, "{phase:?}");
        let with_pod = Standing::of(phase, Role::DecentralizedSource, TargetPod::Present);
        assert_eq!(with_pod, Standing::HoldsSlot, "{phase:?}");
    }
    for phase in [
        Phase::Scheduled,
        Phase::PreparingTarget,
        Phase::TargetReady,
        Phase::Running,
        Phase::Succeeded,
        Phase::Failed,
    ] {
        for pod in [TargetPod::Absent, TargetPod::Present] {
            let source = Standing::of(phase, Role::DecentralizedSource, pod);
            assert_eq!(source, Standing::of(phase, Role::Local, pod), "{phase:?}");
        }
    }
}
