//! Which migrations hold a slot, and which stand in line for one.
//!
//! ```text
//!               no target pod                 target pod exists
//!  unset, WaitingForSync, Synchronizing
//!               not in line                   holds a slot
//!  Pending      in line                       holds a slot
//!  Scheduling … Running                       holds a slot
//!  Succeeded, Failed                          finished
//! ```
//!
//! The source half of a decentralized migration never makes a target pod, so it takes no slot
//! before `Scheduled`.

use std::str::FromStr;

use crate::SchedulerError;

/// `status.phase` of a VirtualMachineInstanceMigration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nobody has looked at it yet.
    #[default]
    Unset,
    /// The target half of a decentralized migration waits for the other cluster.
    WaitingForSync,
    /// The source half of a decentralized migration waits for the other cluster.
    Synchronizing,
    /// Waits for a slot, or for its target pod to show up.
    Pending,
    /// The target pod looks for a node and starts.
    Scheduling,
    /// The target pod is ready.
    Scheduled,
    /// The target node prepares.
    PreparingTarget,
    /// The target node listens.
    TargetReady,
    /// Memory moves.
    Running,
    /// The guest lives on the target.
    Succeeded,
    /// The guest lives where it was.
    Failed,
}

/// Which part of a migration an object stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Both ends are in this cluster.
    #[default]
    Local,
    /// The guest leaves for another cluster (`spec.sendTo`).
    DecentralizedSource,
    /// The guest arrives from another cluster (`spec.receive`).
    DecentralizedTarget,
}

/// Whether a migration's target pod is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetPod {
    /// No pod carries the migration's uid.
    #[default]
    Absent,
    /// One does.
    Present,
}

/// What a migration is to the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It neither holds a slot nor wants one yet.
    NotInLine,
    /// It waits for a slot: a [`Pending`](crate::Pending) for [`grant`](crate::grant).
    InLine,
    /// It holds a slot: a [`Running`](crate::Running) for [`grant`](crate::grant).
    HoldsSlot,
    /// It is over.
    Finished,
}

impl Standing {
    /// The standing of a migration in `phase`.
    ///
    /// A migration that is being deleted, that backs off, or that a backup or a utility volume
    /// holds up does not want a slot either; the caller knows of those and leaves them out.
    // PARITY: pkg/virt-controller/watch/migration/migration.go#findRunningMigrations
    pub const fn of(phase: Phase, role: Role, target_pod: TargetPod) -> Self {
        match (phase, role, target_pod) {
            (Phase::Succeeded | Phase::Failed, _, _) => Self::Finished,
            (
                Phase::Scheduled | Phase::PreparingTarget | Phase::TargetReady | Phase::Running,
                _,
                _,
            )
            | (Phase::Scheduling, Role::Local | Role::DecentralizedTarget, _)
            | (
                Phase::Unset
                | Phase::WaitingForSync
                | Phase::Synchronizing
                | Phase::Pending
                | Phase::Scheduling,
                _,
                TargetPod::Present,
            ) => Self::HoldsSlot,
            (Phase::Pending, Role::Local | Role::DecentralizedTarget, TargetPod::Absent) => {
                Self::InLine
            }
            (Phase::Unset | Phase::WaitingForSync | Phase::Synchronizing, _, TargetPod::Absent)
            | (Phase::Pending | Phase::Scheduling, Role::DecentralizedSource, TargetPod::Absent) => {
                Self::NotInLine
            }
        }
    }
}

impl Phase {
    /// Every phase, in the order in which a migration passes them.
    pub const ALL: [Self; 11] = [
        Self::Unset,
        Self::WaitingForSync,
        Self::Synchronizing,
        Self::Pending,
        Self::Scheduling,
        Self::Scheduled,
        Self::PreparingTarget,
        Self::TargetReady,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
    ];

    /// The name on the wire; empty while it is unset.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::WaitingForSync => "WaitingForSync",
            Self::Synchronizing => "Synchronizing",
            Self::Pending => "Pending",
            Self::Scheduling => "Scheduling",
            Self::Scheduled => "Scheduled",
            Self::PreparingTarget => "PreparingTarget",
            Self::TargetReady => "TargetReady",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }
}

impl FromStr for Phase {
    type Err = SchedulerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.name() == text)
            .ok_or_else(|| SchedulerError::UnknownPhase { given: text.to_owned() })
    }
}
