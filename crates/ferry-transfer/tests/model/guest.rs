//! A guest: volumes of pages, of which each is one number, and the marks of those that were written.

use ferry_transfer::{Layout, Volume, VolumePages};
use ferry_units::{PageCount, PageIndex, PageRun};

/// Bytes of a page in the model.
pub(crate) const CONTENT: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Motion {
    Runs,
    Still,
}

pub(crate) struct Guest {
    pub(crate) pages: Vec<Vec<u64>>,
    marks: VolumePages,
    /// Written, and not marked yet: a vCPU writes the data first.
    half: Option<(Volume, PageIndex)>,
    pub(crate) motion: Motion,
}

impl Guest {
    pub(crate) fn new(layout: &Layout, fill: impl Fn(Volume, u64) -> u64) -> Self {
        let volume = |volume| (0..layout.pages(volume).0).map(|page| fill(volume, page)).collect();
        Self {
            pages: layout.volumes().map(volume).collect(),
            marks: VolumePages::none(layout),
            half: None,
            motion: Motion::Runs,
        }
    }

    pub(crate) fn content(&self, volume: Volume, page: PageIndex) -> u64 {
        self.pages[volume.ordinal()][usize::try_from(page.0).unwrap()]
    }

    /// One half of a write: the mark of the last one, then the data of this one.
    pub(crate) fn write(&mut self, volume: Volume, page: PageIndex, value: u64) {
        if self.motion == Motion::Still {
            return;
        }
        self.mark_half();
        self.pages[volume.ordinal()][usize::try_from(page.0).unwrap()] = value;
        self.half = Some((volume, page));
    }

    /// Stops at a safe point: no write is half done.
    pub(crate) fn stop(&mut self) {
        self.mark_half();
        self.motion = Motion::Still;
    }

    fn mark_half(&mut self) {
        if let Some((volume, page)) = self.half.take() {
            self.marks.insert_run(volume, PageRun::one(page));
        }
    }

    /// The marked pages of `run`.
    pub(crate) fn marked(&self, volume: Volume, run: PageRun) -> Vec<PageRun> {
        self.marks.get(volume).unwrap().runs_within(run).collect()
    }

    /// Takes the marks of `run`.
    pub(crate) fn take(&mut self, volume: Volume, run: PageRun) -> Vec<PageRun> {
        let taken = self.marked(volume, run);
        for run in &taken {
            self.marks.get_mut(volume).unwrap().remove_run(*run);
        }
        taken
    }

    pub(crate) fn marks(&self) -> PageCount {
        self.marks.count()
    }

    /// Begins to keep marks, and says which pages hold something.
    pub(crate) fn begin(&mut self, layout: &Layout) -> VolumePages {
        self.marks = VolumePages::none(layout);
        let mut hold = VolumePages::none(layout);
        for volume in layout.volumes() {
            for page in PageRun::new(PageIndex(0), layout.pages(volume)).pages() {
                if self.content(volume, page) != 0 {
                    hold.insert_run(volume, PageRun::one(page));
                }
            }
        }
        hold
    }
}
