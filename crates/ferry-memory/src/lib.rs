//! Guest RAM as Linux gives it: mapped, populated, tracked, sent without copying.
//!
//! This is the one crate of ferry that may use `unsafe`, and what it exports is safe. Who may read
//! and who may write is a matter of what one holds, and what one holds says in which state the
//! guest is:
//!
//! ```text
//!  SOURCE                                            DESTINATION
//!
//!  Running ── writes, then marks ──┐                 Loading ── receives, zeroes
//!  (each vCPU)                     ▼                    │ finish()          │ finish_but(missing)
//!     ▲ enter()              ┌───────────┐              ▼                   ▼
//!     │                      │   cards   │           GuestMemory        GuestMemory + Arrivals
//!  GuestMemory ── log() ───► │ a byte    │           and Stopped        and Stopped     │ claim()
//!     │                      │ per page  │                                              ▼
//!     ▼ stop()               └─────┬─────┘                                   Claim ── receives,
//!  Stopped ── the last harvest ──► DirtyLog                                  then publish()
//!     │                            harvest()                                        │
//!     └─ as long as it exists,     │ which pages                                    ▼
//!        nothing is written        ▼                              a vCPU that waits for it runs on
//!                            Ram::send() ═════════ socket ═════════►
//!                            straight from the memfd        straight into the mapping
//! ```
//!
//! A whole pre-copy, from a guest that never stops writing until it is stopped:
//!
//! ```
//! use ferry_memory::{DirtyLog, GuestMemory, Loading, Piece, Progress, Slot};
//! use ferry_units::{Bytes, PageCount};
//! use std::os::unix::net::UnixStream;
//! use std::thread;
//!
//! let size = Bytes::from_mib(2);
//! let source = GuestMemory::create("source", size)?;
//! let target = Loading::create("target", size)?;
//! let (ours, theirs) = UnixStream::pair()?;
//!
//! let vcpu = thread::spawn({
//!     let memory = source.clone();
//!     move || {
//!         for step in 0..100_000 {
//!             let mut guest = memory.enter();
//!             guest.store(Bytes::new(step * 40 % size.get()), step).unwrap();
//!             guest.checkpoint();
//!         }
//!     }
//! });
//!
//! // Everything once, then what was written meanwhile, until little of it is left.
//! let send = |pages: &ferry_units::PageSet| {
//!     for run in pages.runs() {
//!         thread::scope(|both| {
//!             both.spawn(|| source.ram().send(&ours, &[Piece::Pages(run)], &mut Bytes::default()));
//!             target.receive(&theirs, &mut [Slot::Pages(run)], &mut Bytes::default())
//!         })
//!         .map(|progress| assert_eq!(progress, Progress::Done))?;
//!     }
//!     Ok::<(), ferry_memory::MemoryError>(())
//! };
//! let log = source.log()?;
//! let mut dirty = source.ram().all_pages();
//! while dirty.count() > PageCount(16) {
//!     send(&dirty)?;
//!     dirty = source.ram().no_pages();
//!     log.harvest(source.ram().whole(), &mut dirty)?;
//! }
//!
//! // The blackout: nothing is written while `stopped` exists, so this harvest is the last.
//! let stopped = source.stop();
//! log.harvest_stopped(&stopped, source.ram().whole(), &mut dirty)?;
//! send(&dirty)?;
//!
//! let (target, stopped_there) = target.finish();
//! let mut bytes = vec![0; 2 << 20];
//! let mut copy = bytes.clone();
//! source.ram().read(Bytes::ZERO, &mut bytes)?;
//! target.ram().read(Bytes::ZERO, &mut copy)?;
//! assert!(bytes == copy);
//! # drop((stopped, stopped_there));
//! # vcpu.join().unwrap();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Why it is sound
//!
//! A vCPU writes what an engine reads at the same time, on purpose. In Rust that is undefined
//! behaviour unless both are atomic; that the bytes are read by volatile loads, as VMMs mostly do,
//! does not change it. So guest memory is nothing but words of `AtomicU64` to this crate, and
//! whatever copies in or out does it word by word; or, where it is long, by the processor's own loop
//! behind an `asm!`, which can do nothing that such words could not, and costs
//! [no more](crate#what-it-costs) than `memcpy`. `unsafe` is confined to two modules: one maps memory
//! and copies in and out of it, one passes its addresses to `sendmsg` and `recvmsg`.
//!
//! # What it costs
//!
//! `cargo bench -p ferry-memory` compares, in one run, each of these with what it would be without:
//! reading a page with `memcpy`, a write with one that leaves no mark, sending with a plain `write`
//! from a buffer. The figures are in the crate's `README.md`.
//!
//! # What is left out
//!
//! Tracking by the kernel, for guests whose stores are not ours; [`DirtyLog`] is where it would
//! stand. `userfaultfd` for post-copy: a vCPU here asks for its pages itself, so neither a privilege
//! nor a thread that handles faults is needed. `hugetlbfs`, from which `sendfile` cannot send.

mod arrivals;
mod barrier;
mod bits;
mod cards;
mod error;
mod gate;
mod guest;
mod loading;
mod log;
#[expect(unsafe_code, reason = "maps memory, and copies as the compiler cannot")]
mod mapping;
mod populate;
mod ram;
mod resident;
mod sparse;
mod sync;
#[cfg(test)]
mod tests;
mod wire;
mod words;
mod zero;

pub use arrivals::{Arrivals, Claim};
pub use error::{MemoryError, Task};
pub use guest::{GuestMemory, Running, Stopped};
pub use loading::Loading;
pub use log::{CardLog, DirtyLog};
pub use populate::{Populated, Population};
pub use ram::Ram;
pub use sparse::TouchedRuns;
pub use wire::{Keepalive, Piece, Progress, Slot, SocketTuning, Tuned};
pub use zero::{Content, Contents};
