//! The side that has the guest.

mod inputs;
mod lane;
mod phase;
mod steps;
mod verdict;
mod words;

use std::time::Duration;

use ferry_units::{Bytes, BytesPerSecond, Instant, PageCount, PageIndex, PageRun, PageSize};

use crate::error::TransferError;
use crate::estimate::Estimate;
use crate::layout::{Channel, Layout, Volume, VolumePages};
use crate::pacer::Pacer;
use crate::settings::Settings;
use crate::stats::{PassRecord, Stats};
use crate::throttle::Throttle;

use lane::{Lane, Pipe, Stage};
use phase::{Pass, Phase};
use verdict::Polish;

pub use phase::{SourcePhase, Switch};
pub use words::{Ending, Grant, Marked, Sent, SourceInput, Step, Work};

/// The most pages of a grant in pre-copy, 1 MiB: long enough that a grant costs nothing beside its
/// pages, and short enough that all channels end a pass together.
const GRANT: PageCount = PageCount(256);

/// The same in post-copy, where a channel that is busy keeps vCPUs waiting.
const POST_COPY_GRANT: PageCount = PageCount(64);

/// Pages around one that a vCPU waits for that go with it, 64 KiB: who needs one often needs the
/// next.
const NEIGHBOURS: PageCount = PageCount(16);

/// So long a pass has to have run before it says how fast pages cross.
const LEAST_TO_TELL: Duration = Duration::from_millis(100);

/// How long a destination that has everything may take to say that it is ready, or that the guest
/// runs. It has to read what is in the buffers of two sockets first, which takes seconds on a slow
/// link; one that is only silent is noticed earlier by whoever reads the connection.
const ANSWER: Duration = Duration::from_secs(30);

/// How often to look how fast the guest writes while a pass goes on.
const LOOK: Duration = Duration::from_millis(500);

/// The side that has the guest: which page crosses next, and when the guest stops.
///
/// One thread leads ([`poll`](Self::poll)), one for each channel sends ([`work`](Self::work)), and in
/// post-copy one answers requests ([`request`](Self::request)). All share the source behind a lock;
/// no call takes long. Whenever somebody has told it something, all who wait ask again.
#[derive(Clone, Debug)]
pub struct Source {
    layout: Layout,
    settings: Settings,
    phase: Phase,
    /// Pages of this pass that nobody was granted yet.
    pending: VolumePages,
    /// Pages of this pass that were marked when their turn came.
    deferred: VolumePages,
    lanes: Vec<Lane>,
    /// Urgent grants that are being sent.
    urgent: u64,
    pacer: Pacer,
    estimate: Estimate,
    throttle: Throttle,
    /// What vCPUs were last told.
    throttled: u8,
    polish: Polish,
    post_copy_wanted: bool,
    everything_there: bool,
    /// When this side last did something on its way to the hand-over.
    moved: Instant,
    /// About how large the state of the devices is.
    state: Bytes,
    /// When this pass began, and what it has sent.
    pass_began: Instant,
    pass: PassRecord,
    /// When marks were last looked at, and how many there were.
    looked_at: Instant,
    looked: PageCount,
    stats: Stats,
}

impl Source {
    /// A source that has just begun to connect.
    pub fn new(layout: Layout, settings: Settings, now: Instant) -> Self {
        Self {
            phase: Phase::Setup,
            pending: VolumePages::none(&layout),
            deferred: VolumePages::none(&layout),
            lanes: layout.channels().map(Lane::new).collect(),
            urgent: 0,
            pacer: Pacer::new(settings.bandwidth, now),
            estimate: Estimate::default(),
            throttle: Throttle::new(now),
            throttled: 0,
            polish: Polish::default(),
            post_copy_wanted: false,
            everything_there: false,
            moved: now,
            state: Bytes::ZERO,
            pass_began: now,
            pass: PassRecord::default(),
            looked_at: now,
            looked: PageCount(0),
            stats: Stats::default(),
            layout,
            settings,
        }
    }

    /// Where it stands.
    pub fn phase(&self) -> SourcePhase {
        self.phase.seen()
    }

