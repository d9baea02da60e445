//! What happens to a source.

use std::time::Duration;

use ferry_units::{Bytes, Instant, PageCount, PageSet, PageSize};

use crate::error::TransferError;
use crate::estimate::{Arrival, Estimate};
use crate::layout::{Volume, VolumePages};
use crate::settings::PostCopy;
use crate::stats::{MAX_PASSES, PassRecord};

use super::lane::{Lane, Stage};
use super::phase::{Pass, Phase, State};
use super::verdict::{Polish, Verdict, judge};
use super::words::{Ending, SourceInput};
use super::{Source, Switch};

impl Source {
    /// Something has happened.
    ///
    /// An answer that comes when the migration was given up meanwhile changes nothing, but for
    /// [`SourceInput::RunSent`], which then is an error: the guest must not be handed over.
    ///
    /// # Errors
    /// [`TransferError::Unexpected`] for an answer to what was not asked. Whoever sends it is
    /// broken, and the migration with it: tell the source that it is [lost](SourceInput::Lost).
    /// [`TransferError::HandedOver`] as [`cancel`](Self::cancel).
    pub fn on(&mut self, input: SourceInput, now: Instant) -> Result<(), TransferError> {
        match (&self.phase, input) {
            (Phase::Setup, SourceInput::Begun(pages, state)) => {
                self.pending = pages;
                self.state = state;
                self.begin_pass(now);
            }
            (Phase::PreCopy(Pass::Harvesting), SourceInput::Harvested(dirty, took)) => {
                self.harvested(&dirty, took, now);
            }
            (_, SourceInput::Looked(marked)) => self.looked(marked, now),
            (Phase::Stopping(switch), SourceInput::Stopped(dirty, took)) => {
                let switch = *switch;
                self.estimate.harvest(took);
                let deferred =
                    std::mem::replace(&mut self.deferred, VolumePages::none(&self.layout));
                self.pending.insert_all(&deferred);
                self.pending.insert_all(&dirty);
                // What crosses from here on is a pass too, the last.
                self.stats.pass += 1;
                self.enter(Phase::Waiting(switch), now);
            }
            // The answer may be heard before the thread that sent the state says that it did.
            (Phase::Handing(..) | Phase::Ready(_), SourceInput::StateSent(bytes)) => {
                self.stats.downtime += bytes;
                self.moved = now;
            }
            (Phase::Handing(switch, State::Sending), SourceInput::Ready) if self.all_fenced() => {
                self.enter(Phase::Ready(*switch), now);
            }
            (Phase::Ready(switch), SourceInput::RunSent) => self.handed(*switch, now),
            // Another thread may have seen the connections end before this word was read.
            (
                Phase::Handed(Switch::StopAndCopy) | Phase::Ended(Ending::InDoubt(_)),
                SourceInput::Resumed,
            ) => self.end(Ending::Completed, now),
            (Phase::Handed(Switch::PostCopy), SourceInput::Resumed) => {
                self.enter(Phase::PostCopy, now);
                if self.everything_there {
                    self.end(Ending::Completed, now);
                }
            }
            // The destination may have everything before its word that the guest runs is heard.
            (Phase::Handed(Switch::PostCopy), SourceInput::Complete) => {
                self.everything_there = true;
            }
            // The last word of a connection may be read when its loss is known already.
            (Phase::PostCopy | Phase::Paused(_), SourceInput::Complete) => {
                self.end(Ending::Completed, now);
            }
            (_, SourceInput::Echoed(channel, probe)) => {
                if let Some(lane) = self.lanes.get_mut(usize::from(channel.0)) {
                    lane.echoed(probe);
                }
            }
            (_, SourceInput::RoundTrip(took)) => self.estimate.round_trip(took),
            (Phase::Setup | Phase::PreCopy(_) | Phase::Quiet(_), SourceInput::StartPostCopy)
                if self.settings.post_copy == PostCopy::Allowed =>
            {
                self.post_copy_wanted = true;
                if self.phase == Phase::PreCopy(Pass::Sending) && self.layout.is_memory_alone() {
                    self.enter(Phase::Quiet(Switch::PostCopy), now);
                }
            }
            (Phase::Waiting(switch), SourceInput::Continue) => self.begin_handing(*switch, now),
            (_, SourceInput::Cancel) => return self.cancel(now),
            (_, SourceInput::Lost(why)) => self.lost(why, now),
            (phase, late) if comes_too_late(phase, &late) => {}
            (Phase::Paused(_), SourceInput::Recovered(missing)) => self.recovered(&missing, now),
            (_, unexpected) => {
                let phase = self.phase();
                return Err(TransferError::Unexpected { phase, input: name(&unexpected) });
            }
        }
        Ok(())
    }

