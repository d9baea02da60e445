//! What crosses in a migration, and on which connection.
//!
//! Memory and the disks that move are *volumes* of pages (a disk's page is a block of 4 KiB). Each
//! volume is divided into regions of 2 MiB, and a region belongs to one channel for the whole
//! migration. TCP keeps the order within a connection, so an older content of a page cannot land
//! after a newer one, and no pass over memory has to end in a barrier across all connections.

use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet, PageSize};

/// Pages in a region: 2 MiB, a huge page.
pub const REGION: PageCount = PageCount(512);

/// The most channels of a migration.
pub const MAX_CHANNELS: u8 = 16;

/// The most disks of a guest.
pub const MAX_DISKS: usize = 64;

/// A store of pages that a guest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Volume {
    /// Its memory.
    Memory,
    /// The disk of that number, from 0.
    Disk(u8),
}

/// A connection that carries pages, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(pub u8);

/// What crosses in a migration, and on how many connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    volumes: Vec<PageCount>,
    channels: u8,
}

/// Some pages of each volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePages {
    sets: Vec<PageSet>,
}

impl Volume {
    /// Its place in a list of volumes, memory first.
    pub fn ordinal(self) -> usize {
        match self {
            Self::Memory => 0,
            Self::Disk(number) => 1 + usize::from(number),
        }
    }

    /// The volume at that place, if there may be one.
    pub fn at(ordinal: usize) -> Option<Self> {
        match ordinal.checked_sub(1) {
            None => Some(Self::Memory),
            Some(disk) if disk < MAX_DISKS => u8::try_from(disk).ok().map(Self::Disk),
            Some(_) => None,
        }
    }
}

impl Layout {
    /// A guest with so much memory and disks of that many blocks, of which a disk that does not
    /// move (a shared one) has none; on that many channels, at least one and at most
    /// [`MAX_CHANNELS`]. Disks beyond [`MAX_DISKS`] do not count.
    pub fn new(memory: PageCount, disks: &[PageCount], channels: u8) -> Self {
        let disks = disks.iter().take(MAX_DISKS);
        let volumes = std::iter::once(&memory).chain(disks).copied().collect();
        Self { volumes, channels: channels.clamp(1, MAX_CHANNELS) }
    }

    /// How many pages of memory there are.
    pub fn memory(&self) -> PageCount {
        self.pages(Volume::Memory)
    }

    /// How many pages of that volume cross; none of one that is not there.
    pub fn pages(&self, volume: Volume) -> PageCount {
        self.volumes.get(volume.ordinal()).copied().unwrap_or(PageCount(0))
    }

    /// The volumes, memory first.
    pub fn volumes(&self) -> impl Iterator<Item = Volume> + '_ {
        (0..self.volumes.len()).filter_map(Volume::at)
    }

    /// The channels.
    pub fn channels(&self) -> impl Iterator<Item = Channel> + use<> {
        (0..self.channels).map(Channel)
    }

    /// How many channels there are.
    pub fn channel_count(&self) -> usize {
        usize::from(self.channels)
    }

    /// Which channel carries that page.
    pub fn channel_of(&self, volume: Volume, page: PageIndex) -> Channel {
        // The volume shifts it, so that the first regions of all disks do not meet on one channel.
        let number = page.0 / REGION.0 + volume.ordinal() as u64;
        let channel = number % u64::from(self.channels);
        Channel(u8::try_from(channel).expect("it is less than the number of channels"))
    }

    /// Whether the pages of `run` are there and all belong to that channel.
    pub fn carries(&self, channel: Channel, volume: Volume, run: PageRun) -> bool {
        let whole = PageRun::new(PageIndex(0), self.pages(volume));
        whole.encloses(run)
            && regions(run).all(|part| self.channel_of(volume, part.first()) == channel)
    }

    /// Whether no disk crosses.
    pub(crate) fn is_memory_alone(&self) -> bool {
        self.volumes.iter().skip(1).all(|pages| pages.0 == 0)
    }

    /// How much there is in all.
    pub fn bytes(&self) -> Bytes {
        let pages = self.volumes.iter().map(|pages| pages.0).sum();
        PageCount(pages).bytes(PageSize::KIB_4)
    }
}

