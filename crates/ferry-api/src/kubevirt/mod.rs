//! The kinds of `kubevirt.io/v1`, with KubeVirt's field names.
//!
//! Source: KubeVirt `staging/src/kubevirt.io/api/core/v1/types.go` and `schema.go`, releases 1.6 to
//! 1.9. What ferry acts on is typed; everything else inside a virtual machine is kept as written.

mod configuration;
mod migration;
mod migration_state;
mod vm;
mod vmi;
mod vmi_status;
mod volume;

pub use configuration::{
    DeveloperConfiguration, KubeVirt, KubeVirtConfiguration, KubeVirtSpec, KubeVirtStatus,
    MigrationConfiguration,
};
pub use migration::{
    MigrationPhase, MigrationPriority, PhaseTransitionTimestamp, VirtualMachineInstanceMigration,
    VirtualMachineInstanceMigrationReceive, VirtualMachineInstanceMigrationSendTo,
    VirtualMachineInstanceMigrationSpec, VirtualMachineInstanceMigrationStatus,
};
pub use migration_state::{MigrationAbortStatus, MigrationMode, MigrationState};
pub use vm::{
    InstancetypeMatcher, VirtualMachine, VirtualMachineInstanceTemplate, VirtualMachineSpec,
    VirtualMachineStatus,
};
pub use vmi::{
    Cpu, DomainSpec, Hugepages, Machine, Memory, ResourceRequirements, VirtualMachineInstance,
    VirtualMachineInstanceSpec,
};
pub use vmi_status::{
    Condition, MigratedVolume, NetworkInterface, PersistentVolumeClaimInfo,
    VirtualMachineInstancePhase, VirtualMachineInstanceStatus,
};
pub use volume::{
    ContainerDiskSource, DataVolumeSource, EmptyDiskSource, HostDiskSource,
    PersistentVolumeClaimVolumeSource, Volume,
};
