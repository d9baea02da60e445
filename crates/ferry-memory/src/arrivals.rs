//! Pages that arrive while the guest already runs: the destination of a post-copy.

use std::os::fd::AsFd;
use std::sync::Arc;

use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet};

use crate::error::MemoryError;
use crate::ram::pages_of;
use crate::resident::Resident;
use crate::wire::{self, Progress, Slot};
use crate::{GuestMemory, words};

/// The pages that a running guest still misses, and the right to bring them.
///
/// Each page is placed exactly once: once it is here the guest may have written to it, and a second
/// copy, such as one that was pushed while the page was requested, would undo that. So whoever
/// brings pages [claims](Self::claim) them first, and a page that is here or claimed is refused.
///
/// When the link is lost, claims that were not filled are dropped, and
/// [`missing`](Self::missing) and [`requested`](Self::requested) say what to ask for on the next
/// one. Nothing is lost meanwhile: vCPUs that need a page wait. They are let go, with
/// [`MemoryError::Lost`], when this is dropped before everything is here.
#[derive(Debug)]
pub struct Arrivals {
    memory: GuestMemory,
    resident: Arc<Resident>,
}

/// The right to fill some pages, and the duty to [`publish`](Self::publish) them when they are
/// full. Dropped without that, the pages are missing as before.
#[derive(Debug)]
#[must_use = "the pages are missing as before when this is dropped"]
pub struct Claim {
    memory: GuestMemory,
    resident: Arc<Resident>,
    run: PageRun,
}

impl Arrivals {
    pub(crate) fn of(memory: GuestMemory, resident: Arc<Resident>) -> Self {
        Self { memory, resident }
    }

    /// How many pages have not arrived.
    pub fn remaining(&self) -> PageCount {
        self.resident.missing()
    }

    /// The pages that have not arrived, claimed or not: what a recovery asks the source for.
    pub fn missing(&self) -> PageSet {
        self.resident.missing_pages()
    }

    /// The pages that vCPUs wait for at this moment: what a recovery asks for first.
    pub fn requested(&self) -> Vec<PageIndex> {
        self.resident.requested()
    }

    /// Reserves the pages of `run` for one who has them.
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`], and [`MemoryError::AlreadyHere`] with the first page that is
    /// here or claimed already; none is reserved then.
    pub fn claim(&self, run: PageRun) -> Result<Claim, MemoryError> {
        self.memory.ram().span_of(run)?;
        self.resident.claim(run)?;
        Ok(Claim { memory: self.memory.clone(), resident: Arc::clone(&self.resident), run })
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.resident.give_up();
    }
}

impl Claim {
    /// The pages.
    pub fn run(&self) -> PageRun {
        self.run
    }

    /// Receives as [`Loading::receive`](crate::Loading::receive) does, into pages of this claim and
    /// into buffers.
    ///
    /// # Errors
    /// As there, and [`MemoryError::NotClaimed`] before anything is received.
    pub fn receive(
        &mut self,
        socket: impl AsFd,
        slots: &mut [Slot<'_>],
        received: &mut Bytes,
    ) -> Result<Progress, MemoryError> {
        for slot in &*slots {
            match slot {
                Slot::Bytes(_) => {}
                Slot::Pages(run) => self.check(*run)?,
            }
        }
        wire::receive(self.memory.ram(), socket, slots, received)
    }

    /// Copies `from` to `offset`, counted from the beginning of the guest's memory.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`] and [`MemoryError::NotClaimed`], with nothing written.
    pub fn write(&mut self, offset: Bytes, from: &[u8]) -> Result<(), MemoryError> {
        let span = self.memory.ram().span(offset, from.len())?;
        self.check(pages_of(&span))?;
        words::write(self.memory.ram().words(), span.start, from);
        Ok(())
    }

    /// Makes all of its pages zero.
    pub fn zero(&mut self) {
        // There are such pages, or they could not have been claimed.
        self.memory.ram().words_of(self.run).into_iter().for_each(words::clear);
    }

    /// The pages are full: vCPUs that wait for them run on. Returns how many are still missing.
    pub fn publish(mut self) -> PageCount {
        let run = std::mem::take(&mut self.run);
        self.resident.publish(run);
        self.resident.missing()
    }

    fn check(&self, run: PageRun) -> Result<(), MemoryError> {
        if self.run.encloses(run) {
            Ok(())
        } else {
            Err(MemoryError::NotClaimed { run, claim: self.run })
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.resident.unclaim(self.run);
    }
}
