//! One channel's walk over its regions.

use ferry_units::{PageCount, PageIndex, PageRun};

use crate::layout::{Channel, Layout, REGION, Volume, VolumePages};
use crate::wire::MAX_RUNS;

/// One channel: where it is in its walk, and what it has sent.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    channel: Channel,
    volume: usize,
    /// The region that is looked at next.
    region: u64,
    pub(super) stage: Stage,
    /// Whether a grant is being sent.
    pub(super) sends: bool,
    /// The last fence that was sent.
    pub(super) fence: u16,
    /// Pages that were named since the connection was made.
    pub(super) named: PageCount,
    /// Whether the destination has read what was sent.
    pub(super) pipe: Pipe,
    /// The last probe that was sent.
    probe: u16,
}

/// Whether the destination has read what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pipe {
    /// It has, all of it.
    Empty,
    /// It was asked to say when it has.
    Probed,
    /// That is not known.
    Filled,
}

/// Which pages of a pass are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Those that nobody has written to since.
    Cold,
    /// Those that somebody has.
    Hot,
    /// All are sent.
    Done,
}

impl Lane {
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            volume: 0,
            region: 0,
            stage: Stage::Done,
            sends: false,
            fence: 0,
            named: PageCount(0),
            pipe: Pipe::Empty,
            probe: 0,
        }
    }

    /// Begins another walk.
    pub(super) fn rewind(&mut self, stage: Stage) {
        (self.volume, self.region, self.stage) = (0, 0, stage);
    }

    /// Asks the destination to say when it has read what was sent; the number of the question.
    pub(super) fn probe(&mut self) -> u16 {
        self.probe = self.probe.wrapping_add(1);
        self.pipe = Pipe::Probed;
        self.probe
    }

    /// The destination has read everything before that probe.
    pub(super) fn echoed(&mut self, probe: u16) {
        if self.pipe == Pipe::Probed && probe == self.probe {
            self.pipe = Pipe::Empty;
        }
    }

    /// Whether the walk is at its end.
    pub(super) fn is_done(&mut self, pages: &VolumePages, layout: &Layout) -> bool {
        while let Some(volume) = self.volume_here(layout) {
            let Some(set) = pages.get(volume) else { return true };
            while let Some(region) = self.region_here(layout, volume) {
                if set.runs_within(region).next().is_some() {
                    return false;
                }
                self.region += 1;
            }
            (self.volume, self.region) = (self.volume + 1, 0);
        }
        true
    }

    /// Goes on near that page of memory.
    pub(super) fn jump(&mut self, page: PageIndex) {
        (self.volume, self.region) = (0, page.0 / REGION.0);
    }

    /// Takes the next pages of this channel out of `pages`, at most so many, all of one volume;
    /// `None` at the end of the walk.
    pub(super) fn take(
        &mut self,
        pages: &mut VolumePages,
        layout: &Layout,
        most: PageCount,
    ) -> Option<(Volume, Vec<PageRun>)> {
        let mut left = most.0.max(1);
        let mut taken = Vec::new();
        while let Some(volume) = self.volume_here(layout) {
            let set = pages.get_mut(volume)?;
            while let Some(region) = self.region_here(layout, volume) {
                let more = MAX_RUNS - taken.len();
                let before = taken.len();
                for run in set.runs_within(region).take(more) {
                    if left == 0 {
                        break;
                    }
                    let run = PageRun::new(run.first(), PageCount(run.count().0.min(left)));
                    left -= run.count().0;
                    taken.push(run);
                }
                for run in &taken[before..] {
                    set.remove_run(*run);
                }
                if left == 0 || taken.len() == MAX_RUNS {
                    return Some((volume, taken));
                }
                self.region += 1;
            }
            (self.volume, self.region) = (self.volume + 1, 0);
            if !taken.is_empty() {
                return Some((volume, taken));
            }
        }
        None
    }

    fn volume_here(&self, layout: &Layout) -> Option<Volume> {
        layout.volumes().nth(self.volume)
    }

    /// The next region of this channel, from the one that is looked at.
    fn region_here(&mut self, layout: &Layout, volume: Volume) -> Option<PageRun> {
        let pages = layout.pages(volume).0;
        loop {
            let first = self.region * REGION.0;
            if first >= pages {
                return None;
            }
            if layout.channel_of(volume, PageIndex(first)) == self.channel {
                return Some(PageRun::of(first..(first + REGION.0).min(pages)));
            }
            self.region += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn all_channels_together_take_every_page_once(
            memory in 1..3000_u64,
            disks in prop::collection::vec(0..1500_u64, 0..3),
            channels in 1..5_u8,
            most in 1..600_u64,
            holes in prop::collection::vec((0..3000_u64, 1..700_u64), 0..6),
        ) {
            let disks: Vec<_> = disks.into_iter().map(PageCount).collect();
            let layout = Layout::new(PageCount(memory), &disks, channels);
            let mut pages = VolumePages::all(&layout);
            for (first, count) in holes {
                let hole = PageRun::new(PageIndex(first), PageCount(count));
                pages.get_mut(Volume::Memory).unwrap().remove_run(hole);
            }
            let mut expected = pages.clone();
            for channel in layout.channels() {
                let mut lane = Lane::new(channel);
                lane.rewind(Stage::Cold);
                while let Some((volume, runs)) = lane.take(&mut pages, &layout, PageCount(most)) {
                    prop_assert!(!runs.is_empty() && runs.len() <= MAX_RUNS);
                    prop_assert!(runs.iter().map(|run| run.count().0).sum::<u64>() <= most);
                    for run in runs {
                        prop_assert!(layout.carries(channel, volume, run));
                        let set = expected.get_mut(volume).unwrap();
                        prop_assert_eq!(set.runs_within(run).collect::<Vec<_>>(), [run]);
                        set.remove_run(run);
                    }
                }
            }
            prop_assert!(pages.is_empty() && expected.is_empty());
        }
    }

    #[test]
    fn a_walk_goes_on_where_it_is_sent() {
        let layout = Layout::new(PageCount(512 * 6), &[], 2);
        let mut pages = VolumePages::all(&layout);
        let mut lane = Lane::new(Channel(1));
        lane.jump(PageIndex(512 * 2 + 7));
        let (_, runs) = lane.take(&mut pages, &layout, PageCount(4)).unwrap();
        assert_eq!(runs, [PageRun::new(PageIndex(512 * 3), PageCount(4))]);
    }
}
