//! The words of migration.

mod capability;
mod channel;
mod commands;
mod info;
mod parameters;
mod status;

pub use capability::{MigrationCapability, MigrationCapabilityStatus};
pub use channel::{
    FileMigrationArgs, MigrationAddress, MigrationAddressType, MigrationChannel,
    MigrationChannelType, MigrationExecCommand,
};
pub use commands::{
    Migrate, MigrateContinue, MigrateIncoming, MigrateRecover, MigrateSetCapabilities,
};
pub use info::{MigrationInfo, MigrationStats, VfioStats, XbzrleCacheStats};
pub use parameters::{
    BitmapMigrationBitmapAlias, BitmapMigrationBitmapAliasTransform, BitmapMigrationNodeAlias,
    MigMode, MigrateSetParameters, MigrationParameters, MultiFdCompression, Parameters,
    ZeroPageDetection,
};
pub use status::MigrationStatus;
