//! What the queue answers, in words that a condition can carry.

use std::fmt;

use ferry_api::kubevirt::VirtualMachineInstancePhase;
use serde::Serialize;

use super::{MigrationKey, Pending};

/// The answer to one waiting migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict<'q> {
    /// The migration.
    pub pending: &'q Pending,
    /// What it may do.
    pub decision: Decision<'q>,
}

/// Whether a migration may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Decision<'q> {
    /// It has a slot: its target pod may be made now.
    Start,
    /// It has none.
    Wait(WaitReason<'q>),
}

/// What a migration waits for. It prints as the sentence that its owner reads.
///
/// The first three concern the guest itself. A free slot would not help such a migration, so it
/// hears of the guest whatever the limits say, and it keeps nobody's place in line.
///
/// `position` counts from 1 those who compete for the very slots that are missing, in the order of
/// the line: for a slot of the cluster everybody who waits for a slot, for a slot of a node those
/// who leave that node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum WaitReason<'q> {
    /// The guest has more than one pod that still does something.
    SeveralPods {
        /// How many.
        active: u32,
    },
    /// Another migration of the same guest holds a slot.
    AnotherMigration {
        /// That one.
        migration: &'q MigrationKey,
    },
    /// The guest does not run, so there is nothing to move.
    GuestNotRunning {
        /// Its `status.phase`.
        phase: VirtualMachineInstancePhase,
    },
    /// `parallelMigrationsPerCluster` is reached.
    ClusterLimit {
        /// Of the cluster's slots.
        slots: SlotUse,
        /// 1 for who is next.
        position: u32,
    },
    /// `parallelOutboundMigrationsPerNode` is reached on the node that the guest would leave.
    NodeLimit {
        /// That node.
        node: &'q str,
        /// Of its slots.
        slots: SlotUse,
        /// 1 for who is next.
        position: u32,
    },
}

/// How far a limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SlotUse {
    /// Slots in use; more than the limit where that was lowered meanwhile, and on a node at which a
    /// guest has just arrived: it counts there too until its migration has ended.
    pub used: u32,
    /// Slots there are; none ever comes free where this is 0.
    pub limit: u32,
}

impl Decision<'_> {
    /// Whether it may start.
    pub const fn is_start(&self) -> bool {
        matches!(self, Self::Start)
    }
}

impl SlotUse {
    /// Whether no slot is free.
    pub const fn is_exhausted(self) -> bool {
        self.used >= self.limit
    }
}

impl fmt::Display for WaitReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CLUSTER: &str = "parallelMigrationsPerCluster";
        const NODE: &str = "parallelOutboundMigrationsPerNode";
        match self {
            Self::SeveralPods { active } => {
                write!(f, "waiting for all but one pod of the VM to end: {active} are active")
            }
            Self::AnotherMigration { migration } => {
                write!(f, "waiting for migration {migration} of the same VM to end")
            }
            Self::GuestNotRunning { phase: VirtualMachineInstancePhase::Unset } => {
                f.write_str("waiting for the VM to run")
            }
            Self::GuestNotRunning { phase } => {
                write!(f, "waiting for the VM to run: its phase is {phase:?}")
            }
            Self::ClusterLimit { slots: SlotUse { limit: 0, .. }, .. } => {
                write!(f, "waiting: {CLUSTER} is 0, so no migration starts")
            }
            Self::ClusterLimit { slots, position } => {
                write!(f, "waiting for a slot: {CLUSTER} {slots}, position {position} in line")
            }
            Self::NodeLimit { node, slots: SlotUse { limit: 0, .. }, .. } => {
                write!(f, "waiting: {NODE} is 0, so no migration leaves {node}")
            }
            Self::NodeLimit { node, slots, position } => {
                write!(
                    f,
                    "waiting for a slot: {NODE} {slots} on {node}, position {position} in line"
                )
            }
        }
    }
}

impl fmt::Display for SlotUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} in use", self.used, self.limit)
    }
}
