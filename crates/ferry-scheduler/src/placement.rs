//! Which node takes a guest.
//!
//! ```text
//! Demand ──► Screens ──► for each node: Filter::ALL ──► refused: Tally ──► Unschedulable
//!               ▲                           └─────────► passed:  Score ──► Placement
//! ClusterSnapshot
//! ```

mod company;
mod demand;
mod filter;
mod label_index;
mod node;
mod node_affinity;
mod node_set;
mod pod;
mod pod_affinity;
mod pod_book;
mod reason;
mod resources;
mod score;
mod screen;
mod snapshot;
mod taint;
mod target_selector;

use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

pub use demand::Demand;
pub use filter::Filter;
pub use node::{Cordon, Node, NodeHealth};
pub use node_affinity::{NameRequirement, NodeAffinity, NodeTerm, PreferredTerm};
pub use pod::{Arrival, PlacedPod, PodKey};
pub use pod_affinity::{NamespaceScope, PodAffinity, PodTerm};
pub use reason::{Reason, Refusals};
pub use resources::{
    CpuAllocationRatio, GuestSize, MemoryOvercommit, MilliCpu, Resources, Shortage,
};
pub use score::Score;
pub use snapshot::ClusterSnapshot;
pub use taint::{Taint, TaintEffect, ToleratedTaints, Toleration};
pub use target_selector::{DroppedPair, Hardware, TargetSelector};

pub(crate) use pod::CREATED_BY;

use filter::first_refusal;
use reason::Tally;
use screen::Screens;

/// Where a guest goes, and why there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placement {
    /// The node.
    pub node: String,
    /// Its points; no other node has more, and none that comes earlier by name has as many.
    pub score: Score,
    /// Why other nodes were refused.
    pub refusals: Refusals,
    /// What of the migration's `addedNodeSelector` does not count.
    pub dropped: Vec<DroppedPair>,
}

/// No node takes the guest. Prints as the sentence of Kubernetes' scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unschedulable {
    /// Why, for every node of the cluster.
    pub refusals: Refusals,
    /// What of the migration's `addedNodeSelector` does not count.
    pub dropped: Vec<DroppedPair>,
}

/// Picks the node for a guest: of those that no [`Filter`] refuses the one with the highest
/// [`Score`], and of equals the first by name.
///
/// A demand for something that few pods have (`app=db`) costs a step for each such pod. One for
/// company without a value to look for (`!app`) is held against every pod of the cluster.
pub fn schedule(demand: &Demand, snapshot: &ClusterSnapshot) -> Result<Placement, Unschedulable> {
    let screens = Screens::new(demand, snapshot);
    let mut tally = Tally::default();
    let mut best: Option<(Score, &str)> = None;
    for (slot, host) in snapshot.hosts() {
        if let Some(refusal) = first_refusal(&screens, slot, host) {
            tally.add(refusal);
            continue;
        }
        let score = Score::of(&screens, slot, host);
        let rank = |score: &Score, name| (score.total(), Reverse(name));
        let name = host.node.name.as_str();
        if best.is_none_or(|(leading, leader)| rank(&score, name) > rank(&leading, leader)) {
            best = Some((score, name));
        }
    }
    let refusals = tally.into_refusals(&screens);
    let dropped = demand.selector.dropped().to_vec();
    match best {
        Some((score, node)) => Ok(Placement { node: node.to_owned(), score, refusals, dropped }),
        None => Err(Unschedulable { refusals, dropped }),
    }
}

// PARITY: pkg/scheduler/schedule_one.go#schedulePod
impl fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refusals.total() {
            0 => f.write_str("no nodes available to schedule pods")?,
            nodes => write!(f, "0/{nodes} nodes are available: {}", self.refusals)?,
        }
        for DroppedPair { key, dropped, kept } in &self.dropped {
            write!(f, "; addedNodeSelector {key}={dropped} gives way to the VM's {key}={kept}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Unschedulable {}
