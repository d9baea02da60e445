//! Why a machine refuses what it has understood, in QEMU's words.

use thiserror::Error;

use crate::words::{MigrationCapability, MigrationChannelType, MigrationStatus};

/// Why a machine refuses what it has understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A migration is under way.
    // PARITY: migration/migration.c#migrate_prepare
    #[error("There's a migration process in progress")]
    Migrating,
    /// A guest that is not here yet cannot be sent.
    #[error("Guest is waiting for an incoming migration")]
    AwaitsMigration,
    /// A guest that was sent away cannot be sent again.
    #[error("Can't migrate the vm that was paused due to previous migration")]
    MovedAway,
    /// There is nothing to go on with.
    #[error("Cannot resume if there is no paused migration")]
    NothingToResume,
    /// Memory that was given back cannot be sent again.
    #[error("Postcopy recovery cannot work when release-ram capability is set")]
    ReleasedMemory,
    /// Post-copy was not allowed.
    // PARITY: migration/migration.c#qmp_migrate_start_postcopy
    #[error("Enable postcopy with migrate_set_capability before the start of migration")]
    PostcopyOff,
    /// There is no migration to switch to post-copy.
    #[error("Postcopy must be started after migration has been started")]
    PostcopyTooEarly,
    /// The guest is not here any more.
    // PARITY: migration/migration.c#qmp_migrate_cancel
    #[error("Postcopy migration in progress, cannot cancel.")]
    TooLateToCancel,
    /// There is no post-copy to pause.
    // PARITY: migration/migration.c#qmp_migrate_pause
    #[error(
        "migrate-pause is currently only supported during postcopy-active or postcopy-recover \
         state"
    )]
    NothingToPause,
    /// Nothing was lost.
    // PARITY: migration/migration.c#qmp_migrate_recover
    #[error("Migrate recover can only be run when postcopy is paused.")]
    NothingToRecover,
    /// The migration does not wait there.
    // PARITY: migration/migration.c#qmp_migrate_continue
    #[error("Migration not in expected state: {actual}")]
    NotThere {
        /// Where it is.
        actual: MigrationStatus,
    },
    /// The machine listens, or has listened.
    // PARITY: migration/migration.c#qmp_migrate_incoming
    #[error("The incoming migration has already been started")]
    IncomingStarted,
    /// The machine was not started for that.
    #[error("'-incoming' was not specified on the command line")]
    NotIncoming,
    /// A guest that was shut down or has failed has to begin anew.
    // PARITY: monitor/qmp-cmds.c#qmp_cont
    #[error("Resetting the Virtual Machine is required")]
    NeedsReset,
    /// The guest stands still for its migration.
    #[error("Migration is not finalized yet")]
    NotFinalized,
    /// Neither one nor the other, or both.
    // PARITY: migration/migration.c#qmp_migrate
    #[error("need either 'uri' or 'channels' argument")]
    UriOrChannels,
    /// Two channels for one thing.
    #[error("Channel list has more than one {channel} entry")]
    ChannelTwice {
        /// For what.
        channel: MigrationChannelType,
    },
    /// No channel for what matters.
    #[error("Channel list has no main entry")]
    NoMainChannel,
    /// A destination has one channel.
    // PARITY: migration/migration.c#qemu_start_incoming_migration
    #[error("Channel list must have only one entry, for type 'main'")]
    OneChannel,
    /// An address for something else than a migration.
    // PARITY: migration/migration.c#migrate_uri_parse
    #[error("unknown migration protocol: {uri}")]
    UnknownProtocol {
        /// The address.
        uri: String,
    },
    /// An address that cannot be read.
    // PARITY: util/qemu-sockets.c#socket_parse
    #[error("{complaint}")]
    Address {
        /// What is wrong with it.
        complaint: String,
    },
    /// Several connections over something that has one.
    // PARITY: migration/migration.c#migration_channels_and_transport_compatible
    #[error("Migration requires multi-channel URIs (e.g. tcp)")]
    OneConnection,
    /// A capability that this machine lacks.
    #[error("Capability '{capability}' is not supported")]
    Unsupported {
        /// The capability.
        capability: MigrationCapability,
    },
    /// Capabilities that do not go together, or not without another.
    // PARITY: migration/options.c#migrate_caps_check
    #[error("{complaint}")]
    Capabilities {
        /// Why.
        complaint: &'static str,
    },
    /// A parameter out of its range.
    // PARITY: migration/options.c#migrate_params_check
    #[error("Parameter '{parameter}' {expects}")]
    Parameter {
        /// What QEMU calls it in messages.
        parameter: &'static str,
        /// What it should be.
        expects: &'static str,
    },
    /// A measurement is under way.
    // PARITY: migration/dirtyrate.c#qmp_calc_dirty_rate
    #[error("the dirty rate is already being measured.")]
    Measuring,
    /// Too short or too long a measurement.
    #[error("Calculation time is out of range [50ms, 60000ms].")]
    CalculationTime,
    /// Samples for another kind of measurement.
    #[error("sample-pages is used only in page-sampling mode")]
    SamplesWithoutSampling,
    /// Too few or too many samples.
    #[error("sample-pages is out of range[128, 16384].")]
    SamplePages,
}
