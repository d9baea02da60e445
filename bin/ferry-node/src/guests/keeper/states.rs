//! What the states of a machine and of its migration say of a guest that leaves.

use ferry_qmp::words::{MigrationStatus, RunState};
use ferry_reconcile::guest::Stillness;

use crate::guests::machine::is_under_way;

/// Why a guest stands still whose journal was lost, maybe on its way.
pub(super) fn of_lost(run: RunState, told: Stillness) -> Stillness {
    let has_stopped =
        matches!(run, RunState::Paused | RunState::FinishMigrate | RunState::Postmigrate);
    if run == RunState::Prelaunch {
        Stillness::Wanted
    } else if run == RunState::Paused && told == Stillness::Unknown {
        // Nobody but the monitor stops one unasked. It may not have come to tell.
        Stillness::Suspended
    } else if has_stopped {
        told
    } else {
        Stillness::Unknown
    }
}

/// Whether a machine that refuses to send its guest does so because it has begun, or is done.
pub(super) fn has_left(status: MigrationStatus, run: Option<RunState>) -> bool {
    is_under_way(status) || run == Some(RunState::Postmigrate)
}

/// Whether memory has begun to cross.
pub(super) fn has_started(status: MigrationStatus) -> bool {
    is_under_way(status) && !matches!(status, MigrationStatus::Setup | MigrationStatus::Cancelling)
}

/// Whether the guest runs at its destination.
pub(super) fn is_post_copy(status: MigrationStatus) -> bool {
    matches!(
        status,
        MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyPaused
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_guest_stands_still_is_known_though_its_journal_is_lost() {
        use Stillness::{Suspended, Unknown, Wanted};
        for (run, told, expected) in [
            (RunState::Running, Unknown, Unknown),
            // It has been let run since that was told.
            (RunState::Running, Wanted, Unknown),
            (RunState::Running, Suspended, Unknown),
            (RunState::Paused, Wanted, Wanted),
            (RunState::Paused, Suspended, Suspended),
            (RunState::Paused, Unknown, Suspended),
            (RunState::Prelaunch, Unknown, Wanted),
            // Every guest stands still in the end.
            (RunState::FinishMigrate, Unknown, Unknown),
            (RunState::Postmigrate, Wanted, Wanted),
            (RunState::Postmigrate, Suspended, Suspended),
        ] {
            assert_eq!(of_lost(run, told), expected, "{run:?} {told:?}");
        }
    }

    #[test]
    fn a_guest_that_has_left_is_not_told_to_stay_because_it_is_told_to_leave_again() {
        use MigrationStatus::{Active, Cancelled, Completed, Failed, None, PostcopyActive, Setup};
        for (status, run, expected) in [
            (None, RunState::Running, false),
            (Setup, RunState::Running, true),
            (Active, RunState::Running, true),
            (PostcopyActive, RunState::Postmigrate, true),
            (Completed, RunState::Postmigrate, true),
            (Failed, RunState::Postmigrate, true),
            // It says so of when it came here, or of an earlier attempt.
            (Completed, RunState::Running, false),
            (Failed, RunState::Running, false),
            (Cancelled, RunState::Paused, false),
        ] {
            assert_eq!(has_left(status, Some(run)), expected, "{status:?} {run:?}");
        }
    }
}
