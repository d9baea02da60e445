//! The commands that ferry's guest serves: the one list from which they are parsed, named and
//! described.

use super::macros::{commands, execute};
use super::{Band, CommandInfo, Execute};
use crate::schema::SchemaInfo;
use crate::words::{
    BlockInfo, BlockStats, CalcDirtyRate, CommandName, CpuInfoFast, DirtyRateInfo, Empty,
    FerryVerify, FerryWorkload, KvmInfo, MemoryInfo, Migrate, MigrateContinue, MigrateIncoming,
    MigrateRecover, MigrateSetCapabilities, MigrateSetParameters, MigrationCapabilityStatus,
    MigrationInfo, MigrationParameters, NameInfo, ObjectAdd, ObjectDel, QmpCapability,
    QueryBlockstats, QueryDirtyRate, StatusInfo, TransferStats, UuidInfo, VerifyReport,
    VersionInfo, WorkloadInfo, Yank, YankInstance,
};

crate::qapi::qapi_struct! {
    /// Ends the negotiation with which a session begins.
    #[derive(Default, Eq)]
    pub struct QmpCapabilities: "q_obj_qmp_capabilities-arg" {
        /// What to agree on, of what the greeting offers.
        pub enable: Option<Vec<QmpCapability>> => "enable",
    }
}

commands! {
    /// A command that a session answers by itself: it is about QMP and not about the guest.
    #[derive(Eq)]
    pub enum SessionCommand = SESSION_COMMANDS {
        /// Ends the negotiation.
        QmpCapabilities { .. } => "qmp_capabilities" -> Empty;
        /// Asks for the version of the machine's program.
        QueryVersion => "query-version" -> VersionInfo;
        /// Asks for the names of all commands.
        QueryCommands => "query-commands" -> Vec<CommandName>;
        /// Asks for all commands and events, with everything in them.
        QueryQmpSchema => "query-qmp-schema" -> Vec<SchemaInfo>;
    }
}

commands! {
    /// A command that somebody has sent, with its arguments.
    pub enum Command = COMMANDS {
        /// Asks whether the guest runs.
        QueryStatus => "query-status" -> StatusInfo;
        /// Asks for the guest's name.
        QueryName => "query-name" -> NameInfo;
        /// Asks for the guest's identity.
        QueryUuid => "query-uuid" -> UuidInfo;
        /// Asks whether the kernel's hypervisor is at work.
        QueryKvm => "query-kvm" -> KvmInfo;
        /// Asks for the virtual CPUs.
        QueryCpusFast => "query-cpus-fast" -> Vec<CpuInfoFast>;
        /// Asks for the guest's memory.
        QueryMemorySizeSummary => "query-memory-size-summary" -> MemoryInfo;
        /// Asks for the guest's disks.
        QueryBlock => "query-block" -> Vec<BlockInfo>;
        /// Asks what happened on the guest's disks.
        QueryBlockstats { .. } => "query-blockstats" -> Vec<BlockStats>;
        /// Stops the guest.
        Stop => "stop" -> Empty;
        /// Lets the guest run.
        Cont => "cont" -> Empty;
        /// Ends the machine.
        Quit => "quit" -> Empty;
        /// Asks the guest to shut down.
        SystemPowerdown => "system_powerdown" -> Empty;
        /// Resets the guest.
        SystemReset => "system_reset" -> Empty;
        /// Sends the guest to another machine.
        Migrate { .. } => "migrate" -> Empty;
        /// Lets a machine that was started with `-incoming defer` listen.
        MigrateIncoming { .. } => "migrate-incoming" -> Empty;
        /// Gives the migration up; the guest goes on here.
        MigrateCancel => "migrate_cancel" -> Empty;
        /// Lets a migration go on that waits.
        MigrateContinue { .. } => "migrate-continue" -> Empty;
        /// Lets the guest run at the destination, and fetch there what it lacks.
        MigrateStartPostcopy => "migrate-start-postcopy" -> Empty;
        /// Cuts the connection of post-copy.
        MigratePause => "migrate-pause" -> Empty [OutOfBand];
        /// Lets a destination that has lost its source in post-copy listen again.
        MigrateRecover { .. } => "migrate-recover" -> Empty [OutOfBand];
        /// Switches capabilities on and off.
        MigrateSetCapabilities { .. } => "migrate-set-capabilities" -> Empty;
        /// Asks which capabilities are on.
        QueryMigrateCapabilities
            => "query-migrate-capabilities" -> Vec<MigrationCapabilityStatus>;
        /// Changes parameters.
        MigrateSetParameters { .. } => "migrate-set-parameters" -> Empty;
        /// Asks for the parameters.
        QueryMigrateParameters => "query-migrate-parameters" -> MigrationParameters;
        /// Asks how the migration is.
        QueryMigrate => "query-migrate" -> MigrationInfo;
        /// Begins to measure how fast the guest writes.
        CalcDirtyRate { .. } => "calc-dirty-rate" -> Empty;
        /// Asks how fast the guest was found to write.
        QueryDirtyRate { .. } => "query-dirty-rate" -> DirtyRateInfo;
        /// Asks which connections could be cut.
        QueryYank => "query-yank" -> Vec<YankInstance> [OutOfBand];
        /// Cuts connections.
        Yank { .. } => "yank" -> Empty [OutOfBand];
        /// Makes an object.
        ObjectAdd { .. } => "object-add" -> Empty;
        /// Lets go of an object.
        ObjectDel { .. } => "object-del" -> Empty;
        /// Checks that every page and block has the content that it was last given.
        FerryVerify { .. } => "__dev.ferry_verify" -> VerifyReport;
        /// Tells what the guest works on, after giving it something else if that is said.
        FerryWorkload { .. } => "__dev.ferry_workload" -> WorkloadInfo;
        /// Asks what happened in the migration, in more detail than `query-migrate`.
        FerryStats => "__dev.ferry_stats" -> TransferStats;
    }
}

/// Everything that is served.
pub(crate) fn served() -> impl Iterator<Item = &'static CommandInfo> {
    SESSION_COMMANDS.iter().chain(COMMANDS)
}