    /// Whether every channel was told to send its fence.
    pub(super) fn all_fenced(&self) -> bool {
        self.lanes.iter().all(|lane| lane.fence > 0)
    }

    fn begin_pass(&mut self, now: Instant) {
        self.stats.pass += 1;
        self.pass = PassRecord { number: self.stats.pass, ..PassRecord::default() };
        self.pass_began = now;
        (self.looked, self.looked_at) = (PageCount(0), now);
        for lane in &mut self.lanes {
            lane.rewind(Stage::Cold);
        }
        self.enter(Phase::PreCopy(Pass::Sending), now);
        if self.post_copy_wanted && self.layout.is_memory_alone() {
            self.enter(Phase::Quiet(Switch::PostCopy), now);
        }
    }

    /// A pass is over, and these pages were written while it was.
    fn harvested(&mut self, dirty: &VolumePages, took: Duration, now: Instant) {
        self.estimate.harvest(took);
        let pass_took = now.since(self.pass_began);
        let arrival = if self.polish.is_under_way() { Arrival::Read } else { Arrival::Sent };
        let zeros = self.pass.zero_pages.bytes(PageSize::KIB_4);
        self.estimate.pass(self.pass.bytes, zeros, pass_took.saturating_sub(took), arrival);
        self.pending.insert_all(dirty);
        let left = self.pending.count();
        self.record(left, pass_took);
        self.note_dirty(left, now);
        let likely = self.likely_bytes(left);
        let (verdict, expected) =
            judge(&mut self.polish, likely, self.state, &self.estimate, &self.settings, now);
        self.stats.expected_downtime = Some(expected);
        if self.post_copy_wanted && self.disks_are_quiet() {
            return self.enter(Phase::Quiet(Switch::PostCopy), now);
        }
        match verdict {
            Verdict::Stop => self.enter(Phase::Quiet(Switch::StopAndCopy), now),
            Verdict::Again => self.begin_pass(now),
        }
    }

    /// How many bytes so many pages are going to take: pages of zeros take none, and there are as
    /// many among them as there were in this pass. The first says nothing of what the guest writes.
    fn likely_bytes(&self, left: PageCount) -> Bytes {
        let (pages, zeros) = (u128::from(self.pass.pages.0), u128::from(self.pass.zero_pages.0));
        if self.pass.number < 2 || pages + zeros == 0 {
            return left.bytes(PageSize::KIB_4);
        }
        let likely = (u128::from(left.0) * pages).div_ceil(pages + zeros);
        PageCount(u64::try_from(likely).unwrap_or(left.0)).bytes(PageSize::KIB_4)
    }

    fn record(&mut self, left: PageCount, took: Duration) {
        self.pass.took = took;
        self.pass.remaining = left.bytes(PageSize::KIB_4);
        self.stats.bandwidth = self.estimate.bandwidth();
        if self.stats.passes.len() < MAX_PASSES {
            self.stats.passes.push(self.pass);
        }
    }

    /// The marks in the middle of a pass: `marked` pages were written to since it began.
    fn looked(&mut self, marked: PageCount, now: Instant) {
        // Marks that were taken before a hot page was sent are not seen any more.
        let new = marked.0.saturating_sub(self.looked.0);
        self.looked = marked;
        self.throttle.dirtied(PageCount(new).bytes(PageSize::KIB_4), self.settings.throttle, now);
        self.set_dirty_rate(marked, now);
    }

    /// The marks at the end of a pass.
    fn note_dirty(&mut self, dirty: PageCount, now: Instant) {
        let new = PageCount(dirty.0.saturating_sub(self.looked.0));
        let bytes = new.bytes(PageSize::KIB_4);
        self.throttle.dirtied(bytes, self.settings.throttle, now);
        self.set_dirty_rate(dirty, now);
    }

    fn set_dirty_rate(&mut self, dirty: PageCount, now: Instant) {
        let nanos = now.since(self.pass_began).as_nanos().max(1);
        let rate = u128::from(dirty.0) * 1_000_000_000 / nanos;
        self.stats.dirty_pages_rate = PageCount(u64::try_from(rate).unwrap_or(u64::MAX));
    }

