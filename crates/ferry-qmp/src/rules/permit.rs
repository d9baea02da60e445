//! Which commands a machine may execute now.

use super::{Capabilities, Refusal};
use crate::command::Command;
use crate::words::{
    CalcDirtyRate, DirtyRateMeasureMode, DirtyRateStatus, Migrate, MigrateContinue,
    MigrationCapability, MigrationStatus, RunState, TimeUnit,
};

/// Where a machine stands: what decides whether a command makes sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the guest runs.
    pub run_state: RunState,
    /// How far the migration is that it sends.
    pub outgoing: MigrationStatus,
    /// How far the migration is that it awaits.
    pub incoming: MigrationStatus,
    /// Which capabilities are on.
    pub capabilities: Capabilities,
    /// How far the measurement of the dirty rate is.
    pub dirty_rate: DirtyRateStatus,
}

impl Standing {
    /// Where a machine stands that has just been started, in that state.
    pub fn new(run_state: RunState) -> Self {
        Self {
            run_state,
            outgoing: MigrationStatus::None,
            incoming: MigrationStatus::None,
            capabilities: Capabilities::default(),
            dirty_rate: DirtyRateStatus::Unstarted,
        }
    }

    /// Whether a command may be executed now, or why not. A command that is permitted may still
    /// fail for what it wants to do.
    ///
    /// ```
    /// use ferry_qmp::rules::Standing;
    /// use ferry_qmp::words::{MigrationStatus, RunState};
    /// use ferry_qmp::{Command, MigrateCancel};
    ///
    /// let mut standing = Standing::new(RunState::Running);
    /// let cancel = Command::from(MigrateCancel);
    /// assert!(standing.permit(&cancel).is_ok());
    ///
    /// standing.outgoing = MigrationStatus::PostcopyActive;
    /// let refusal = standing.permit(&cancel).unwrap_err();
    /// assert_eq!(refusal.to_string(), "Postcopy migration in progress, cannot cancel.");
    /// ```
    pub fn permit(&self, command: &Command) -> Result<(), Refusal> {
        match command {
            Command::Cont(_) => self.permit_cont(),
            Command::Migrate(command) => self.permit_migrate(command),
            Command::MigrateIncoming(_) => self.permit_incoming(),
            Command::MigrateCancel(_) => {
                check(!self.outgoing.is_postcopy(), Refusal::TooLateToCancel)
            }
            Command::MigrateContinue(MigrateContinue { state }) => {
                check(self.outgoing == *state, Refusal::NotThere { actual: self.outgoing })
            }
            Command::MigrateStartPostcopy(_) => self.permit_postcopy(),
            Command::MigratePause(_) => check(
                self.outgoing.is_postcopy_alive() || self.incoming.is_postcopy_alive(),
                Refusal::NothingToPause,
            ),
            Command::MigrateRecover(_) => {
                check(self.incoming == MigrationStatus::PostcopyPaused, Refusal::NothingToRecover)
            }
            Command::MigrateSetCapabilities(_) => {
                check(!self.outgoing.is_running(), Refusal::Migrating)
            }
            Command::CalcDirtyRate(command) => self.permit_dirty_rate(command),
            Command::QueryStatus(_)
            | Command::QueryName(_)
            | Command::QueryUuid(_)
            | Command::QueryKvm(_)
            | Command::QueryCpusFast(_)
            | Command::QueryMemorySizeSummary(_)
            | Command::QueryBlock(_)
            | Command::QueryBlockstats(_)
            | Command::Stop(_)
            | Command::Quit(_)
            | Command::SystemPowerdown(_)
            | Command::SystemReset(_)
            | Command::QueryMigrateCapabilities(_)
            | Command::MigrateSetParameters(_)
            | Command::QueryMigrateParameters(_)
            | Command::QueryMigrate(_)
            | Command::QueryDirtyRate(_)
            | Command::QueryYank(_)
            | Command::Yank(_)
            | Command::ObjectAdd(_)
            | Command::ObjectDel(_)
            | Command::FerryVerify(_)
            | Command::FerryWorkload(_)
            | Command::FerryStats(_) => Ok(()),
        }
    }

