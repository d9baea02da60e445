//! Jobs on disks.

use crate::qapi::{qapi_enum, qapi_struct};

qapi_enum! {
    /// What a job does.
    pub enum JobType: "JobType" {
        /// Writes an overlay into what lies under it.
        Commit => "commit",
        /// Fetches into an overlay what lies under it.
        Stream => "stream",
        /// Copies a disk and keeps the copy up to date.
        Mirror => "mirror",
        /// Copies a disk as it was at one moment.
        Backup => "backup",
        /// Makes an image.
        Create => "create",
        /// Changes an image.
        Amend => "amend",
        /// Loads a snapshot.
        SnapshotLoad => "snapshot-load",
        /// Takes a snapshot.
        SnapshotSave => "snapshot-save",
        /// Removes a snapshot.
        SnapshotDelete => "snapshot-delete",
    }
}

qapi_enum! {
    /// How far a job is.
    pub enum JobStatus: "JobStatus" {
        /// It is not one yet.
        Undefined => "undefined",
        /// It is there.
        Created => "created",
        /// It works.
        Running => "running",
        /// It was paused.
        Paused => "paused",
        /// It has caught up and keeps up, until it is told to complete.
        Ready => "ready",
        /// It was paused when it had caught up.
        Standby => "standby",
        /// It waits for others to be done.
        Waiting => "waiting",
        /// It waits to be finalized.
        Pending => "pending",
        /// It fails, and cleans up.
        Aborting => "aborting",
        /// It is over, and waits to be dismissed.
        Concluded => "concluded",
        /// It is gone.
        Null => "null",
    }
}

qapi_enum! {
    /// What a device has come to.
    pub enum BlockDeviceIoStatus: "BlockDeviceIoStatus" {
        /// Nothing bad.
        Ok => "ok",
        /// An error.
        Failed => "failed",
        /// The end of the room there is.
        Nospace => "nospace",
    }
}

qapi_enum! {
    /// What failed.
    pub enum IoOperationType: "IoOperationType" {
        /// To read.
        Read => "read",
        /// To write.
        Write => "write",
    }
}

qapi_enum! {
    /// What is done about it.
    pub enum BlockErrorAction: "BlockErrorAction" {
        /// Nothing.
        Ignore => "ignore",
        /// It is told to whoever asked.
        Report => "report",
        /// The guest or the job is stopped.
        Stop => "stop",
    }
}

qapi_struct! {
    /// A job on a disk.
    #[derive(Eq)]
    pub struct BlockJobInfo: "BlockJobInfo" {
        /// What it does.
        pub job_type: JobType => "type",
        /// Its name; once that of its disk, hence the word.
        pub device: String => "device",
        /// How much there is to do, in bytes; it may grow.
        pub len: i64 => "len",
        /// How much is done, in bytes.
        pub offset: i64 => "offset",
        /// Whether it works just now.
        pub busy: bool => "busy",
        /// Whether it was paused.
        pub paused: bool => "paused",
        /// How fast it may be, in bytes per second; 0 is without limit.
        pub speed: i64 => "speed",
        /// What it has come to.
        pub io_status: BlockDeviceIoStatus => "io-status",
        /// Whether it has caught up and can be completed.
        pub ready: bool => "ready",
        /// How far it is.
        pub status: JobStatus => "status",
        /// Whether it finalizes itself.
        pub auto_finalize: bool => "auto-finalize",
        /// Whether it dismisses itself.
        pub auto_dismiss: bool => "auto-dismiss",
        /// Why it failed.
        pub error: Option<String> => "error",
        /// For a mirror, since 8.2: whether every write goes to both sides before it is answered.
        pub actively_synced: Option<bool> => "actively-synced",
    }
}

/// Jobs that are told something by their name.
macro_rules! named {
    ($($(#[$doc:meta])* $type:ident: $name:literal by $wire:literal;)*) => {$(
        qapi_struct! {
            $(#[$doc])*
            #[derive(Eq)]
            pub struct $type: $name {
                /// The name of the job.
                pub job: String => $wire,
            }
        }
    )*};
}

named! {
    /// Completes a job that is ready.
    BlockJobComplete: "q_obj_block-job-complete-arg" by "device";
    /// Lets go of a job that is over.
    BlockJobDismiss: "q_obj_block-job-dismiss-arg" by "id";
    /// Lets a job that is pending come into effect.
    BlockJobFinalize: "q_obj_block-job-finalize-arg" by "id";
    /// Pauses a job.
    BlockJobPause: "q_obj_block-job-pause-arg" by "device";
    /// Lets a paused job go on.
    BlockJobResume: "q_obj_block-job-resume-arg" by "device";
}

qapi_struct! {
    /// Ends a job before it is done, or a mirror that is ready without the switch to the copy.
    #[derive(Eq)]
    pub struct BlockJobCancel: "q_obj_block-job-cancel-arg" {
        /// The name of the job.
        pub device: String => "device",
        /// Do not even bring the copy up to date.
        pub force: Option<bool> => "force",
    }
}

qapi_struct! {
    /// Changes how fast a job may be.
    #[derive(Eq)]
    pub struct BlockJobSetSpeed: "q_obj_block-job-set-speed-arg" {
        /// The name of the job.
        pub device: String => "device",
        /// Bytes per second; 0 is without limit.
        pub speed: i64 => "speed",
    }
}
