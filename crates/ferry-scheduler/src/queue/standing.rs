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

use ferry_api::kubevirt::MigrationPhase as Phase;

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