    // PARITY: monitor/qmp-cmds.c#qmp_cont
    fn permit_cont(&self) -> Result<(), Refusal> {
        check(!self.run_state.needs_reset(), Refusal::NeedsReset)?;
        check(self.run_state != RunState::FinishMigrate, Refusal::NotFinalized)?;
        // The destination is being sent the memory as it was when the guest left.
        let is_sent = match self.outgoing {
            MigrationStatus::PostcopyActive
            | MigrationStatus::PostcopyRecoverSetup
            | MigrationStatus::PostcopyRecover => true,
            MigrationStatus::None
            | MigrationStatus::Setup
            | MigrationStatus::Cancelling
            | MigrationStatus::Cancelled
            | MigrationStatus::Active
            | MigrationStatus::PostcopyPaused
            | MigrationStatus::Completed
            | MigrationStatus::Failed
            | MigrationStatus::Colo
            | MigrationStatus::PreSwitchover
            | MigrationStatus::Device
            | MigrationStatus::WaitUnplug => false,
        };
        check(!is_sent, Refusal::NotFinalized)
    }

    /// The address comes before the state, as in QEMU.
    // PARITY: migration/migration.c#migrate_prepare
    fn permit_migrate(&self, command: &Migrate) -> Result<(), Refusal> {
        let address = command.address()?;
        let connections = [MigrationCapability::Multifd, MigrationCapability::PostcopyPreempt];
        let several = connections.into_iter().any(|each| self.capabilities.has(each));
        check(!several || address.takes_several_connections(), Refusal::OneConnection)?;
        if command.resume == Some(true) {
            let is_paused = self.outgoing == MigrationStatus::PostcopyPaused;
            check(is_paused, Refusal::NothingToResume)?;
            let releases = self.capabilities.has(MigrationCapability::ReleaseRam);
            return check(!releases, Refusal::ReleasedMemory);
        }
        check(!self.outgoing.is_running(), Refusal::Migrating)?;
        check(self.run_state != RunState::Inmigrate, Refusal::AwaitsMigration)?;
        check(self.run_state != RunState::Postmigrate, Refusal::MovedAway)
    }

    // PARITY: migration/migration.c#qmp_migrate_incoming
    fn permit_incoming(&self) -> Result<(), Refusal> {
        check(self.incoming == MigrationStatus::None, Refusal::IncomingStarted)?;
        check(self.run_state == RunState::Inmigrate, Refusal::NotIncoming)
    }

    /// One that comes when the migration is over is not refused, since who sends it cannot know.
    // PARITY: migration/migration.c#qmp_migrate_start_postcopy
    fn permit_postcopy(&self) -> Result<(), Refusal> {
        let may = self.capabilities.has(MigrationCapability::PostcopyRam);
        check(may, Refusal::PostcopyOff)?;
        check(self.outgoing != MigrationStatus::None, Refusal::PostcopyTooEarly)
    }

    // PARITY: migration/dirtyrate.c#qmp_calc_dirty_rate
    fn permit_dirty_rate(&self, command: &CalcDirtyRate) -> Result<(), Refusal> {
        check(self.dirty_rate != DirtyRateStatus::Measuring, Refusal::Measuring)?;
        let milliseconds = match command.calc_time_unit.unwrap_or(TimeUnit::Second) {
            TimeUnit::Second => command.calc_time.saturating_mul(1000),
            TimeUnit::Millisecond => command.calc_time,
        };
        check((50..=60_000).contains(&milliseconds), Refusal::CalculationTime)?;
        let mode = command.mode.unwrap_or(DirtyRateMeasureMode::PageSampling);
        match (command.sample_pages, mode) {
            (None, _) => Ok(()),
            (Some(pages), DirtyRateMeasureMode::PageSampling) => {
                check((128..=16_384).contains(&pages), Refusal::SamplePages)
            }
            (Some(_), DirtyRateMeasureMode::DirtyRing | DirtyRateMeasureMode::DirtyBitmap) => {
                Err(Refusal::SamplesWithoutSampling)
            }
        }
    }
}

fn check(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}
