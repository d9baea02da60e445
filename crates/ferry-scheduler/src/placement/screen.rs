//! A demand held against a snapshot once, before it meets the nodes one by one.
//!
//! Whatever is about labels or other pods becomes a set of nodes here. What is left for each node
//! is a few bit tests, its taints and two subtractions.

use super::company::{attracted, repelled, same_guest, unwelcome};
use super::demand::Demand;
use super::node_affinity::{NameRequirement, NodeTerm};
use super::node_set::NodeSet;
use super::snapshot::ClusterSnapshot;
use super::taint::is_cordon_tolerated;
use super::target_selector::{Hardware, SCHEDULABLE, TRUE};

/// A demand, prepared for one snapshot.
pub(crate) struct Screens<'a> {
    pub(crate) demand: &'a Demand,
    /// The slot of the source node, if that is still there.
    pub(crate) source: Option<usize>,
    /// Nodes that take guests at all.
    pub(crate) for_guests: Carriers<'a>,
    pub(crate) tolerates_cordon: bool,
    /// Each pair of the node selector.
    pub(crate) selector: Vec<(Pair<'a>, Carriers<'a>)>,
    /// Each piece of hardware.
    pub(crate) hardware: Vec<(&'a Hardware, Carriers<'a>)>,
    /// Nodes that meet the required node affinity; `None` where there is none.
    pub(crate) affine: Option<NodeSet>,
    /// Nodes that hold a pod of this guest.
    pub(crate) same_guest: NodeSet,
    /// Nodes close to the company that the guest needs; `None` where it needs none.
    pub(crate) attracted: Option<NodeSet>,
    /// Nodes close to company that the guest avoids.
    pub(crate) repelled: NodeSet,
    /// Nodes close to a pod that avoids the guest.
    pub(crate) unwelcome: NodeSet,
    /// Nodes that the guest would like, and how much.
    pub(crate) preferred: Vec<(u8, NodeSet)>,
}

/// A label's key and value.
pub(crate) type Pair<'a> = (&'a str, &'a str);

/// The nodes that carry a label, if any does.
#[derive(Clone, Copy)]
pub(crate) struct Carriers<'a>(Option<&'a NodeSet>);

impl Carriers<'_> {
    pub(crate) fn contains(self, slot: usize) -> bool {
        self.0.is_some_and(|set| set.contains(slot))
    }
}

impl<'a> Screens<'a> {
    pub(crate) fn new(demand: &'a Demand, snapshot: &'a ClusterSnapshot) -> Self {
        let carriers = |key, value| Carriers(snapshot.labels().with_pair(key, value));
        let pairs =
            demand.selector.labels().iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let source = demand.source_node.as_deref().and_then(|name| snapshot.slot_of(name));
        let required = demand.node_affinity.required.as_ref();
        let preferred = demand.node_affinity.preferred.iter();
        Self {
            demand,
            source,
            for_guests: carriers(SCHEDULABLE, TRUE),
            tolerates_cordon: is_cordon_tolerated(&demand.tolerations),
            selector: pairs.map(|(key, value)| ((key, value), carriers(key, value))).collect(),
            hardware: demand
                .selector
                .hardware_keys()
                .map(|(need, key)| (need, carriers(key, TRUE)))
                .collect(),
            affine: required.map(|terms| meeting_any(snapshot, terms)),
            same_guest: same_guest(snapshot, demand),
            attracted: attracted(snapshot, demand),
            repelled: repelled(snapshot, demand),
            unwelcome: unwelcome(snapshot, demand),
            preferred: preferred
                .map(|preferred| (preferred.weight, meeting(snapshot, &preferred.term)))
                .collect(),
        }
    }
}

fn meeting_any(snapshot: &ClusterSnapshot, terms: &[NodeTerm]) -> NodeSet {
    NodeSet::any_of(terms.iter().map(|term| meeting(snapshot, term)))
}

/// The nodes that meet every requirement of `term`.
fn meeting(snapshot: &ClusterSnapshot, term: &NodeTerm) -> NodeSet {
    if term.is_empty() {
        return NodeSet::default();
    }
    let mut all = NodeSet::first(snapshot.node_count());
    for requirement in term.labels.requirements() {
        snapshot.labels().narrow(&mut all, requirement);
    }
    for requirement in &term.names {
        let one = |name: &str| snapshot.slot_of(name).into_iter().collect::<NodeSet>();
        match requirement {
            NameRequirement::Is(name) => all.intersect(&one(name)),
            NameRequirement::IsNot(name) => all.subtract(&one(name)),
        }
    }
    all
}
