//! Commands that only QEMU serves: ferry's guest needs no help from outside to move disks.
//!
//! A command moves to the table of those that are served by moving its line there.

use super::macros::execute;
use super::{Band, Execute};
use crate::words::{
    BlockExportAdd, BlockExportDel, BlockJobCancel, BlockJobComplete, BlockJobDismiss,
    BlockJobFinalize, BlockJobInfo, BlockJobPause, BlockJobResume, BlockJobSetSpeed, BlockdevDel,
    BlockdevMirror, BlockdevOptions, Empty, NbdServerAdd, NbdServerStart, Pmemsave,
};

execute! {
    /// Attaches a disk.
    BlockdevOptions { .. } => "blockdev-add" -> Empty;
    /// Detaches a disk.
    BlockdevDel { .. } => "blockdev-del" -> Empty;
    /// Copies a disk to another, and keeps the copy up to date.
    BlockdevMirror { .. } => "blockdev-mirror" -> Empty;
    /// Asks for the jobs on disks.
    QueryBlockJobs => "query-block-jobs" -> Vec<BlockJobInfo>;
    /// Ends a job.
    BlockJobCancel { .. } => "block-job-cancel" -> Empty;
    /// Completes a job that is ready.
    BlockJobComplete { .. } => "block-job-complete" -> Empty;
    /// Pauses a job.
    BlockJobPause { .. } => "block-job-pause" -> Empty;
    /// Lets a paused job go on.
    BlockJobResume { .. } => "block-job-resume" -> Empty;
    /// Changes how fast a job may be.
    BlockJobSetSpeed { .. } => "block-job-set-speed" -> Empty;
    /// Lets a job that is pending come into effect.
    BlockJobFinalize { .. } => "block-job-finalize" -> Empty;
    /// Lets go of a job that is over.
    BlockJobDismiss { .. } => "block-job-dismiss" -> Empty;
    /// Lets other machines have disks.
    NbdServerStart { .. } => "nbd-server-start" -> Empty;
    /// Lets other machines have a disk, the old way.
    NbdServerAdd { .. } => "nbd-server-add" -> Empty;
    /// Takes all disks back.
    NbdServerStop => "nbd-server-stop" -> Empty;
    /// Lets others have a disk.
    BlockExportAdd { .. } => "block-export-add" -> Empty;
    /// Takes a disk back.
    BlockExportDel { .. } => "block-export-del" -> Empty;
    /// Writes a range of the guest's memory to a file.
    Pmemsave { .. } => "pmemsave" -> Empty;
}