/// `run` in pieces that do not reach from one region into the next.
pub(crate) fn regions(run: PageRun) -> impl Iterator<Item = PageRun> {
    let mut rest = run.numbers();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = ((rest.start / REGION.0 + 1) * REGION.0).min(rest.end);
        let piece = PageRun::of(rest.start..end);
        rest.start = end;
        Some(piece)
    })
}

impl VolumePages {
    /// No pages of a guest with that layout.
    pub fn none(layout: &Layout) -> Self {
        Self { sets: layout.volumes.iter().map(|pages| PageSet::empty(*pages)).collect() }
    }

    /// All of them.
    pub fn all(layout: &Layout) -> Self {
        Self { sets: layout.volumes.iter().map(|pages| PageSet::full(*pages)).collect() }
    }

    /// Those of a volume, if there is one.
    pub fn get(&self, volume: Volume) -> Option<&PageSet> {
        self.sets.get(volume.ordinal())
    }

    /// Those of a volume, to change them.
    pub fn get_mut(&mut self, volume: Volume) -> Option<&mut PageSet> {
        self.sets.get_mut(volume.ordinal())
    }

    /// Those of memory.
    pub fn memory(&self) -> &PageSet {
        &self.sets[0]
    }

    /// How many there are in all.
    pub fn count(&self) -> PageCount {
        PageCount(self.sets.iter().map(|set| set.count().0).sum())
    }

    /// How many there are outside of memory.
    pub fn on_disks(&self) -> PageCount {
        PageCount(self.sets.iter().skip(1).map(|set| set.count().0).sum())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.iter().all(PageSet::is_empty)
    }

    /// Adds those of `other`, which has the same layout.
    pub fn insert_all(&mut self, other: &Self) {
        for (mine, theirs) in self.sets.iter_mut().zip(&other.sets) {
            mine.insert_all(theirs);
        }
    }

    /// Adds the pages of `run`.
    pub fn insert_run(&mut self, volume: Volume, run: PageRun) {
        if let Some(set) = self.get_mut(volume) {
            set.insert_run(run);
        }
    }

    /// Takes the memory away: what remains are disks.
    pub(crate) fn take_memory(&mut self) -> PageSet {
        let none = PageSet::empty(self.sets[0].memory());
        std::mem::replace(&mut self.sets[0], none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, count: u64) -> PageRun {
        PageRun::new(PageIndex(first), PageCount(count))
    }

    #[test]
    fn a_region_belongs_to_one_channel_and_all_channels_have_some() {
        let layout = Layout::new(PageCount(512 * 8), &[PageCount(100)], 3);
        for (volume, page, channel) in [
            (Volume::Memory, 0, 0),
            (Volume::Memory, 511, 0),
            (Volume::Memory, 512, 1),
            (Volume::Memory, 1535, 2),
            (Volume::Memory, 1536, 0),
            (Volume::Disk(0), 0, 1),
        ] {
            assert_eq!(
                layout.channel_of(volume, PageIndex(page)),
                Channel(channel),
                "{volume:?} {page}"
            );
        }
    }

    #[test]
    fn a_channel_carries_its_own_pages_only() {
        let layout = Layout::new(PageCount(2000), &[PageCount(0), PageCount(10)], 2);
        for (channel, volume, pages, carries) in [
            (0, Volume::Memory, run(0, 512), true),
            (0, Volume::Memory, run(0, 513), false),
            (1, Volume::Memory, run(0, 1), false),
            (1, Volume::Memory, run(1536, 464), true),
            (1, Volume::Memory, run(1536, 465), false),
            (1, Volume::Disk(0), run(0, 1), false),
            (0, Volume::Disk(1), run(0, 10), true),
            (0, Volume::Disk(1), run(0, 11), false),
            (0, Volume::Disk(2), run(0, 1), false),
            (0, Volume::Memory, run(u64::MAX, 1), true),
        ] {
            let carried = layout.carries(Channel(channel), volume, pages);
            assert_eq!(carried, carries, "{channel} {volume:?} {pages}");
        }
    }

    #[test]
    fn there_is_at_least_one_channel_and_not_too_many() {
        for (asked, got) in [(0, 1), (1, 1), (16, 16), (255, 16)] {
            assert_eq!(Layout::new(PageCount(1), &[], asked).channel_count(), got);
        }
    }
}
