//! What those who listen hear of disks that move: for each what a mirroring job of QEMU would tell.
//!
//! The job is ready when every block has crossed once and only those that are written again still
//! do, and is over when the guest is at the other side.

use std::sync::atomic::{AtomicBool, Ordering};

use ferry_qmp::words::JobType;
use ferry_qmp::{BlockJobCompleted, BlockJobProgress, Event};
use ferry_transfer::{Ending, Volume};
use ferry_units::{Bytes, PageSize};

use super::Outgoing;

/// The jobs of the disks that move.
#[derive(Debug, Default)]
pub(super) struct Jobs {
    are_ready: AtomicBool,
}

impl Outgoing {
    /// Everything has crossed once: what moves is in step from now on.
    pub(super) fn disks_are_ready(&self) {
        if !self.jobs.are_ready.swap(true, Ordering::Relaxed) {
            for progress in self.disk_progress() {
                self.board.emit(Event::BlockJobReady(progress));
            }
        }
    }

    /// The migration is over.
    pub(super) fn disks_are_done(&self, ending: &Ending) {
        let error = match ending {
            // It is not over; disks crossed before.
            Ending::Paused(_) => return,
            Ending::Completed => None,
            Ending::Cancelled => {
                for progress in self.disk_progress() {
                    self.board.emit(Event::BlockJobCancelled(progress));
                }
                return;
            }
            Ending::Failed(why) | Ending::InDoubt(why) => Some(why.clone()),
        };
        for progress in self.disk_progress() {
            let error = error.clone();
            self.board.emit(Event::BlockJobCompleted(BlockJobCompleted { progress, error }));
        }
    }

    fn disk_progress(&self) -> Vec<BlockJobProgress> {
        let speed = self.desk.look(ferry_transfer::Source::bandwidth_limit);
        let moving = (0_u8..).zip(&self.hardware.disks).filter(|(_, disk)| !disk.shared);
        let progress = moving.map(|(number, disk)| {
            let left = self.desk.look(|source| source.left_of(Volume::Disk(number)));
            let (size, left) = (disk.size, left.bytes(PageSize::KIB_4));
            BlockJobProgress {
                job_type: JobType::Mirror,
                device: disk.id.clone(),
                len: signed(size),
                offset: signed(size.saturating_sub(left)),
                speed: speed.map_or(0, |speed| signed(Bytes::new(speed.get()))),
            }
        });
        progress.collect()
    }
}

fn signed(bytes: Bytes) -> i64 {
    i64::try_from(bytes.get()).unwrap_or(i64::MAX)
}
