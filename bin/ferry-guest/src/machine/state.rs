//! The device state: everything about a guest that is neither memory nor disks, as bytes.
//!
//! ```text
//!   magic, version, seed, pages of memory, vCPUs, disks, blocks of each
//!   workload as text, pages to fill at boot
//!   for each vCPU: seven words of progress
//!   the table of pages, the table of blocks of each disk
//! ```
//!
//! It is written while nobody runs, so it must be quick: the tables are most of it, and cost some
//! 0.2 ms for each GiB. It comes from another process, so whatever it says is checked; what it counts is
//! compared with what is here, and nothing is allocated by a number from it.

use ferry_qmp::words::Workload;
use ferry_qmp::{WorkloadText, parse_workload};
use ferry_units::PageCount;

use super::coding::{Reader, StateError, Writer};
use super::error::MachineError;
use super::pattern::Lane;
use super::progress::Progress;
use super::table::Table;
use super::workload::{Limits, check};

const MAGIC: &[u8; 8] = b"ferry-vm";
const VERSION: u32 = 1;

/// More than the longest workload that is accepted.
const LONGEST_WORKLOAD: u32 = 1 << 20;

/// How a guest is made, which both sides of a migration must agree on.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) memory: PageCount,
    pub(crate) cpus: u32,
    /// The blocks of each disk.
    pub(crate) disks: Vec<PageCount>,
}

/// What travels.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) workload: Workload,
    pub(crate) fill: PageCount,
    /// Of each vCPU.
    pub(crate) progress: Vec<Progress>,
    pub(crate) pages: Table,
    pub(crate) blocks: Vec<Table>,
}

/// A state that is to be written.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub(crate) seed: u64,
    pub(crate) workload: &'a Workload,
    pub(crate) fill: PageCount,
    pub(crate) progress: &'a [Progress],
    pub(crate) pages: &'a Table,
    pub(crate) blocks: &'a [Table],
}

impl View<'_> {
    /// Appends the state.
    pub(crate) fn save(&self, into: &mut Vec<u8>) {
        let mut writer = Writer::new(into);
        writer.bytes(MAGIC);
        writer.u32(VERSION);
        writer.u64(self.seed);
        writer.u64(self.pages.len());
        writer.u64(self.progress.len() as u64);
        writer.u64(self.blocks.len() as u64);
        for table in self.blocks {
            writer.u64(table.len());
        }
        writer.text(&WorkloadText(self.workload).to_string());
        writer.u64(self.fill.get());
        for progress in self.progress {
            for word in progress.words() {
                writer.u64(word);
            }
        }
        self.pages.save(&mut writer);
        for table in self.blocks {
            table.save(&mut writer);
        }
    }
}

impl State {
    /// Reads the state of a guest that is made like `shape`, and nothing behind it.
    ///
    /// # Errors
    /// [`StateError`] for what is no such state, and a
    /// [`WorkloadError`](super::WorkloadError) for a workload that no guest like this has.
    pub(crate) fn restore(bytes: &[u8], shape: &Shape) -> Result<Self, MachineError> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(StateError::Malformed { what: "its beginning" }.into());
        }
        let found = reader.u32()?;
        if found != VERSION {
            return Err(StateError::Version { found, known: VERSION }.into());
        }
        let seed = reader.u64()?;
        reader.same("pages of memory", shape.memory.get())?;
        reader.same("vCPUs", shape.cpus.into())?;
        reader.same("disks", shape.disks.len() as u64)?;
        for blocks in &shape.disks {
            reader.same("blocks of a disk", blocks.get())?;
        }
        let text = reader.text(LONGEST_WORKLOAD, "the workload")?;
        let workload =
            parse_workload(text).map_err(|_| StateError::Malformed { what: "the workload" })?;
        let Shape { memory, cpus, ref disks } = *shape;
        check(&workload, Limits { memory, cpus, disks: disks.len() })?;
        let fill = PageCount(reader.u64()?);
        if fill > memory {
            return Err(StateError::Malformed { what: "what is filled at boot" }.into());
        }
        let lanes = (0..cpus).map(|cpu| Lane { cpu, cpus });
        let progress = lanes.map(|lane| progress(&mut reader, lane.count(fill.get())));
        let progress = progress.collect::<Result<Vec<_>, _>>()?;
        let pages = Table::restore(memory, &mut reader)?;
        let blocks = disks.iter().map(|count| Table::restore(*count, &mut reader));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        if !reader.is_at_its_end() {
            return Err(StateError::Malformed { what: "its end" }.into());
        }
        Ok(Self { seed, workload, fill, progress, pages, blocks })
    }
}

fn progress(reader: &mut Reader<'_>, to_fill: u64) -> Result<Progress, StateError> {
    let mut words = [0; Progress::WORDS];
    for word in &mut words {
        *word = reader.u64()?;
    }
    let progress = Progress::from_words(words);
    // Of these a vCPU takes differences.
    let fits = progress.filled <= to_fill && progress.began <= progress.time;
    // And these only grow; half of all numbers are enough for centuries.
    let counts = [progress.time, progress.written, progress.disk_written];
    if fits && counts.iter().all(|count| *count < u64::MAX / 2) {
        Ok(progress)
    } else {
        Err(StateError::Malformed { what: "the progress of a vCPU" })
    }
}

#[cfg(test)]
mod tests;