    /// What crosses, on how many channels.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What has happened so far.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// What is still to be sent, as far as is known without looking at marks.
    pub fn remaining(&self) -> Bytes {
        let pages = self.pending.count().0 + self.deferred.count().0;
        PageCount(pages).bytes(PageSize::KIB_4)
    }

    /// How much of a volume is still to be sent, as far as is known without looking at marks.
    pub fn left_of(&self, volume: Volume) -> PageCount {
        let count = |pages: &VolumePages| pages.get(volume).map_or(0, |set| set.count().0);
        PageCount(count(&self.pending) + count(&self.deferred))
    }

    /// How much crosses in a second, at this moment: in the present pass once it has run for a
    /// while, and in those before otherwise.
    pub fn bandwidth(&self, now: Instant) -> Option<BytesPerSecond> {
        let took = now.since(self.pass_began);
        match self.phase {
            Phase::PreCopy(Pass::Sending) if took >= LEAST_TO_TELL => self.pass.bytes.per(took),
            Phase::Setup
            | Phase::PreCopy(_)
            | Phase::Quiet(_)
            | Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_)
            | Phase::Handed(_)
            | Phase::PostCopy
            | Phase::Paused(_)
            | Phase::Ended(_) => self.estimate.bandwidth(),
        }
    }

    /// How long the guest would stand still if it were stopped now, and no more were known than is.
    pub fn expected_downtime(&self, now: Instant) -> Option<Duration> {
        let crossing = Estimate::crossing(self.remaining(), self.bandwidth(now));
        (crossing < Duration::MAX).then(|| self.estimate.fixed().saturating_add(crossing))
    }

    /// How much may be sent now, if there is a limit.
    pub fn bandwidth_limit(&self) -> Option<BytesPerSecond> {
        self.settings.bandwidth
    }

    /// By how much vCPUs are slowed down so that the migration converges, in percent. That they rest
    /// for some milliseconds at the end is part of the standstill, and does not count.
    pub fn throttle(&self) -> u8 {
        self.throttle.percent()
    }

    /// Changes what is wanted. It holds at once.
    pub fn set_settings(&mut self, settings: Settings, now: Instant) {
        let post_copy = self.settings.post_copy;
        self.settings = settings;
        self.settings.post_copy = post_copy;
        self.set_pace(now);
    }

    /// Gives the migration up. The guest stays here. Nothing happens if it has failed already.
    ///
    /// # Errors
    /// [`TransferError::HandedOver`] once the guest is the destination's, or may be.
    pub fn cancel(&mut self, now: Instant) -> Result<(), TransferError> {
        match &self.phase {
            Phase::Handed(_)
            | Phase::PostCopy
            | Phase::Paused(_)
            | Phase::Ended(Ending::Completed | Ending::InDoubt(_) | Ending::Paused(_)) => {
                return Err(TransferError::HandedOver);
            }
            Phase::Setup
            | Phase::PreCopy(_)
            | Phase::Quiet(_)
            | Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_) => self.end(Ending::Cancelled, now),
            Phase::Ended(Ending::Cancelled | Ending::Failed(_)) => {}
        }
        Ok(())
    }

    /// What that channel's thread does next.
    pub fn work(&mut self, channel: Channel, now: Instant) -> Work {
        let Some(lane) = self.lanes.get(usize::from(channel.0)) else { return Work::End };
        match &self.phase {
            Phase::PreCopy(Pass::Sending) => self.pre_copy_work(channel, now),
            Phase::Handing(..) if lane.fence == 0 => self.last_work(channel, now),
            Phase::Quiet(_) => self.probe(channel),
            Phase::Setup
            | Phase::PreCopy(Pass::Harvesting)
            | Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_)
            // Until the guest runs there, pages would only keep it from that.
            | Phase::Handed(_) => Work::Wait(None),
            Phase::PostCopy => self.push(channel, now),
            Phase::Paused(_) | Phase::Ended(_) => Work::End,
        }
    }

    /// What became of a grant of that channel.
    pub fn sent(&mut self, channel: Channel, grant: &Grant, sent: &Sent, now: Instant) {
        if let Some(lane) = self.lanes.get_mut(usize::from(channel.0)) {
            lane.sends = false;
            lane.named = PageCount(lane.named.0 + sent.pages.0 + sent.zeros.0);
        }
        for run in &sent.later {
            self.deferred.insert_run(grant.volume, *run);
        }
        self.pass.pages = PageCount(self.pass.pages.0 + sent.pages.0);
        self.pass.zero_pages = PageCount(self.pass.zero_pages.0 + sent.zeros.0);
        self.pass.bytes += sent.bytes;
        self.throttle.sent(sent.bytes);
        self.moved = now;
        self.count(grant, sent, now);
    }

    /// A vCPU of the destination waits for that page: the pages to send on the urgent connection,
    /// or `None` if it is on its way already. Say [`sent_urgent`](Self::sent_urgent) afterwards.
    pub fn request(&mut self, page: PageIndex) -> Option<Grant> {
        let (Phase::PostCopy | Phase::Handed(Switch::PostCopy)) = self.phase else { return None };
        self.stats.requests += 1;
        let first = page.0 - page.0 % NEIGHBOURS.0;
        let around = PageRun::new(PageIndex(first), NEIGHBOURS);
        let memory = self.pending.get_mut(Volume::Memory)?;
        if !memory.contains(page) {
            return None;
        }
        let runs: Vec<_> = memory.runs_within(around).collect();
        for run in &runs {
            memory.remove_run(*run);
        }
        for lane in &mut self.lanes {
            lane.jump(page);
        }
        self.urgent += 1;
        Some(Grant { volume: Volume::Memory, runs, marked: Marked::None })
    }

    /// What became of an urgent grant.
    pub fn sent_urgent(&mut self, grant: &Grant, sent: &Sent, now: Instant) {
        self.urgent = self.urgent.saturating_sub(1);
        self.pacer.charge(bytes_of(&grant.runs), now);
        self.count(grant, sent, now);
    }

    fn pre_copy_work(&mut self, channel: Channel, now: Instant) -> Work {
        let lane = &mut self.lanes[usize::from(channel.0)];
        if lane.stage == Stage::Done {
            return self.probe_when_polishing(channel);
        }
        if let Some(until) = self.pacer.blocked_until(now) {
            return Work::Wait(Some(until));
        }
        let most = most(&self.pacer, GRANT);
        if lane.stage == Stage::Cold {
            if let Some((volume, runs)) = lane.take(&mut self.pending, &self.layout, most) {
                return self.grant(channel, Grant { volume, runs, marked: Marked::Later }, now);
            }
            lane.rewind(Stage::Hot);
        }
        if let Some((volume, runs)) = lane.take(&mut self.deferred, &self.layout, most) {
            return self.grant(channel, Grant { volume, runs, marked: Marked::Taken }, now);
        }
        lane.stage = Stage::Done;
        self.probe_when_polishing(channel)
    }

    /// What was sent is in the buffers of two sockets for a while. Near the end it has to be out of
    /// them before anything is decided, or the guest would stand still until it is.
    fn probe_when_polishing(&mut self, channel: Channel) -> Work {
        if self.polish.is_under_way() { self.probe(channel) } else { Work::Wait(None) }
    }

    fn probe(&mut self, channel: Channel) -> Work {
        let lane = &mut self.lanes[usize::from(channel.0)];
        match lane.pipe {
            Pipe::Filled if !lane.sends => Work::Probe { number: lane.probe(), pages: lane.named },
            Pipe::Filled | Pipe::Probed | Pipe::Empty => Work::Wait(None),
        }
    }

    /// Whether the destination has read everything that was sent.
    fn is_drained(&self) -> bool {
        self.lanes.iter().all(|lane| lane.pipe == Pipe::Empty)
    }

    /// The guest stands still: what is left, and a fence behind it.
    fn last_work(&mut self, channel: Channel, now: Instant) -> Work {
        let most = most(&self.pacer, GRANT);
        let blocked = self.pacer.blocked_until(now);
        let lane = &mut self.lanes[usize::from(channel.0)];
        if !lane.is_done(&self.pending, &self.layout) {
            if let Some(until) = blocked {
                return Work::Wait(Some(until));
            }
            if let Some((volume, runs)) = lane.take(&mut self.pending, &self.layout, most) {
                return self.grant(channel, Grant { volume, runs, marked: Marked::None }, now);
            }
        }
        lane.fence += 1;
        self.moved = now;
        Work::Fence { number: lane.fence, pages: lane.named }
    }

    fn push(&mut self, channel: Channel, now: Instant) -> Work {
        if let Some(until) = self.pacer.blocked_until(now) {
            return Work::Wait(Some(until));
        }
        let most = most(&self.pacer, POST_COPY_GRANT);
        let lane = &mut self.lanes[usize::from(channel.0)];
        for _from_here_and_from_the_start in 0..2 {
            if let Some((volume, runs)) = lane.take(&mut self.pending, &self.layout, most) {
                return self.grant(channel, Grant { volume, runs, marked: Marked::None }, now);
            }
            lane.rewind(Stage::Cold);
        }
        Work::Wait(None)
    }

    fn grant(&mut self, channel: Channel, grant: Grant, now: Instant) -> Work {
        let lane = &mut self.lanes[usize::from(channel.0)];
        (lane.sends, lane.pipe) = (true, Pipe::Filled);
        self.pacer.charge(bytes_of(&grant.runs), now);
        Work::Send(grant)
    }

    /// Takes into account what was sent of a grant, and gives back what was charged for the rest.
    fn count(&mut self, grant: &Grant, sent: &Sent, now: Instant) {
        let charged = bytes_of(&grant.runs);
        match charged.checked_sub(sent.bytes) {
            Some(too_much) => self.pacer.refund(too_much),
            None => self.pacer.charge(sent.bytes.saturating_sub(charged), now),
        }
        let stats = &mut self.stats;
        stats.pages = PageCount(stats.pages.0 + sent.pages.0);
        stats.zero_pages = PageCount(stats.zero_pages.0 + sent.zeros.0);
        match &self.phase {
            Phase::Setup
            | Phase::PreCopy(_)
            | Phase::Quiet(_)
            | Phase::Ended(Ending::Cancelled | Ending::Failed(_)) => stats.pre_copy += sent.bytes,
            Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_)
            | Phase::Handed(Switch::StopAndCopy) => stats.downtime += sent.bytes,
            Phase::Handed(Switch::PostCopy)
            | Phase::PostCopy
            | Phase::Paused(_)
            | Phase::Ended(Ending::Completed | Ending::InDoubt(_) | Ending::Paused(_)) => {
                stats.post_copy += sent.bytes;
            }
        }
    }

    /// Whether no grant is being sent.
    fn is_quiet(&self) -> bool {
        self.urgent == 0 && self.lanes.iter().all(|lane| !lane.sends)
    }

    fn set_pace(&mut self, now: Instant) {
        self.pacer.set_rate(self.pace(), now);
    }

    /// How much may be sent in a second at this moment, if that is limited.
    pub fn pace(&self) -> Option<BytesPerSecond> {
        match self.phase {
            Phase::Setup | Phase::PreCopy(_) | Phase::Quiet(_) => self.settings.bandwidth,
            Phase::Stopping(_)
            | Phase::Waiting(_)
            | Phase::Handing(..)
            | Phase::Ready(_)
            | Phase::Handed(Switch::StopAndCopy) => {
                self.settings.switchover_bandwidth.or(self.settings.bandwidth)
            }
            Phase::Handed(Switch::PostCopy)
            | Phase::PostCopy
            | Phase::Paused(_)
            | Phase::Ended(_) => self.settings.post_copy_bandwidth,
        }
    }
}

fn bytes_of(runs: &[PageRun]) -> Bytes {
    runs.iter().map(|run| run.bytes()).sum()
}

/// How many pages to grant at once.
fn most(pacer: &Pacer, most: PageCount) -> PageCount {
    match pacer.slice() {
        None => most,
        Some(slice) => PageCount(PageSize::KIB_4.pages_in(slice).0.clamp(1, most.0)),
    }
}
