//! Pages out of a connection, to where they belong.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use ferry_memory::{Arrivals, Loading, MemoryError, Slot};
use ferry_runtime::Clock;
use ferry_transfer::wire::{DecodeError, Header, RunTable, TargetMessage};
use ferry_transfer::{Channel, REGION, Receiver, TransferError, Volume};
use ferry_units::{PageCount, PageIndex, PageRun};
use thiserror::Error;

use super::news::{Line, News};
use super::requests::Requests;
use super::room::Room;
use crate::link::{Connection, LinkError};
use crate::machine::Disk;

/// From so many pages of a region on, the whole region is populated before they are received: in
/// huge pages that takes a tenth of the time that its small ones would take one by one. Fewer are
/// left alone, so that a sparse guest stays sparse.
const WORTH_A_HUGE_PAGE: PageCount = PageCount(64);

/// Why pages could not be received.
#[derive(Debug, Error)]
pub(super) enum ReceiveError {
    /// The connection failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// What comes is none of what may come.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// It cannot be put there.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A disk fails.
    #[error("disk {disk}: {source}")]
    Disk {
        /// Which one.
        disk: String,
        /// What Linux said.
        source: std::io::Error,
    },
    /// The guest was given up meanwhile.
    #[error("the guest was given up")]
    Over,
}

impl From<DecodeError> for ReceiveError {
    fn from(error: DecodeError) -> Self {
        Self::Transfer(error.into())
    }
}

/// What all receivers of a migration share.
pub(super) struct Common {
    pub(super) clock: Clock,
    pub(super) room: Arc<Room>,
    pub(super) disks: Vec<Arc<Disk>>,
    pub(super) requests: Arc<Requests>,
    pub(super) news: Sender<News>,
}

/// Receives on one connection.
pub(super) struct Lane {
    common: Arc<Common>,
    connection: Arc<Connection>,
    /// Where probes are answered.
    control: Arc<Connection>,
    receiver: Receiver,
    /// Regions that were populated.
    populated: BTreeSet<u64>,
    blocks: Vec<u8>,
}

impl Lane {
    pub(super) fn new(
        common: &Arc<Common>,
        connection: &Arc<Connection>,
        control: &Arc<Connection>,
        receiver: Receiver,
    ) -> Self {
        Self {
            common: Arc::clone(common),
            connection: Arc::clone(connection),
            control: Arc::clone(control),
            receiver,
            populated: BTreeSet::new(),
            blocks: Vec::new(),
        }
    }

    /// Receives all of a migration, until the connection ends.
    pub(super) fn receive_all(mut self, channel: Channel) {
        let result = self.load(channel);
        self.go_on(result);
    }

    /// Receives what a guest that runs lacks, until the connection ends.
    pub(super) fn receive_rest(mut self) {
        self.go_on(Ok(()));
    }

    /// Receives what the guest lacks, once it is put together and if it lacks anything.
    fn go_on(&mut self, loaded: Result<(), ReceiveError>) {
        self.receiver.guest_runs();
        let arrived = loaded.and_then(|()| match self.common.room.wait_for_arrivals() {
            Some(arrivals) => self.arrive(&arrivals),
            None => Ok(()),
        });
        if let Err(error) = arrived {
            let why = crate::migration::in_words(&error);
            // Nobody hears it if the migration is over.
            let _over = self.common.news.send(News::Lost(Line::Migration, why));
        }
    }

    /// Receives until everything is here that crosses before the guest runs.
    fn load(&mut self, channel: Channel) -> Result<(), ReceiveError> {
        let loading = self.common.room.loading().ok_or(ReceiveError::Over)?;
        let mut header = [0; Header::LENGTH];
        self.connection.read(&mut header)?;
        loop {
            match Header::decode(&header)? {
                Header::Fence { number: _, pages } => {
                    self.receiver.fence(pages)?;
                    // The memory is the guest's as soon as the leader hears of this.
                    drop(loading);
                    let _over = self.common.news.send(News::Fenced(channel));
                    return Ok(());
                }
                Header::Probe { number, pages } => {
                    self.receiver.fence(pages)?;
                    self.control.write(&TargetMessage::Echo(channel, number).encode())?;
                    self.connection.read(&mut header)?;
                }
                Header::Zeros { volume, first, more } => {
                    let runs = self.runs(first, more)?;
                    self.receiver.frame(volume, &runs)?;
                    for run in runs {
                        self.zero(&loading, volume, run)?;
                    }
                    self.connection.read(&mut header)?;
                }
                Header::Pages { volume, first, more } => {
                    let runs = self.runs(first, more)?;
                    self.receiver.frame(volume, &runs)?;
                    match volume {
                        Volume::Memory => self.memory(&loading, &runs, &mut header)?,
                        Volume::Disk(number) => {
                            self.disk(number, &runs)?;
                            self.connection.read(&mut header)?;
                        }
                    }
                }
            }
        }
    }

