//! What a machine tells without being asked.

use crate::json::{Json, Object};
use crate::qapi::{ArgumentError, Qapi, Reading, ShapeOf, qapi_struct, read_arguments};
use crate::words::{
    BlockErrorAction, Empty, Fault, GuestPanicAction, IoOperationType, JobStatus, JobType,
    MigrationStatus, ShutdownCause,
};

/// What the schema says of an event.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo {
    /// What it is called.
    pub name: &'static str,
    /// What comes with it, an object.
    pub data: ShapeOf,
}

/// The events that ferry's guest sends: the one list from which they are named, read, written and
/// described.
macro_rules! events {
    (
        bare {$(
            $(#[$bare_doc:meta])*
            $bare:ident => $bare_wire:literal;
        )*}
        with_data {$(
            $(#[$doc:meta])*
            $name:ident($data:ident) => $wire:literal;
        )*}
    ) => {
        /// What a machine tells without being asked.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$bare_doc])* $bare,)*
            $($(#[$doc])* $name($data),)*
        }

        impl Event {
            /// What it is called.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$bare => $bare_wire,)*
                    $(Self::$name(_) => $wire,)*
                }
            }

            /// What comes with it; `None` for one with which nothing ever does.
            pub fn data(&self) -> Option<Json> {
                match self {
                    $(Self::$bare => None,)*
                    $(Self::$name(data) => Some(data.write()),)*
                }
            }

            /// Reads what came with the event of that name; `None` if there is no such event.
            pub fn read(
                name: &str,
                data: &Object,
                reading: Reading,
            ) -> Option<Result<Self, ArgumentError>> {
                match name {
                    $($bare_wire => {
                        Some(read_arguments::<Empty>(data, reading).map(|_| Self::$bare))
                    })*
                    $($wire => Some(read_arguments(data, reading).map(Self::$name)),)*
                    _ => None,
                }
            }
        }

        /// What the schema says of each [`Event`].
        pub const EVENTS: &[EventInfo] = &[
            $(EventInfo { name: $bare_wire, data: ShapeOf::of::<Empty>() },)*
            $(EventInfo { name: $wire, data: ShapeOf::of::<$data>() },)*
        ];
    };
}

events! {
    bare {
        /// The guest was stopped.
        Stop => "STOP";
        /// The guest runs.
        Resume => "RESUME";
        /// The guest was asked to shut down.
        Powerdown => "POWERDOWN";
    }
    with_data {
        /// The guest is shut down.
        Shutdown(GuestEnd) => "SHUTDOWN";
        /// The guest was reset.
        Reset(GuestEnd) => "RESET";
        /// The guest has panicked. Ferry's guest does when it finds a wrong page or block.
        GuestPanicked(GuestPanicked) => "GUEST_PANICKED";
        /// The migration has come to another state. Only with the capability `events`.
        Migration(MigrationChange) => "MIGRATION";
        /// A pass over memory begins. Only with the capability `events`.
        MigrationPass(MigrationPass) => "MIGRATION_PASS";
        /// A job on a disk is done, or has failed.
        BlockJobCompleted(BlockJobCompleted) => "BLOCK_JOB_COMPLETED";
        /// A job on a disk was cancelled.
        BlockJobCancelled(BlockJobProgress) => "BLOCK_JOB_CANCELLED";
        /// A job on a disk has come upon an error.
        BlockJobError(BlockJobError) => "BLOCK_JOB_ERROR";
        /// A job on a disk has caught up and can be completed.
        BlockJobReady(BlockJobProgress) => "BLOCK_JOB_READY";
        /// A job on a disk waits to be finalized.
        BlockJobPending(BlockJobPending) => "BLOCK_JOB_PENDING";
        /// A job has come to another state.
        JobStatusChange(JobStatusChange) => "JOB_STATUS_CHANGE";
        /// Ferry's guest has found a wrong page or block; `GUEST_PANICKED` follows.
        FerryFault(Fault) => "__dev.ferry_FAULT";
    }
}

qapi_struct! {
    /// The end of a guest, or of one of its lives.
    #[derive(Copy, Eq)]
    pub struct GuestEnd: "q_obj_SHUTDOWN-arg" {
        /// Whether the guest itself wanted it.
        pub guest: bool => "guest",
        /// Why.
        pub reason: ShutdownCause => "reason",
    }
}

qapi_struct! {
    /// A guest that has panicked.
    #[derive(Copy, Eq)]
    pub struct GuestPanicked: "q_obj_GUEST_PANICKED-arg" {
        /// What is done about it.
        pub action: GuestPanicAction => "action",
    }
}

qapi_struct! {
    /// A migration that has come to another state.
    #[derive(Copy, Eq)]
    pub struct MigrationChange: "q_obj_MIGRATION-arg" {
        /// The state.
        pub status: MigrationStatus => "status",
    }
}

qapi_struct! {
    /// A pass over memory.
    #[derive(Copy, Eq)]
    pub struct MigrationPass: "q_obj_MIGRATION_PASS-arg" {
        /// Which one, from 1.
        pub pass: u64 => "pass",
    }
}

qapi_struct! {
    /// How far a job on a disk has come.
    #[derive(Eq)]
    pub struct BlockJobProgress: "q_obj_BLOCK_JOB_READY-arg" {
        /// What it does.
        pub job_type: JobType => "type",
        /// Its name.
        pub device: String => "device",
        /// How much there was to do, in bytes.
        pub len: i64 => "len",
        /// How much of it is done, in bytes.
        pub offset: i64 => "offset",
        /// How fast it might be, in bytes per second; 0 is without limit.
        pub speed: i64 => "speed",
    }
}

qapi_struct! {
    /// A job on a disk that is over.
    #[derive(Eq)]
    pub struct BlockJobCompleted: "q_obj_BLOCK_JOB_COMPLETED-arg" {
        /// How far it has come.
        pub progress: BlockJobProgress => flat,
        /// Why it failed.
        pub error: Option<String> => "error",
    }
}

qapi_struct! {
    /// A job on a disk that has come upon an error.
    #[derive(Eq)]
    pub struct BlockJobError: "q_obj_BLOCK_JOB_ERROR-arg" {
        /// Its name.
        pub device: String => "device",
        /// What failed.
        pub operation: IoOperationType => "operation",
        /// What is done about it.
        pub action: BlockErrorAction => "action",
    }
}

qapi_struct! {
    /// A job on a disk that waits to be finalized.
    #[derive(Eq)]
    pub struct BlockJobPending: "q_obj_BLOCK_JOB_PENDING-arg" {
        /// What it does.
        pub job_type: JobType => "type",
        /// Its name.
        pub id: String => "id",
    }
}

qapi_struct! {
    /// A job that has come to another state.
    #[derive(Eq)]
    pub struct JobStatusChange: "q_obj_JOB_STATUS_CHANGE-arg" {
        /// Its name.
        pub id: String => "id",
        /// The state.
        pub status: JobStatus => "status",
    }
}
