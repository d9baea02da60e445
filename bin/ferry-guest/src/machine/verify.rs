//! The guest checks itself: every page and every block against what it was last given.

use std::io;
use std::time::Duration;

use ferry_memory::Running;
use ferry_qmp::words::{Fault, Milliseconds, VerifyReport, VerifyScope};
use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet};

use super::content::{self, Content, Owner, PAGE, Place};
use super::disk::Disk;
use super::entry::Entry;
use super::error::MachineError;
use super::shared::Shared;
use super::table::Table;
use super::vcpu::fault;

/// How a check reads memory, which depends on what the guest does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// The guest may run: its vCPUs wait while it is checked, and in post-copy what is missing is
    /// fetched. Should somebody stop the guest meanwhile, the check goes on when it runs again.
    Running,
    /// The guest stands still, for as long as the check takes: the caller sees to that.
    Still,
}

/// The most faults that a report lists.
const LISTED: usize = 16;

/// Checks what `scope` says.
///
/// # Errors
/// [`MachineError::Incomplete`] for a guest that stands still and waits for pages, and what memory or
/// a disk says.
pub(crate) fn verify(
    shared: &Shared,
    scope: VerifyScope,
    access: Access,
) -> Result<VerifyReport, MachineError> {
    let begin = shared.clock.now();
    let mut check = Check::new(shared);
    let (memory, disks) = match scope {
        VerifyScope::All => (true, true),
        VerifyScope::Memory => (true, false),
        VerifyScope::Disks => (false, true),
    };
    match access {
        Access::Running => {
            let held = shared.control.hold();
            if memory {
                check.memory(&mut Source::Running(shared.memory.enter()))?;
            }
            if disks {
                check.disks()?;
            }
            drop(held);
        }
        Access::Still => {
            let missing = shared.memory.missing();
            if memory && missing.get() > 0 {
                return Err(MachineError::Incomplete { missing });
            }
            if memory {
                check.memory(&mut Source::Still)?;
            }
            if disks {
                check.disks()?;
            }
        }
    }
    Ok(check.report(shared.clock.now().since(begin)))
}

/// Where pages are read.
enum Source<'a> {
    Running(Running<'a>),
    Still,
}

/// A check under way.
struct Check<'a> {
    shared: &'a Shared,
    pages: u64,
    blocks: u64,
    wrong: u64,
    faults: Vec<Fault>,
    content: Box<Content>,
    scratch: Box<Content>,
}

impl<'a> Check<'a> {
    fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            pages: 0,
            blocks: 0,
            wrong: 0,
            faults: Vec::new(),
            content: Box::new([0; PAGE]),
            scratch: Box::new([0; PAGE]),
        }
    }

    fn memory(&mut self, source: &mut Source<'_>) -> Result<(), MachineError> {
        let ram = self.shared.memory.ram();
        // Reading what nobody ever touched would take memory for it, and it is zero.
        let mut touched = ram.no_pages();
        if self.shared.memory.missing() == PageCount(0) {
            for run in ram.touched(ram.whole())? {
                touched.insert_run(run?);
            }
        } else {
            touched = ram.all_pages();
        }
        for page in ram.whole().pages() {
            let entry = self.shared.pages.get(page.get());
            let offset = Bytes::new(page.get() * PAGE as u64);
            match source {
                Source::Running(guest) if touched.contains(page) => {
                    guest.read(offset, &mut *self.content)?;
                }
                Source::Still if touched.contains(page) => {
                    ram.read(offset, &mut *self.content)?;
                }
                Source::Running(_) | Source::Still => self.content.fill(0),
            }
            self.judge(None, page.get(), Place::page(page.get()), entry);
            if let Source::Running(guest) = source {
                guest.checkpoint();
            }
            self.pages += 1;
        }
        Ok(())
    }

    fn disks(&mut self) -> Result<(), MachineError> {
        for (number, disk) in self.shared.disks.iter().enumerate() {
            let failed = |source| MachineError::File { path: disk.path().to_owned(), source };
            let allocated = disk.allocated().map_err(failed)?;
            for block in 0..disk.blocks().get() {
                let entry = self.shared.blocks[number].get(block);
                if entry == Entry::UNKNOWN {
                    continue;
                }
                if allocated.contains(PageIndex(block)) {
                    let run = PageRun::one(PageIndex(block));
                    disk.read(run, &mut *self.content).map_err(failed)?;
                } else {
                    self.content.fill(0);
                }
                self.judge(Some(disk.id()), block, Place::block(number, block), entry);
                self.blocks += 1;
            }
        }
        Ok(())
    }

    /// Judges what was read.
    fn judge(&mut self, disk: Option<&str>, index: u64, place: Place, entry: Entry) {
        let owner = Owner { seed: self.shared.seed, place };
        let wrong = content::check(owner, entry, &self.content, &mut self.scratch);
        if let Some(kind) = wrong {
            self.wrong += 1;
            if self.faults.len() < LISTED {
                self.faults.push(fault(disk, index, entry, kind));
            }
        }
    }

    fn report(self, took: Duration) -> VerifyReport {
        VerifyReport {
            pages: PageCount(self.pages),
            blocks: self.blocks,
            wrong: self.wrong,
            faults: self.faults,
            duration: Milliseconds::from_duration(took),
        }
    }
}

/// What is on a disk that was there before its guest: blocks that a guest of this seed wrote are
/// known again, and any other may hold what it holds until it is written.
///
/// # Errors
/// What Linux says.
pub(crate) fn adopt(number: usize, disk: &Disk, seed: u64) -> io::Result<Table> {
    let table = Table::never_written(disk.blocks());
    let mut scratch = [0; PAGE];
    let mut bytes = vec![0; 64 * PAGE];
    let allocated: PageSet = disk.allocated()?;
    for run in allocated.runs().flat_map(|run| run.pieces(PageCount(64))) {
        let length = usize::try_from(run.bytes().get()).expect("64 blocks at most");
        let bytes = &mut bytes[..length];
        disk.read(run, bytes)?;
        let (blocks, _) = bytes.as_chunks::<PAGE>();
        for (block, content) in run.numbers().zip(blocks) {
            if content.iter().all(|byte| *byte == 0) {
                continue;
            }
            let owner = Owner { seed, place: Place::block(number, block) };
            let known = content::identify(content, &mut scratch);
            let known = known.filter(|(found, _)| *found == owner).map(|(_, entry)| entry);
            table.set(block, known.unwrap_or(Entry::UNKNOWN));
        }
    }
    Ok(table)
}
