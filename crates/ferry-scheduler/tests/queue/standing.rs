//! Who holds a slot, and who stands in line for one.

use ferry_scheduler::{Phase, Role, SchedulerError, Standing, TargetPod};

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
    for phase in Phase::ALL {
        let here = Standing::of(phase, Role::DecentralizedSource, TargetPod::Absent);
        match phase {
            Phase::Unset
            | Phase::WaitingForSync
            | Phase::Synchronizing
            | Phase::Pending
            | Phase::Scheduling => assert_eq!(here, Standing::NotInLine, "{phase:?}"),
            Phase::Scheduled
            | Phase::PreparingTarget
            | Phase::TargetReady
            | Phase::Running
            | Phase::Succeeded
            | Phase::Failed => {
                assert_eq!(here, Standing::of(phase, Role::Local, TargetPod::Absent), "{phase:?}");
            }
        }
    }
}

#[test]
fn phases_read_back_as_they_are_written_and_others_are_refused() {
    for phase in Phase::ALL {
        assert_eq!(phase.name().parse(), Ok(phase));
    }
    let error = "running".parse::<Phase>().unwrap_err();
    assert_eq!(error, SchedulerError::UnknownPhase { given: "running".to_owned() });
    assert_eq!(error.to_string(), "unknown migration phase \"running\"");
}