    /// Receives pages that a guest which runs lacks. Each is placed once, whoever brings it.
    fn arrive(&mut self, arrivals: &Arrivals) -> Result<(), ReceiveError> {
        let mut header = [0; Header::LENGTH];
        loop {
            self.connection.read(&mut header)?;
            let (runs, is_zero) = match Header::decode(&header)? {
                Header::Pages { volume, first, more } => {
                    let runs = self.runs(first, more)?;
                    self.receiver.frame(volume, &runs)?;
                    (runs, Content::Data)
                }
                Header::Zeros { volume, first, more } => {
                    let runs = self.runs(first, more)?;
                    self.receiver.frame(volume, &runs)?;
                    (runs, Content::Zero)
                }
                Header::Fence { number: _, pages } | Header::Probe { number: _, pages } => {
                    self.receiver.fence(pages)?;
                    continue;
                }
            };
            for run in runs {
                let mut claim = arrivals.claim(run)?;
                match is_zero {
                    Content::Zero => claim.zero(),
                    Content::Data => {
                        self.connection.receive(&mut claim, &mut [Slot::Pages(run)])?;
                    }
                }
                let missing = claim.publish();
                self.common.requests.arrived(run);
                if missing.0 == 0 {
                    let _over = self.common.news.send(News::AllHere);
                }
            }
        }
    }

    fn runs(&self, first: PageRun, more: u16) -> Result<Vec<PageRun>, ReceiveError> {
        if more == 0 {
            return Ok(vec![first]);
        }
        let mut table = vec![0; usize::from(more) * RunTable::ENTRY];
        self.connection.read(&mut table)?;
        Ok(RunTable::decode(first, &table)?)
    }

    /// Receives pages of memory, and the next header with them.
    fn memory(
        &mut self,
        loading: &Loading,
        runs: &[PageRun],
        header: &mut [u8],
    ) -> Result<(), ReceiveError> {
        for run in runs {
            self.populate(loading, *run)?;
        }
        let mut slots: Vec<_> = runs.iter().map(|run| Slot::Pages(*run)).collect();
        slots.push(Slot::Bytes(header));
        let mut place = loading;
        Ok(self.connection.receive(&mut place, &mut slots)?)
    }

    fn populate(&mut self, loading: &Loading, run: PageRun) -> Result<(), ReceiveError> {
        let number = run.first().0 / REGION.0;
        if run.count() < WORTH_A_HUGE_PAGE || !self.populated.insert(number) {
            return Ok(());
        }
        let ram = loading.ram();
        let first = number * REGION.0;
        let region = PageRun::of(first..(first + REGION.0).min(ram.pages().0));
        let began = self.common.clock.now();
        for step in ram.populate(region)? {
            step?;
        }
        self.common.room.add_populated(self.common.clock.now().since(began));
        Ok(())
    }

    fn disk(&mut self, number: u8, runs: &[PageRun]) -> Result<(), ReceiveError> {
        let disk = self.common.disk(number)?;
        for run in runs {
            let length = usize::try_from(run.bytes().get()).unwrap_or(usize::MAX);
            self.blocks.resize(length, 0);
            self.connection.read(&mut self.blocks)?;
            disk.write(*run, &self.blocks)
                .map_err(|source| ReceiveError::Disk { disk: disk.id().to_owned(), source })?;
        }
        Ok(())
    }

    fn zero(&self, loading: &Loading, volume: Volume, run: PageRun) -> Result<(), ReceiveError> {
        match volume {
            Volume::Memory => Ok(loading.zero(run)?),
            Volume::Disk(number) => {
                let disk = self.common.disk(number)?;
                disk.zero(run)
                    .map_err(|source| ReceiveError::Disk { disk: disk.id().to_owned(), source })
            }
        }
    }
}

/// What pages hold.
#[derive(Clone, Copy)]
enum Content {
    Zero,
    Data,
}

impl Common {
    fn disk(&self, number: u8) -> Result<&Arc<Disk>, ReceiveError> {
        let disk = self.disks.get(usize::from(number));
        disk.ok_or_else(|| {
            let run = PageRun::one(PageIndex(0));
            TransferError::Misplaced { channel: Channel(0), volume: Volume::Disk(number), run }
                .into()
        })
    }

    /// How many bytes the state of the guest's devices may have: 16 bits for each page and block,
    /// and some for the rest.
    pub(super) fn state_limit(&self) -> u32 {
        const REST: u64 = 1 << 20;
        let blocks: u64 = self.disks.iter().map(|disk| disk.blocks().0).sum();
        let entries = self.room.pages().0.saturating_add(blocks);
        u32::try_from(entries.saturating_mul(3).saturating_add(REST)).unwrap_or(u32::MAX)
    }
}