    /// Whether what is left of the disks, which a post-copy cannot fetch later, crosses within the
    /// time for which the guest may stand still.
    fn disks_are_quiet(&self) -> bool {
        let left = self.pending.on_disks().bytes(PageSize::KIB_4);
        let time = Estimate::crossing(left, self.estimate.bandwidth());
        time <= self.settings.downtime_limit
    }

    fn handed(&mut self, switch: Switch, now: Instant) {
        if switch == Switch::PostCopy {
            let missing = std::mem::replace(&mut self.deferred, VolumePages::none(&self.layout));
            self.pending.insert_all(&missing);
            for lane in &mut self.lanes {
                lane.rewind(Stage::Cold);
            }
        }
        self.enter(Phase::Handed(switch), now);
    }

    /// A connection is gone, or the destination does not want the guest.
    pub(super) fn lost(&mut self, why: String, now: Instant) {
        match self.phase {
            Phase::Setup
            | Phase::PreCopy(_)
            | Phase::Quiet(_)
            | Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_) => self.end(Ending::Failed(why), now),
            Phase::Handed(Switch::StopAndCopy) => self.end(Ending::InDoubt(why), now),
            Phase::Handed(Switch::PostCopy) | Phase::PostCopy => {
                self.enter(Phase::Paused(why), now);
            }
            Phase::Paused(_) | Phase::Ended(_) => {}
        }
    }

    /// All connections are new: only what the destination says that it lacks is to be sent.
    fn recovered(&mut self, missing: &PageSet, now: Instant) {
        self.pending = VolumePages::none(&self.layout);
        if let Some(memory) = self.pending.get_mut(Volume::Memory) {
            memory.insert_all(missing);
        }
        self.lanes = self.layout.channels().map(Lane::new).collect();
        self.urgent = 0;
        self.enter(Phase::PostCopy, now);
    }

    pub(super) fn end(&mut self, ending: Ending, now: Instant) {
        self.polish = Polish::default();
        self.enter(Phase::Ended(ending), now);
    }
}

/// Whether whoever says this could not know that things have moved on: it was given up, or it has
/// gone further, while they were at it.
fn comes_too_late(phase: &Phase, input: &SourceInput) -> bool {
    match input {
        SourceInput::Begun(..)
        | SourceInput::Harvested(..)
        | SourceInput::Stopped(..)
        | SourceInput::StateSent(_)
        | SourceInput::Ready => matches!(phase, Phase::Ended(_)),
        // Somebody has said it twice, or what was waited for is not waited for any more.
        SourceInput::Continue => !matches!(
            phase,
            Phase::Setup | Phase::PreCopy(_) | Phase::Quiet(_) | Phase::Stopping(_)
        ),
        SourceInput::StartPostCopy => {
            !matches!(phase, Phase::Setup | Phase::PreCopy(_) | Phase::Quiet(_))
        }
        SourceInput::Resumed => matches!(phase, Phase::Paused(_)),
        // Who hears that this was in vain must not hand the guest over.
        SourceInput::RunSent
        | SourceInput::Looked(_)
        | SourceInput::Echoed(..)
        | SourceInput::Complete
        | SourceInput::RoundTrip(_)
        | SourceInput::Cancel
        | SourceInput::Lost(_)
        | SourceInput::Recovered(_) => false,
    }
}

fn name(input: &SourceInput) -> &'static str {
    match input {
        SourceInput::Begun(..) => "begun",
        SourceInput::Harvested(..) => "harvested",
        SourceInput::Looked(_) => "looked",
        SourceInput::Echoed(..) => "an echo",
        SourceInput::Stopped(..) => "stopped",
        SourceInput::StateSent(_) => "the state is sent",
        SourceInput::Ready => "ready",
        SourceInput::RunSent => "run is sent",
        SourceInput::Resumed => "resumed",
        SourceInput::Complete => "complete",
        SourceInput::RoundTrip(_) => "a round trip",
        SourceInput::StartPostCopy => "start a post-copy",
        SourceInput::Continue => "continue",
        SourceInput::Cancel => "cancel",
        SourceInput::Lost(_) => "lost",
        SourceInput::Recovered(_) => "recovered",
    }
}
