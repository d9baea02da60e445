//! Which state may follow which.
//!
//! ```text
//! source       none, completed, failed, cancelled ─► setup ─► active
//!              active ─► device ─► completed
//!              active ─► pre-switchover ─► device          (after migrate-continue)
//!              device ─► postcopy-active ─► completed      (after migrate-start-postcopy)
//!              postcopy-active ⇄ postcopy-paused           (through recover-setup and recover)
//!              all before post-copy ─► cancelling ─► cancelled ; ─► failed
//!
//! destination  none ─► setup ─► active ─► completed | failed
//!              active ─► postcopy-active ─► completed | failed
//!              postcopy-active ⇄ postcopy-paused           (through recover)
//! ```

use crate::words::{MigrationStatus, RunState};

/// Which side of a migration a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// It sends its guest.
    Source,
    /// It awaits a guest.
    Destination,
}

impl MigrationStatus {
    /// The states that may follow on that side.
    // PARITY: migration/migration.c#migrate_set_state
    pub const fn successors(self, side: Side) -> &'static [Self] {
        match side {
            Side::Source => self.at_the_source(),
            Side::Destination => self.at_the_destination(),
        }
    }

    const fn at_the_source(self) -> &'static [Self] {
        match self {
            Self::None | Self::Completed | Self::Failed | Self::Cancelled => &[Self::Setup],
            Self::Setup => &[Self::Active, Self::WaitUnplug, Self::Cancelling, Self::Failed],
            Self::WaitUnplug => &[Self::Active, Self::Cancelling, Self::Failed],
            Self::Active => &[
                Self::Device,
                Self::PreSwitchover,
                Self::PostcopyActive,
                Self::Colo,
                Self::Cancelling,
                Self::Failed,
            ],
            Self::PreSwitchover => &[Self::Device, Self::Cancelling, Self::Failed],
            Self::Device => {
                &[Self::Completed, Self::PostcopyActive, Self::Cancelling, Self::Failed]
            }
            Self::PostcopyActive => &[Self::Completed, Self::PostcopyPaused, Self::Failed],
            Self::PostcopyPaused => &[Self::PostcopyRecoverSetup],
            Self::PostcopyRecoverSetup => &[Self::PostcopyRecover, Self::PostcopyPaused],
            Self::PostcopyRecover => &[Self::PostcopyActive, Self::PostcopyPaused],
            Self::Cancelling => &[Self::Cancelled],
            Self::Colo => &[Self::Completed, Self::Failed],
        }
    }

    const fn at_the_destination(self) -> &'static [Self] {
        match self {
            Self::None => &[Self::Setup],
            Self::Setup => &[Self::Active, Self::Failed],
            Self::Active => &[Self::PostcopyActive, Self::Colo, Self::Completed, Self::Failed],
            Self::PostcopyActive => &[Self::PostcopyPaused, Self::Completed, Self::Failed],
            Self::PostcopyPaused => &[Self::PostcopyRecover],
            Self::PostcopyRecover => &[Self::PostcopyActive, Self::PostcopyPaused],
            Self::Colo => &[Self::Completed, Self::Failed],
            Self::Completed
            | Self::Failed
            | Self::Cancelling
            | Self::Cancelled
            | Self::PreSwitchover
            | Self::Device
            | Self::WaitUnplug
            | Self::PostcopyRecoverSetup => &[],
        }
    }

    /// Whether a migration in this state keeps another from starting.
    // PARITY: migration/migration.c#migration_is_running
    pub const fn is_running(self) -> bool {
        match self {
            Self::Setup
            | Self::Active
            | Self::PostcopyActive
            | Self::PostcopyPaused
            | Self::PostcopyRecoverSetup
            | Self::PostcopyRecover
            | Self::PreSwitchover
            | Self::Device
            | Self::WaitUnplug
            | Self::Cancelling
            | Self::Colo => true,
            Self::None | Self::Completed | Self::Failed | Self::Cancelled => false,
        }
    }

    /// Whether the guest may already run at the destination.
    // PARITY: migration/migration.c#migration_in_postcopy
    pub const fn is_postcopy(self) -> bool {
        match self {
            Self::PostcopyActive
            | Self::PostcopyPaused
            | Self::PostcopyRecoverSetup
            | Self::PostcopyRecover => true,
            Self::None
            | Self::Setup
            | Self::Active
            | Self::PreSwitchover
            | Self::Device
            | Self::WaitUnplug
            | Self::Cancelling
            | Self::Colo
            | Self::Completed
            | Self::Failed
            | Self::Cancelled => false,
        }
    }

    /// Whether post-copy is under way and could be paused.
    // PARITY: migration/migration.c#migration_postcopy_is_alive
    pub const fn is_postcopy_alive(self) -> bool {
        matches!(self, Self::PostcopyActive | Self::PostcopyRecover)
    }
}

