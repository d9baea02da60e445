//! What a node knows of a guest, in the cluster's words. Whoever keeps the guests writes it anew
//! whenever it changes; nothing in it is a memory of what was reported before.

use core::net::IpAddr;

use ferry_units::WallTime;
use serde::{Deserialize, Serialize};

/// A guest on this node. Each pod has one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestReport {
    /// The uid of the pod that it is in.
    pub pod_uid: String,
    /// What it does.
    pub state: GuestState,
    /// The migration that it is in, or was in last.
    pub migration: Option<MigrationReport>,
}

/// What a guest does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GuestState {
    /// Its process is being started, or does not answer yet.
    Starting,
    /// It waits for a guest that comes from another node. Nothing runs.
    Waiting,
    /// It runs.
    Running,
    /// It stands still, and nothing of a migration is the reason.
    Paused,
    /// It stands still because its memory crosses, or has crossed: until it has been found out who
    /// runs it, nobody does.
    Held,
    /// Its process is gone, or runs nothing and never will again.
    Ended(GuestEnd),
}

/// How a guest has ended on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestEnd {
    /// It was asked to shut down, or shut itself down.
    ShutDown,
    /// It has crashed, panicked, or was killed by somebody else.
    Crashed {
        /// In a sentence.
        why: String,
    },
    /// It could not be started.
    NotStarted {
        /// In a sentence; it says what to do.
        why: String,
    },
    /// It runs on another node now.
    Moved,
    /// It did not come: what waited for it is not needed any more.
    NeverCame {
        /// In a sentence.
        why: String,
    },
    /// Its memory is torn between two nodes and cannot be brought together again.
    Torn {
        /// In a sentence.
        why: String,
    },
}

/// A guest's part in a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationReport {
    /// It leaves this node.
    Leaving(Leaving),
    /// It comes to this node.
    Arriving(Arriving),
}

/// A guest that leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// The uid of the migration.
    pub migration_uid: String,
    /// Since when its memory crosses; nothing as long as it does not.
    pub started: Option<WallTime>,
    /// How it moves.
    pub mode: MigrationMode,
    /// How it has ended, if it has.
    pub end: Option<LeavingEnd>,
    /// Whether it was asked to stay, and could not be kept: it is in post-copy.
    pub abort_failed: bool,
}

/// How a guest moves (`status.migrationState.mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MigrationMode {
    /// It runs where it was.
    PreCopy,
    /// It was suspended so that the rest can cross.
    Paused,
    /// It runs at the target and fetches its memory.
    PostCopy,
}

/// How leaving has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeavingEnd {
    /// The target has the guest and all of its memory.
    Completed {
        /// When.
        at: WallTime,
    },
    /// The guest is still here.
    Failed {
        /// `status.migrationState.failureReason`.
        reason: String,
        /// When.
        at: WallTime,
        /// Whether somebody, or the monitor, has called it off: `abortStatus` is `Succeeded` then.
        aborted: bool,
    },
}

/// A guest that comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arriving {
    /// The uid of the migration.
    pub migration_uid: String,
    /// Where its memory is to be sent, once that is known.
    pub listening: Option<Listening>,
    /// Since when the guest runs here, if it does. In post-copy it lacks memory then.
    pub resumed: Option<WallTime>,
    /// Since when all of it is here, if it is.
    pub completed: Option<WallTime>,
    /// Why it cannot come, if it cannot.
    pub failure: Option<String>,
}

/// Where a target listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listening {
    /// The address that the source connects to.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
}
