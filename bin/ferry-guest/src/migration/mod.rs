//! Where migrations are driven from. The engine is not here yet: this refuses what it would do, and
//! keeps what has no engine behind it, capabilities and parameters.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_qmp::WireError;
use ferry_qmp::rules::{Abilities, Capabilities, IncomingMigration, OutgoingMigration};
use ferry_qmp::words::{
    Migrate, MigrateContinue, MigrateIncoming, MigrateRecover, MigrateSetCapabilities,
    MigrateSetParameters, MigrationCapabilityStatus, MigrationInfo, MigrationParameters,
    MigrationStatus, Parameters, TransferStats, Yank, YankInstance,
};
use ferry_units::PageSize;

use crate::guest::Surroundings;

/// The migrations of one guest.
pub struct Migrations {
    surroundings: Arc<Surroundings>,
    settings: Mutex<Settings>,
}

#[derive(Default)]
struct Settings {
    capabilities: Capabilities,
    parameters: Parameters,
}

/// What the migrations say about whether a command makes sense now.
#[derive(Clone, Debug)]
pub struct MigrationStanding {
    /// How far the migration is that is sent.
    pub outgoing: MigrationStatus,
    /// How far the migration is that is awaited.
    pub incoming: MigrationStatus,
    /// Which capabilities are on.
    pub capabilities: Capabilities,
}

impl Migrations {
    /// Of a guest that is here, or that `surroundings` await.
    pub fn new(surroundings: Arc<Surroundings>) -> Self {
        Self { surroundings, settings: Mutex::default() }
    }

    /// What decides whether a command makes sense now.
    pub fn standing(&self) -> MigrationStanding {
        let capabilities = self.settings().capabilities.clone();
        MigrationStanding {
            outgoing: MigrationStatus::None,
            incoming: MigrationStatus::None,
            capabilities,
        }
    }

    /// Sends the guest.
    pub fn migrate(&self, command: &Migrate) -> Result<(), WireError> {
        command.address()?;
        Err(self.no_engine())
    }

    /// Awaits a guest.
    pub fn migrate_incoming(&self, command: &MigrateIncoming) -> Result<(), WireError> {
        command.address()?;
        Err(self.no_engine())
    }

    /// Gives it up.
    pub fn cancel(&self) -> Result<(), WireError> {
        Ok(())
    }

    /// Lets one go on that waits.
    pub fn migrate_continue(&self, _: &MigrateContinue) -> Result<(), WireError> {
        Err(self.no_engine())
    }

    /// Switches to post-copy.
    pub fn start_postcopy(&self) -> Result<(), WireError> {
        Err(self.no_engine())
    }

    /// Cuts the connection of post-copy.
    pub fn pause(&self) -> Result<(), WireError> {
        Err(self.no_engine())
    }

    /// Listens again.
    pub fn recover(&self, _: &MigrateRecover) -> Result<(), WireError> {
        Err(self.no_engine())
    }

    /// Switches capabilities on and off.
    pub fn set_capabilities(&self, command: &MigrateSetCapabilities) -> Result<(), WireError> {
        let none = Abilities {
            capabilities: Capabilities::default(),
            multifd: ferry_qmp::rules::Multifd::WithPostcopy,
        };
        let mut settings = self.settings();
        settings.capabilities =
            settings.capabilities.change(&command.capabilities, &none, &settings.parameters)?;
        Ok(())
    }

    /// All capabilities, on or off.
    pub fn capabilities(&self) -> Vec<MigrationCapabilityStatus> {
        self.settings().capabilities.report()
    }

    /// Changes parameters.
    pub fn set_parameters(&self, command: &MigrateSetParameters) -> Result<(), WireError> {
        let mut settings = self.settings();
        settings.parameters =
            settings.parameters.change(command, &settings.capabilities, PageSize::KIB_4)?;
        Ok(())
    }

    /// The parameters.
    pub fn parameters(&self) -> MigrationParameters {
        MigrationParameters::from(&self.settings().parameters)
    }

    /// How the migration is.
    pub fn info(&self) -> MigrationInfo {
        MigrationInfo::report(&OutgoingMigration::default(), &IncomingMigration::default())
    }

    /// How it is, in more detail.
    pub fn stats(&self) -> TransferStats {
        TransferStats::default()
    }

    /// What could be cut.
    pub fn yank_instances(&self) -> Vec<YankInstance> {
        Vec::new()
    }

    /// Cuts it.
    pub fn yank(&self, _: &Yank) -> Result<(), WireError> {
        Err(self.no_engine())
    }

    fn no_engine(&self) -> WireError {
        let state = self.surroundings.run().state();
        WireError::generic(format!("no migration engine, and the guest is {state}"))
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
