//! The guest's memory and disks, as the source of a migration reads them.

use std::sync::Arc;

use ferry_memory::{CardLog, DirtyLog, GuestMemory, MemoryError, Stopped};
use ferry_transfer::{Layout, Volume, VolumePages};
use ferry_units::{PageCount, PageIndex, PageRun, PageSet};
use thiserror::Error;

use crate::machine::{Disk, DiskKind, DiskLog};

/// Why pages cannot be read.
#[derive(Debug, Error)]
pub(super) enum VolumeError {
    /// Memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A disk.
    #[error("disk {disk}: {source}")]
    Disk {
        /// Which one.
        disk: String,
        /// What Linux said.
        source: std::io::Error,
    },
}

/// The guest's memory and disks, and who follows what is written to them.
pub(super) struct Volumes {
    layout: Layout,
    memory: GuestMemory,
    log: CardLog,
    disks: Vec<(Arc<Disk>, Option<DiskLog>)>,
}

impl Volumes {
    /// Begins to follow what is written.
    pub(super) fn follow(
        layout: Layout,
        memory: &GuestMemory,
        disks: &[Arc<Disk>],
    ) -> Result<Self, VolumeError> {
        let log = memory.log()?;
        let follow = |disk: &Arc<Disk>| {
            let log = match disk.kind() {
                DiskKind::Local => Some(disk.log()),
                DiskKind::Shared => None,
            };
            (Arc::clone(disk), log)
        };
        let disks = disks.iter().map(follow).collect();
        Ok(Self { layout, memory: memory.clone(), log, disks })
    }

    pub(super) fn memory(&self) -> &GuestMemory {
        &self.memory
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The disk of that number.
    pub(super) fn disk(&self, number: u8) -> Option<&Arc<Disk>> {
        self.disks.get(usize::from(number)).map(|(disk, _)| disk)
    }

    /// Everything that holds something; what is beside it is zero at the destination too.
    pub(super) fn touched(&self) -> Result<VolumePages, VolumeError> {
        let mut pages = VolumePages::none(&self.layout);
        let ram = self.memory.ram();
        for run in ram.touched(ram.whole())? {
            pages.insert_run(Volume::Memory, run?);
        }
        for (volume, disk) in self.moving() {
            let allocated = disk.allocated();
            let allocated = allocated
                .map_err(|source| VolumeError::Disk { disk: disk.id().to_owned(), source })?;
            if let Some(set) = pages.get_mut(volume) {
                set.insert_all(&allocated);
            }
        }
        Ok(pages)
    }

    /// Takes all marks while the guest runs.
    pub(super) fn harvest(&self) -> Result<VolumePages, VolumeError> {
        self.collect(|log, run, pages| log.harvest(run, pages).map(drop))
    }

    /// Takes the last marks.
    pub(super) fn harvest_stopped(&self, stopped: &Stopped) -> Result<VolumePages, VolumeError> {
        self.collect(|log, run, pages| log.harvest_stopped(stopped, run, pages).map(drop))
    }

    /// Counts the marks.
    pub(super) fn marked(&self) -> Result<PageCount, VolumeError> {
        let mut pages = VolumePages::none(&self.layout);
        if let Some(set) = pages.get_mut(Volume::Memory) {
            self.log.peek(self.memory.ram().whole(), set)?;
        }
        for (volume, log) in self.logs() {
            if let Some(set) = pages.get_mut(volume) {
                log.peek(whole(set), set);
            }
        }
        Ok(pages.count())
    }

    /// Takes the marks of the pages of `run`, which are going to be read.
    pub(super) fn take(
        &self,
        volume: Volume,
        run: PageRun,
        into: &mut PageSet,
    ) -> Result<(), VolumeError> {
        match volume {
            Volume::Memory => self.log.harvest(run, into).map(drop)?,
            Volume::Disk(_) => {
                for (_, log) in self.logs().filter(|(each, _)| *each == volume) {
                    log.harvest(run, into);
                }
            }
        }
        Ok(())
    }

    /// Looks which pages of `run` are marked.
    pub(super) fn peek(
        &self,
        volume: Volume,
        run: PageRun,
        into: &mut PageSet,
    ) -> Result<PageCount, VolumeError> {
        Ok(match volume {
            Volume::Memory => self.log.peek(run, into)?,
            Volume::Disk(_) => {
                let mut logs = self.logs().filter(|(each, _)| *each == volume);
                logs.next().map_or(PageCount(0), |(_, log)| log.peek(run, into))
            }
        })
    }

    fn collect(
        &self,
        memory: impl Fn(&CardLog, PageRun, &mut PageSet) -> Result<(), MemoryError>,
    ) -> Result<VolumePages, VolumeError> {
        let mut pages = VolumePages::none(&self.layout);
        if let Some(set) = pages.get_mut(Volume::Memory) {
            memory(&self.log, self.memory.ram().whole(), set)?;
        }
        for (volume, log) in self.logs() {
            if let Some(set) = pages.get_mut(volume) {
                log.harvest(whole(set), set);
            }
        }
        Ok(pages)
    }

    fn logs(&self) -> impl Iterator<Item = (Volume, &DiskLog)> {
        let numbered = (1..).zip(&self.disks);
        numbered.filter_map(|(ordinal, (_, log))| Some((Volume::at(ordinal)?, log.as_ref()?)))
    }

    fn moving(&self) -> impl Iterator<Item = (Volume, &Arc<Disk>)> {
        let numbered = (1..).zip(&self.disks);
        numbered.filter_map(|(ordinal, (disk, log))| {
            log.as_ref()?;
            Some((Volume::at(ordinal)?, disk))
        })
    }
}

fn whole(set: &PageSet) -> PageRun {
    PageRun::new(PageIndex(0), set.memory())
}