impl RunState {
    /// The states that may follow.
    // PARITY: system/runstate.c#runstate_transitions_def
    #[rustfmt::skip]
    pub const fn successors(self) -> &'static [Self] {
        use RunState::{
            Colo, Debug, FinishMigrate, GuestPanicked, Inmigrate, InternalError, IoError, Paused,
            Postmigrate, Prelaunch, RestoreVm, Running, SaveVm, Shutdown, Suspended, Watchdog,
        };
        match self {
            Prelaunch => &[Inmigrate, Suspended, Running, FinishMigrate],
            Debug => &[Running, FinishMigrate, Prelaunch, Suspended],
            Inmigrate => &[
                InternalError, IoError, Paused, Running, Shutdown, Suspended, Watchdog,
                GuestPanicked, FinishMigrate, Prelaunch, Postmigrate, Colo,
            ],
            InternalError => &[Paused, FinishMigrate, Prelaunch],
            Paused => &[Running, FinishMigrate, Postmigrate, Prelaunch, Colo, Suspended],
            FinishMigrate => &[
                Running, Paused, Postmigrate, Prelaunch, Colo, InternalError, IoError, Shutdown,
                Suspended, Watchdog, GuestPanicked,
            ],
            RestoreVm => &[Running, Prelaunch, Suspended],
            Colo => &[Running, Prelaunch, Shutdown],
            Running => &[
                Debug, InternalError, IoError, Paused, FinishMigrate, RestoreVm, SaveVm, Shutdown,
                Watchdog, GuestPanicked, Colo, Suspended,
            ],
            SaveVm => &[Running, Suspended],
            Shutdown => &[Paused, FinishMigrate, Prelaunch, Colo],
            Suspended => &[
                Running, FinishMigrate, Prelaunch, Colo, Paused, SaveVm, RestoreVm, Shutdown,
            ],
            Watchdog => &[Running, FinishMigrate, Prelaunch, Colo],
            IoError | Postmigrate | GuestPanicked => &[Running, FinishMigrate, Prelaunch],
        }
    }

    /// Whether only a reset lets the guest run again.
    // PARITY: system/runstate.c#runstate_needs_reset
    pub const fn needs_reset(self) -> bool {
        matches!(self, Self::InternalError | Self::Shutdown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_on_the_source_may_begin_again() {
        for status in MigrationStatus::ALL {
            let may_begin = status.successors(Side::Source).contains(&MigrationStatus::Setup);
            assert_eq!(may_begin, !status.is_running(), "{status}");
        }
    }

    #[test]
    fn post_copy_is_never_cancelled() {
        for status in MigrationStatus::ALL {
            let cancels = status.successors(Side::Source).contains(&MigrationStatus::Cancelling);
            assert!(!(cancels && status.is_postcopy()), "{status}");
        }
    }

    #[test]
    fn every_state_of_the_source_is_reached() {
        let mut reached = vec![MigrationStatus::None];
        let mut next = 0;
        while let Some(status) = reached.get(next) {
            let new = status.successors(Side::Source).iter().filter(|s| !reached.contains(s));
            let new: Vec<_> = new.copied().collect();
            reached.extend(new);
            next += 1;
        }
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, MigrationStatus::ALL);
    }

    #[test]
    fn a_guest_that_ran_comes_back_or_is_gone_after_its_migration() {
        let finish = RunState::Running.successors();
        assert!(finish.contains(&RunState::FinishMigrate));
        assert!(RunState::FinishMigrate.successors().contains(&RunState::Running));
        assert!(RunState::FinishMigrate.successors().contains(&RunState::Postmigrate));
        assert!(!RunState::Running.successors().contains(&RunState::Postmigrate));
    }
}
