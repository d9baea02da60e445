//! The steps of a vCPU: one page or block written or checked, and all that is known about it changed
//! with it.

use std::io::{Error, ErrorKind};
use std::sync::Arc;

use ferry_memory::Running;
use ferry_qmp::words::FaultKind;
use ferry_units::{Bytes, PageIndex, PageRun};

use super::{DisksAre, STEP, Step, Vcpu, fault};
use crate::machine::content::{self, Place};
use crate::machine::entry::{Entry, Kind};
use crate::machine::plan::Job;

impl Vcpu {
    pub(super) fn step_in_memory(&mut self, guest: &mut Running<'_>, job: &Job) -> Step {
        let Some(chooser) = &job.pages else { return Step::NotNow };
        let (mut chance, mut position) = (self.progress.chance, self.progress.position);
        let reads = chance.hits(job.read_share);
        let page = self.lane.page(chooser.next(&mut chance, &mut position));
        let step = if reads {
            self.check_page(guest, page, job.cost_of_read(STEP))
        } else {
            self.write_page(guest, page, Kind::of(job.contents, page))
        };
        if matches!(step, Step::Did(_)) {
            (self.progress.chance, self.progress.position) = (chance, position);
        }
        step
    }

    pub(super) fn write_page(&mut self, guest: &mut Running<'_>, page: u64, kind: Kind) -> Step {
        let last = self.shared.pages.get(page);
        let entry = last.next(kind);
        content::fill(self.owner(Place::page(page)), entry, &mut self.content);
        let offset = Bytes::new(page * STEP.get());
        if guest.write(offset, &*self.content).is_err() {
            return Step::Wrong(fault(None, page, last, FaultKind::Lost));
        }
        self.shared.pages.set(page, entry);
        self.progress.written += STEP.get();
        Step::Did(STEP)
    }

    fn check_page(&mut self, guest: &mut Running<'_>, page: u64, cost: Bytes) -> Step {
        let entry = self.shared.pages.get(page);
        let offset = Bytes::new(page * STEP.get());
        if guest.read(offset, &mut *self.content).is_err() {
            return Step::Wrong(fault(None, page, entry, FaultKind::Lost));
        }
        let owner = self.owner(Place::page(page));
        match content::check(owner, entry, &self.content, &mut self.scratch) {
            None => Step::Did(cost),
            Some(kind) => Step::Wrong(fault(None, page, entry, kind)),
        }
    }

    pub(super) fn step_on_disk(&mut self, job: &Job) -> Step {
        let mut chance = self.progress.chance;
        let reads = chance.hits(job.read_share);
        let which = chance.below(job.blocks.len() as u64);
        let which = usize::try_from(which).expect("below the length of a list");
        let Some((number, count)) = job.blocks.get(which).copied() else { return Step::NotNow };
        let block = self.lane.page(chance.below(count));
        let step = if reads {
            self.check_block(number, block, job.cost_of_read(STEP))
        } else {
            self.write_block(number, block, Kind::of(job.contents, block))
        };
        // What was not done is tried again.
        if matches!(step, Step::Did(_)) {
            self.progress.chance = chance;
            self.disks = DisksAre::Fine;
        }
        step
    }

    fn write_block(&mut self, number: usize, block: u64, kind: Kind) -> Step {
        let shared = Arc::clone(&self.shared);
        let (disk, table) = (&shared.disks[number], &shared.blocks[number]);
        if !disk.is_taken() {
            return Step::NotNow;
        }
        let entry = table.get(block).next(kind);
        content::fill(self.owner(Place::block(number, block)), entry, &mut self.content);
        match disk.write(PageRun::one(PageIndex(block)), &*self.content) {
            Ok(()) => {
                table.set(block, entry);
                self.progress.disk_written += STEP.get();
                Step::Did(STEP)
            }
            // It was given up in between, and nothing was written.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Step::NotNow,
            Err(error) => {
                // A part may have been written.
                table.set(block, Entry::UNKNOWN);
                self.disk_failed(disk.id(), &error)
            }
        }
    }

    fn check_block(&mut self, number: usize, block: u64, cost: Bytes) -> Step {
        let shared = Arc::clone(&self.shared);
        let (disk, entry) = (&shared.disks[number], shared.blocks[number].get(block));
        if let Err(error) = disk.read(PageRun::one(PageIndex(block)), &mut *self.content) {
            return self.disk_failed(disk.id(), &error);
        }
        let owner = self.owner(Place::block(number, block));
        match content::check(owner, entry, &self.content, &mut self.scratch) {
            None => Step::Did(cost),
            Some(kind) => Step::Wrong(fault(Some(disk.id()), block, entry, kind)),
        }
    }

    fn disk_failed(&mut self, disk: &str, error: &Error) -> Step {
        if self.disks == DisksAre::Fine {
            self.disks = DisksAre::Failing;
            tracing::warn!(disk, %error, "a disk failed; the guest tries again");
        }
        Step::NotNow
    }
}
