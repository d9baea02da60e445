//! Which page of a guest crosses next, how it is framed, and what each side of a migration may do.
//!
//! This is the part of a live migration that decides. It opens no socket, starts no thread, reads no
//! clock and sees no content of a page: it hands out *permissions* to send runs of pages, and whoever
//! uses it moves the bytes. So it fits around any virtual machine monitor that can say which pages
//! were written, and can be tried in every order in which threads may meet.
//!
//! ```text
//!  SOURCE                                                        DESTINATION
//!
//!  Setup                     connections, Offer ─────────────►   Offered
//!    │ Begun                         ◄───────────── Accept          │ Connected
//!  PreCopy ⟲                 pages, pass after pass ═════════►   Loading ⟲
//!    │ little is left, or a post-copy is wanted                     │
//!  Switchover                what is left, a fence on each ══►      │
//!    │ the guest stands      channel, State ─────────────────►   Loaded
//!    │ still                         ◄────────────── Ready       Ready
//!  ──┼── the commit point ── Run ────────────────────────────►      │
//!  Handed                            ◄──────────── Resumed       Completed │ Running
//!    │                                                                     │
//!    ├─ Completed                                                          │
//!    └─ PostCopy ⇄ Paused    what is missing, and what is asked ══►     ⇄ Paused
//!         └─ Completed               ◄─────────── Complete          Completed
//! ```
//!
//! # Who does what
//!
//! | thread | asks | does |
//! |---|---|---|
//! | leader of the source | [`Source::poll`] | takes marks, stops the guest, sends its state, hands it over |
//! | one for each channel | [`Source::work`] | sends pages, then says [`Source::sent`] |
//! | one for requests, in post-copy | [`Source::request`] | sends what a vCPU waits for, on a connection of its own |
//! | one that hears the destination | | tells [`Source::on`] |
//! | one for each channel, there | [`Receiver`] | puts pages where they belong |
//! | whoever there hears of something | [`Destination::on`] | does the [`Effect`] |
//!
//! The source and the destination are each behind a lock. No call takes long, and whenever something
//! was said all who wait ask again.
//!
//! # What holds, whatever happens
//!
//! * **At most one guest runs.** The destination says `Ready` when every page is there and counted; the
//!   source's `Run` is the commit point. Before it the source may always take the guest back, and after
//!   it never does: if no `Resumed` comes, the end is [`Ending::InDoubt`] and the guest stands still
//!   until somebody has asked the destination. After `Run` in a post-copy the migration waits as
//!   [`Ending::Paused`] for new connections. If `Run` itself was lost the destination has failed and
//!   refuses a recovery: this too is a doubt that only the destination can end.
//! * **Order replaces barriers.** A region of 2 MiB crosses on the same channel for the whole migration,
//!   and a connection keeps its order, so no old content lands on a new one, and passes need no barrier
//!   to be right. A fence is only at the very end. Shortly before it a pass does wait until it was read
//!   ([`Work::Probe`]), for what is in the buffers of sockets would be a part of the blackout.
//! * **A page crosses at most once in a pass, and once after a switch to post-copy.** Who was written
//!   to since the pass began goes last. A recovery sends again only what had not arrived.
//! * **It ends.** A guest that writes nothing any more crosses within one more pass.
//! * **A peer that lies** gets an error. Nothing it sends makes this side panic or keep more than a
//!   small and constant amount (see [`wire`]).
//!
//! # What the shell has to do for that
//!
//! * A vCPU writes the data first and the mark second. Who sends takes or looks at the marks first and
//!   reads the page second; the page may be read as late as the kernel likes.
//! * [`Step::StopGuest`]: the vCPUs stand still, *then* the last marks are taken.
//! * [`SourceInput::RunSent`] comes before `Run` is written, and `Run` is written only if that was `Ok`.
//! * [`Step::SendState`] comes when the source has given up its disks, and the destination says
//!   [`DestinationInput::Loaded`] when it has them.
//! * The last word is read before connections are closed: a destination leaves them open after
//!   `Resumed` and `Complete` until the source has closed them.
//! * Behind its fence a connection carries only memory that the destination lacks, and perhaps before
//!   `Run` is heard: [`Receiver::guest_runs`] at the fence. [`DestinationInput::AllHere`] is for a guest
//!   that runs, so the shell looks at what is missing when it lets it run, too.
//! * Before [`SourceInput::Recovered`] and [`DestinationInput::Recovered`] all threads of the old
//!   connections have ended, and the leader asks for no step until the source has heard what is missing.
//!
//! # An example
//!
//! All of a guest's threads in one; `examples/pipes` has them all, and the bytes too.
//!
//! ```
//! use ferry_transfer::{
//!     Channel, Destination, DestinationInput as Told, Effect, Ending, Layout, Sent, Settings, Source,
//!     SourceInput as Input, Step, Switch, VolumePages, Work,
//! };
//! use ferry_units::{Bytes, Instant, PageCount};
//! use std::time::Duration;
//!
//! let (now, took) = (Instant::from_nanos(0), Duration::ZERO);
//! let layout = Layout::new(PageCount(2048), &[], 1);
//! let mut source = Source::new(layout.clone(), Settings::default(), now);
//! let mut destination = Destination::new(&layout);
//! destination.on(Told::Connected)?;
//! source.on(Input::Begun(VolumePages::all(&layout), Bytes::ZERO), now)?;
//! let mut crossed = PageCount(0);
//! let ending = loop {
//!     // Nobody writes to this guest, so there are no marks to take.
//!     let marks = VolumePages::none(&layout);
//!     match source.poll(now) {
//!         Step::Harvest => source.on(Input::Harvested(marks, took), now)?,
//!         Step::StopGuest => source.on(Input::Stopped(marks, took), now)?,
//!         Step::SendState(_) => {
//!             assert_eq!(destination.on(Told::State(Switch::StopAndCopy))?, Effect::None);
//!         }
//!         Step::HandOver => {
//!             source.on(Input::RunSent, now)?;
//!             assert_eq!(destination.on(Told::Run)?, Effect::Run(Switch::StopAndCopy));
//!             source.on(Input::Resumed, now)?;
//!         }
//!         Step::End(ending) => break ending,
//!         Step::Look | Step::Throttle(_) | Step::Wait(_) => match source.work(Channel(0), now) {
//!             Work::Send(grant) => {
//!                 let pages = PageCount(grant.runs.iter().map(|run| run.count().0).sum());
//!                 crossed = PageCount(crossed.0 + pages.0);
//!                 let sent = Sent { pages, ..Sent::default() };
//!                 source.sent(Channel(0), &grant, &sent, now);
//!             }
//!             Work::Fence { pages, .. } => {
//!                 assert_eq!(pages, crossed);
//!                 assert_eq!(destination.on(Told::Fenced(Channel(0)))?, Effect::Load(Switch::StopAndCopy));
//!                 assert_eq!(destination.on(Told::Loaded)?, Effect::SayReady);
//!                 source.on(Input::Ready, now)?;
//!             }
//!             Work::Probe { number, .. } => source.on(Input::Echoed(Channel(0), number), now)?,
//!             Work::Wait(_) | Work::End => {}
//!         },
//!     }
//! };
//! assert_eq!((ending, crossed), (Ending::Completed, PageCount(2048)));
//! # Ok::<(), ferry_transfer::TransferError>(())
//! ```

mod destination;
mod error;
mod estimate;
mod layout;
mod pacer;
mod settings;
mod source;
mod stats;
mod throttle;
pub mod wire;

pub use destination::{
    Destination, DestinationInput, DestinationPhase, Effect, Hardware, Receiver,
};
pub use error::{Mismatch, TransferError};
pub use layout::{Channel, Layout, MAX_CHANNELS, MAX_DISKS, REGION, Volume, VolumePages};
pub use settings::{BeforeSwitchover, PostCopy, Settings};
pub use source::{
    Ending, Grant, Marked, Sent, Source, SourceInput, SourcePhase, Step, Switch, Work,
};
pub use stats::{MAX_PASSES, PassRecord, Stats};
pub use throttle::{Tail, ThrottleSettings};
