//! Guest RAM as Linux gives it.
//!
//! This is the one crate of ferry that may use `unsafe`, and what it exports is safe.

mod barrier;
mod bits;
mod cards;
mod error;
mod gate;
mod guest;
mod loading;
mod log;
#[expect(unsafe_code, reason = "maps and unmaps memory")]
mod mapping;
mod populate;
mod ram;
mod run;
mod set;
mod sparse;
mod sync;
#[cfg(test)]
mod tests;
mod wire;
mod words;
mod zero;

pub use error::{MemoryError, Task};
pub use guest::{GuestMemory, Running, Stopped};
pub use loading::Loading;
pub use log::{CardLog, DirtyLog};
pub use populate::{Populated, Population};
pub use ram::Ram;
pub use run::PageRun;
pub use set::PageSet;
pub use sparse::TouchedRuns;
pub use wire::{Keepalive, Piece, Progress, Slot, SocketTuning, Tuned};
pub use zero::{Content, Contents};
