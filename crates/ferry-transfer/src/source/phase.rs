//! Where a source stands.
//!
//! ```text
//!  Setup ─► PreCopy ⟲ pass n ─► Quiet ─► Stopping ─► Waiting? ─► Handing ─► Handed ─► Ended
//!    │         │                  │         │           │           │          │  (Completed)
//!    │         │                  │         │           │           │          ├─► PostCopy ⇄ Paused
//!    │         │                  │         │           │           │          │       └─► Ended
//!    └─────────┴──── Cancelled, Failed: the guest runs on here ─────┘          └─► InDoubt
//!                                                                   ▲
//!                                                the commit point ──┘
//! ```

use ferry_units::PageSet;

use super::words::Ending;

/// What the guest is stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Switch {
    /// To run at the destination with all its memory.
    StopAndCopy,
    /// To run at the destination and fetch what it lacks.
    PostCopy,
}

/// Where a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Connections are being made.
    Setup,
    /// Pages are sent while the guest runs.
    PreCopy(Pass),
    /// No page is granted any more; it is awaited that the destination has read what was sent.
    Quiet(Switch),
    /// The guest is being stopped.
    Stopping(Switch),
    /// It stands still, and somebody's word is awaited.
    Waiting(Switch),
    /// The last pages and the state cross.
    Handing(Switch, State),
    /// Everything is there; the guest is to be handed over.
    Ready(Switch),
    /// The guest is handed over, and the answer is awaited.
    Handed(Switch),
    /// The guest runs at the destination.
    PostCopy,
    /// Connections were lost in post-copy; `Handed` if it is not certain that the guest runs there.
    Paused(String),
    /// It is over.
    Ended(Ending),
}

/// How far a pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Pages are sent.
    Sending,
    /// The marks for the next one are being taken.
    Harvesting,
}

/// Whether the state of the devices is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not yet; in a post-copy it names the memory that is missing.
    Due(Option<PageSet>),
    /// It is.
    Sending,
}

/// Where a source stands, for those who watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourcePhase {
    /// Connections are being made.
    Setup,
    /// Pages are sent while the guest runs.
    PreCopy,
    /// The guest stands still, and somebody's word is awaited.
    BeforeSwitchover,
    /// The guest stands still or is about to.
    Switchover(Switch),
    /// The guest is handed over, and the answer is awaited.
    Handed(Switch),
    /// The guest runs at the destination.
    PostCopy,
    /// Connections were lost in post-copy.
    Paused,
    /// It is over.
    Ended,
}

impl Phase {
    pub(super) fn seen(&self) -> SourcePhase {
        match self {
            Self::Setup => SourcePhase::Setup,
            Self::PreCopy(_) | Self::Quiet(_) => SourcePhase::PreCopy,
            Self::Waiting(_) => SourcePhase::BeforeSwitchover,
            Self::Stopping(switch) | Self::Handing(switch, _) | Self::Ready(switch) => {
                SourcePhase::Switchover(*switch)
            }
            Self::Handed(switch) => SourcePhase::Handed(*switch),
            Self::PostCopy => SourcePhase::PostCopy,
            Self::Paused(_) => SourcePhase::Paused,
            Self::Ended(_) => SourcePhase::Ended,
        }
    }
}
