//! Which node takes a guest, and which waiting migration may start.

use std::collections::BTreeMap;

mod error;
mod placement;
mod queue;

pub use error::SchedulerError;
pub use placement::{
    Arrival, ClusterSnapshot, Cordon, CpuAllocationRatio, Demand, DroppedPair, Filter, GuestSize,
    Hardware, LabelCondition, LabelRequirement, LabelSelector, MemoryOvercommit, MilliCpu,
    NameRequirement, NamespaceScope, Node, NodeAffinity, NodeHealth, NodeTerm, PlacedPod,
    Placement, PodAffinity, PodKey, PodTerm, PreferredTerm, Reason, Refusals, Resources, Score,
    Shortage, Taint, TaintEffect, TargetSelector, ToleratedTaints, Toleration, Unschedulable,
    schedule,
};
pub use queue::{
    Decision, Departure, GuestState, MigrationKey, Pending, Phase, Priority, Role, Running,
    SlotUse, Standing, TargetPod, Verdict, WaitReason, grant,
};

/// An object's labels, by key.
pub type Labels = BTreeMap<String, String>;
