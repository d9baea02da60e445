//! What the leader of a migration that is awaited hears.

use std::sync::Arc;

use ferry_transfer::Channel;
use ferry_transfer::wire::{Hello, SourceMessage};

use crate::link::{Connection, Listener};

/// What the leader hears.
pub(super) enum News {
    /// Somebody has connected and said who it is.
    Arrived(Hello, Connection),
    /// The source has said something.
    Said(SourceMessage),
    /// Everything that was sent on that channel is here.
    Fenced(Channel),
    /// No page is missing any more.
    AllHere,
    /// Something is lost.
    Lost(Line, String),
    /// Somebody wants the connections cut, and says why.
    Pause(String),
    /// Somebody wants a lost post-copy to go on, and the source is going to connect here.
    Recover(Arc<Listener>),
}

/// What is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Where one could connect.
    Listener,
    /// A connection of the migration.
    Migration,
}
