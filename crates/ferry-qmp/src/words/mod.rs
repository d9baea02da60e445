//! The words: what commands take, what they return, and what events tell.
//!
//! Each type is called as in QEMU's schema, as far as Rust allows, and has exactly its members and
//! words; where QEMU has more that ferry has no use for, the type says so. Sizes, rates and spans
//! have units.

mod block;
mod blockdev;
mod dirty_rate;
mod job;
mod machine;
mod migration;
mod object;
mod run_state;
mod socket;
mod units;
mod vendor;
mod yank;

pub use block::{
    BlockDeviceInfo, BlockDeviceStats, BlockInfo, BlockStats, BlockdevCacheInfo,
    BlockdevDetectZeroes, ImageInfo, QueryBlockstats,
};
pub use blockdev::{
    BlockExportAdd, BlockExportDel, BlockExportMeans, BlockExportOptionsNbd, BlockExportRemoveMode,
    BlockExportType, BlockdevCacheOptions, BlockdevDel, BlockdevDiscard, BlockdevDriver,
    BlockdevDriverOptions, BlockdevMirror, BlockdevOnError, BlockdevOptions, BlockdevOptionsFile,
    BlockdevOptionsGeneric, BlockdevOptionsNbd, BlockdevOptionsNull, BlockdevRef, MirrorCopyMode,
    MirrorSyncMode, NbdServerAdd, NbdServerStart,
};
pub use dirty_rate::{
    CalcDirtyRate, DirtyRateInfo, DirtyRateMeasureMode, DirtyRateStatus, DirtyRateVcpu,
    QueryDirtyRate, TimeUnit,
};
pub use job::{
    BlockDeviceIoStatus, BlockErrorAction, BlockJobCancel, BlockJobComplete, BlockJobDismiss,
    BlockJobFinalize, BlockJobInfo, BlockJobPause, BlockJobResume, BlockJobSetSpeed,
    IoOperationType, JobStatus, JobType,
};
pub use machine::{
    CommandName, CpuInfoFast, CpuInstanceProperties, Empty, KvmInfo, MemoryInfo, NameInfo,
    Pmemsave, QmpCapability, SysEmuTarget, UuidInfo, VersionInfo, VersionTriple,
};
pub use migration::{
    BitmapMigrationBitmapAlias, BitmapMigrationBitmapAliasTransform, BitmapMigrationNodeAlias,
    FileMigrationArgs, MigMode, Migrate, MigrateContinue, MigrateIncoming, MigrateRecover,
    MigrateSetCapabilities, MigrateSetParameters, MigrationAddress, MigrationAddressType,
    MigrationCapability, MigrationCapabilityStatus, MigrationChannel, MigrationChannelType,
    MigrationExecCommand, MigrationInfo, MigrationParameters, MigrationStats, MigrationStatus,
    MultiFdCompression, Parameters, VfioStats, XbzrleCacheStats, ZeroPageDetection,
};
pub use object::{
    ObjectAdd, ObjectDel, ObjectKind, ObjectType, TlsCredsX509Properties, TlsEndpoint,
};
pub use run_state::{GuestPanicAction, RunState, ShutdownCause, StatusInfo};
pub use socket::{
    FdSocketAddress, FdWrapper, InetSocketAddress, InetWrapper, SocketAddress, SocketAddressLegacy,
    SocketAddressType, UnixSocketAddress, UnixWrapper, VsockSocketAddress, VsockWrapper,
};
pub use units::Milliseconds;
pub use vendor::{
    DiskOptions, Fault, FaultKind, FerryVerify, FerryWorkload, HotspotOptions, PassStats, Phase,
    PhasedOptions, TransferStats, VerifyReport, VerifyScope, Workload, WorkloadContents,
    WorkloadInfo, WorkloadKind, WorkloadPattern, ZipfOptions,
};
pub use yank::{Yank, YankInstance, YankInstanceBlockNode, YankInstanceChardev, YankInstanceType};
