//! What a source and its shell say to each other. The source decides, the shell does.

use std::time::Duration;

use ferry_units::{Bytes, Instant, PageCount, PageRun, PageSet};

use crate::layout::{Channel, Volume, VolumePages};

/// What the thread that leads the migration does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Take the marks of all volumes while the guest runs; answer with
    /// [`SourceInput::Harvested`].
    Harvest,
    /// Look which pages are marked and take nothing; answer with [`SourceInput::Looked`].
    Look,
    /// Slow the vCPUs down by so many percent, 0 to 99. Nothing to answer.
    Throttle(u8),
    /// Have the guest stand still, then take the last marks; answer with [`SourceInput::Stopped`].
    StopGuest,
    /// Give up the right to write to the disks, then send the state of the devices, with the pages of memory that
    /// are missing if it is for a post-copy; answer with [`SourceInput::StateSent`].
    SendState(Option<PageSet>),
    /// Hand the guest over: tell the destination to run it. When this is carried out the guest is no
    /// longer ours; the answer, [`SourceInput::RunSent`], comes before the attempt.
    HandOver,
    /// Nothing, until something is said to the source, or until then.
    Wait(Option<Instant>),
    /// It is over, or paused.
    End(Ending),
}

impl Step {
    /// What it is called, for a log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Harvest => "harvest",
            Self::Look => "look",
            Self::Throttle(_) => "throttle",
            Self::StopGuest => "stop the guest",
            Self::SendState(_) => "send the state",
            Self::HandOver => "hand over",
            Self::Wait(_) => "wait",
            Self::End(_) => "end",
        }
    }
}

/// How a migration ended at its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The guest runs at the destination with all its memory.
    Completed,
    /// It was given up; the guest is ours.
    Cancelled,
    /// It failed; the guest is ours.
    Failed(String),
    /// It failed after the guest was handed over and before the destination answered. Whether it
    /// runs there only the destination knows; here it stays stopped.
    InDoubt(String),
    /// The connections were lost in post-copy. What the destination lacks is here.
    Paused(String),
}

/// What a thread that sends does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Send these pages, then say [`Source::sent`](crate::Source::sent).
    Send(Grant),
    /// Send a fence.
    Fence {
        /// Which one.
        number: u16,
        /// How many pages were named on this channel before.
        pages: PageCount,
    },
    /// Send a probe.
    Probe {
        /// Which one of this channel.
        number: u16,
        /// How many pages were named on this channel before.
        pages: PageCount,
    },
    /// Nothing, until something is said to the source, or until then.
    Wait(Option<Instant>),
    /// No more. The migration is over or paused.
    End,
}

/// The permission to send some pages, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Of which volume.
    pub volume: Volume,
    /// Which, in order: at most [`MAX_FRAME_PAGES`](crate::wire::MAX_FRAME_PAGES) in at most
    /// [`MAX_RUNS`](crate::wire::MAX_RUNS) runs.
    pub runs: Vec<PageRun>,
    /// What to do about pages that were written since they were granted a pass.
    pub marked: Marked,
}

/// What to do about pages that are marked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// Look at the marks first, and send only pages without: the others are being written to, and
    /// are better sent later. Name those in [`Sent::later`].
    Later,
    /// Take the marks first, and send all.
    Taken,
    /// There are none: the guest stands still.
    None,
}

/// What became of a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Pages that were sent.
    pub pages: PageCount,
    /// Pages of zeros that were named.
    pub zeros: PageCount,
    /// Bytes that went to the socket.
    pub bytes: Bytes,
    /// Pages that were not sent because they were marked.
    pub later: Vec<PageRun>,
}

/// What a source is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceInput {
    /// All connections are made and marks are being kept. These pages hold something, and the state
    /// of the devices has about so many bytes.
    Begun(VolumePages, Bytes),
    /// The marks that were taken, and how long that took.
    Harvested(VolumePages, Duration),
    /// The destination has read everything before that probe of that channel.
    Echoed(Channel, u16),
    /// How many pages are marked.
    Looked(PageCount),
    /// The guest stands still, these were the last marks, and so long it took to take them.
    Stopped(VolumePages, Duration),
    /// The state is sent.
    StateSent(Bytes),
    /// The destination has everything.
    Ready,
    /// The guest is about to be handed over.
    RunSent,
    /// The destination runs it.
    Resumed,
    /// The destination has all of its memory.
    Complete,
    /// A question and its answer took so long.
    RoundTrip(Duration),
    /// Somebody wants a post-copy as soon as it is possible.
    StartPostCopy,
    /// Somebody lets a migration go on that waits before the switch.
    Continue,
    /// Somebody gives the migration up.
    Cancel,
    /// A connection was lost, or the destination will not run the guest.
    Lost(String),
    /// New connections are made; this memory is missing at the destination.
    Recovered(PageSet),
}
