//! What a migration refuses, and what breaks it.

use ferry_units::{Bytes, PageCount, PageRun};
use thiserror::Error;

use crate::destination::DestinationPhase;
use crate::layout::{Channel, Volume};
use crate::source::SourcePhase;
use crate::wire::DecodeError;

/// Why a migration cannot be, or cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TransferError {
    /// It is too late to give the migration up.
    #[error("the guest was handed over to the destination already")]
    HandedOver,

    /// A source was told something that it did not ask for.
    #[error("the source did not expect '{input}' in phase {phase:?}")]
    Unexpected {
        /// Where it stands.
        phase: SourcePhase,
        /// What it was told.
        input: &'static str,
    },

    /// A destination was told something that makes no sense then.
    #[error("the peer said '{input}' in phase {phase:?}")]
    OutOfTurn {
        /// Where it stands.
        phase: DestinationPhase,
        /// What it was told.
        input: &'static str,
    },

    /// Bytes that mean nothing.
    #[error("the peer does not speak the protocol of a migration")]
    Decode(#[from] DecodeError),

    /// Pages that this channel does not carry.
    #[error("{run} of {volume:?} on {channel:?}, which does not carry them")]
    Misplaced {
        /// On which channel.
        channel: Channel,
        /// Of which volume.
        volume: Volume,
        /// Which pages.
        run: PageRun,
    },

    /// Blocks of a disk, which a guest that runs already cannot be given.
    #[error("blocks of {volume:?} after the guest has begun to run")]
    TooLate {
        /// Of which volume.
        volume: Volume,
    },

    /// Frames are missing.
    #[error("{channel:?}: {named} were sent and {received} have come")]
    Miscounted {
        /// On which channel.
        channel: Channel,
        /// What the source says that it sent.
        named: PageCount,
        /// What came.
        received: PageCount,
    },
}

/// Why a guest cannot come here: it is another one than this side was started for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// Another guest.
    #[error("the guest's uuid is {theirs}, the destination was started for {ours}")]
    Uuid {
        /// The source's.
        theirs: String,
        /// Our own.
        ours: String,
    },
    /// Another amount of memory.
    #[error("the guest has {} bytes of memory, the destination {}", .theirs.get(), .ours.get())]
    Memory {
        /// The source's.
        theirs: Bytes,
        /// Our own.
        ours: Bytes,
    },
    /// Other pages.
    #[error("the source counts pages of {} bytes, the destination of {}", .theirs.get(), .ours.get())]
    PageSize {
        /// The source's.
        theirs: Bytes,
        /// Our own.
        ours: Bytes,
    },
    /// Another number of vCPUs.
    #[error("the guest has {theirs} vCPUs, the destination {ours}")]
    Cpus {
        /// The source's.
        theirs: u32,
        /// Our own.
        ours: u32,
    },
    /// Another number of disks.
    #[error("the guest has {theirs} disks, the destination {ours}")]
    DiskCount {
        /// The source's.
        theirs: usize,
        /// Our own.
        ours: usize,
    },
    /// A disk of another size, name or kind.
    #[error("disk {id} of the guest has {theirs}, the destination's has {ours}")]
    Disk {
        /// What it is called at the source.
        id: String,
        /// The source's.
        theirs: String,
        /// Our own.
        ours: String,
    },
}
