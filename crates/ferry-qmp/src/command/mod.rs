//! Commands: what ferry's guest serves, and what QEMU serves besides.

mod execute;
pub(crate) mod macros;
mod qemu;
mod table;

pub use execute::{Band, CommandInfo, Execute, Reply};
pub use qemu::{NbdServerStop, QueryBlockJobs};
pub(crate) use table::served;
pub use table::{
    COMMANDS, Command, Cont, FerryStats, MigrateCancel, MigratePause, MigrateStartPostcopy,
    QmpCapabilities, QueryBlock, QueryCommands, QueryCpusFast, QueryKvm, QueryMemorySizeSummary,
    QueryMigrate, QueryMigrateCapabilities, QueryMigrateParameters, QueryName, QueryQmpSchema,
    QueryStatus, QueryUuid, QueryVersion, QueryYank, Quit, SESSION_COMMANDS, SessionCommand, Stop,
    SystemPowerdown, SystemReset,
};
