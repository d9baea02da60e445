//! A guest as its node reports it, from what is written down and what is seen.

use ferry_qmp::words::RunState;
use ferry_reconcile::guest::{GuestReport, GuestState};

use super::Seen;
use super::guest::Shown;
use super::process::Standing;
use crate::guests::journal::{Part, Record};

pub(super) fn of(record: &Record, seen: &Seen, standing: Standing) -> Shown {
    let report = GuestReport {
        pod_uid: record.spec.pod_uid.clone(),
        state: state(record, seen, standing),
        migration: record.part.as_ref().map(Part::told),
    };
    let pid = match standing {
        Standing::Alive => record.process.map(|process| process.pid),
        Standing::Gone | Standing::Unknown => None,
    };
    Shown { report, pid }
}

fn state(record: &Record, seen: &Seen, standing: Standing) -> GuestState {
    if let Some(end) = &record.end {
        return GuestState::Ended(end.clone());
    }
    let Some(run) = seen.run else {
        return match standing {
            // It was leaving, and nobody knows yet whether it has arrived.
            Standing::Gone => GuestState::Held,
            Standing::Alive | Standing::Unknown => GuestState::Starting,
        };
    };
    if standing == Standing::Gone {
        return GuestState::Held;
    }
    match run {
        RunState::Running => GuestState::Running,
        RunState::Inmigrate => GuestState::Waiting,
        RunState::FinishMigrate | RunState::Postmigrate => GuestState::Held,
        RunState::Paused
        | RunState::Prelaunch
        | RunState::Debug
        | RunState::InternalError
        | RunState::IoError
        | RunState::RestoreVm
        | RunState::SaveVm
        | RunState::Shutdown
        | RunState::Suspended
        | RunState::Watchdog
        | RunState::GuestPanicked
        | RunState::Colo => {
            if is_suspended(record) {
                GuestState::Held
            } else if is_awaited(record) {
                GuestState::Waiting
            } else {
                GuestState::Paused
            }
        }
    }
}

/// Whether it stands still only so that it can leave.
fn is_suspended(record: &Record) -> bool {
    match &record.part {
        Some(Part::Leaving(departure)) => departure.suspended,
        Some(Part::Arriving(_)) | None => false,
    }
}

/// Whether it is to come and has not been found to live here: what has come may wait to be let go.
fn is_awaited(record: &Record) -> bool {
    match &record.part {
        Some(Part::Arriving(arrival)) => arrival.told.resumed.is_none(),
        Some(Part::Leaving(_)) | None => false,
    }
}
