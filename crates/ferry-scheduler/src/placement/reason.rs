//! Why nodes were refused, counted, and said as Kubernetes' scheduler says it.
//!
//! What Kubernetes has words for is said in its words (`1 node(s) were unschedulable`). What only
//! ferry knows says more: which pairs of a selector a node lacks, which CPU model.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};

use super::filter::{Filter, Refusal};
use super::resources::Shortage;
use super::screen::Screens;
use super::target_selector::Hardware;
use crate::Labels;

/// Clauses that one sentence lists. Beyond that, what refused the fewest nodes is summed up: a
/// cluster where each node has a taint of its own must not fill a condition with thousands of them.
const MAX_CLAUSES: usize = 16;

/// Why a node was refused. Prints as the clause that follows the number of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Reason {
    /// The guest leaves it.
    SourceNode,
    /// Its condition `Ready` is not `True`.
    NotReady,
    /// It is cordoned.
    Cordoned,
    /// It lacks `kubevirt.io/schedulable=true`, which its KubeVirt daemon sets while it is alive.
    NotForGuests,
    /// It has a taint that the guest does not tolerate; the first of its taints is named.
    UntoleratedTaint {
        /// The taint's key.
        key: String,
        /// The taint's value.
        value: String,
    },
    /// It lacks all of these pairs of the node selector.
    Selector {
        /// The pairs.
        missing: Labels,
    },
    /// It does not meet the required node affinity.
    NodeAffinity,
    /// It holds another pod of this guest.
    SameGuest,
    /// It is not close to the company that the guest needs.
    PodAffinity,
    /// It is close to company that the guest avoids.
    PodAntiAffinity,
    /// It is close to a pod that avoids the guest.
    Unwelcome,
    /// It has too little left.
    Insufficient(Shortage),
    /// It lacks this hardware.
    Hardware(Hardware),
}

/// How many nodes were refused for which reason. Each node counts once, so the numbers add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals(BTreeMap<Reason, usize>);

/// Counts refusals while demand and snapshot are at hand.
#[derive(Default)]
pub(crate) struct Tally<'a>(BTreeMap<Refusal<'a>, usize>);

impl<'a> Tally<'a> {
    pub(crate) fn add(&mut self, refusal: Refusal<'a>) {
        *self.0.entry(refusal).or_insert(0) += 1;
    }

    pub(crate) fn into_refusals(self, screens: &Screens<'_>) -> Refusals {
        let mut reasons = BTreeMap::new();
        for (refusal, nodes) in self.0 {
            // Taints that differ in their effect alone are one reason.
            *reasons.entry(Reason::of(refusal, screens)).or_insert(0) += nodes;
        }
        Refusals(reasons)
    }
}

impl Reason {
    fn of(refusal: Refusal<'_>, screens: &Screens<'_>) -> Self {
        match refusal {
            Refusal::SourceNode => Self::SourceNode,
            Refusal::NotReady => Self::NotReady,
            Refusal::Cordoned => Self::Cordoned,
            Refusal::NotForGuests => Self::NotForGuests,
            Refusal::Taint(taint) => {
                Self::UntoleratedTaint { key: taint.key.clone(), value: taint.value.clone() }
            }
            Refusal::Selector(missing) => {
                let missing = missing.of(screens);
                let owned = missing.map(|(key, value)| (key.to_owned(), value.to_owned()));
                Self::Selector { missing: owned.collect() }
            }
            Refusal::NodeAffinity => Self::NodeAffinity,
            Refusal::SameGuest => Self::SameGuest,
            Refusal::PodAffinity => Self::PodAffinity,
            Refusal::PodAntiAffinity => Self::PodAntiAffinity,
            Refusal::Unwelcome => Self::Unwelcome,
            Refusal::Insufficient(shortage) => Self::Insufficient(shortage),
            Refusal::Hardware(need) => Self::Hardware(need.clone()),
        }
    }

    /// The filter that refuses nodes for this reason.
    pub const fn filter(&self) -> Filter {
        match self {
            Self::SourceNode => Filter::Source,
            Self::NotReady | Self::Cordoned | Self::NotForGuests => Filter::Ready,
            Self::UntoleratedTaint { .. } => Filter::Taints,
            Self::Selector { .. } | Self::NodeAffinity => Filter::Selector,
            Self::SameGuest | Self::PodAffinity | Self::PodAntiAffinity | Self::Unwelcome => {
                Filter::AntiAffinity
            }
            Self::Insufficient(_) => Filter::Resources,
            Self::Hardware(_) => Filter::CpuModel,
        }
    }
}

impl Refusals {
    /// Each reason with the number of nodes that it refused.
    pub fn iter(&self) -> impl Iterator<Item = (&Reason, usize)> {
        self.0.iter().map(|(reason, nodes)| (reason, *nodes))
    }

    /// How many nodes each filter refused, in the order of the filters; those that refused none
    /// are left out.
    pub fn by_filter(&self) -> BTreeMap<Filter, usize> {
        let mut filters = BTreeMap::new();
        for (reason, nodes) in self.iter() {
            *filters.entry(reason.filter()).or_insert(0) += nodes;
        }
        filters
    }

    /// How many nodes were refused.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceNode => f.write_str("is the source node"),
            Self::NotReady => f.write_str("node(s) were not ready"),
            Self::Cordoned => f.write_str("node(s) were unschedulable"),
            Self::NotForGuests => f.write_str("didn't have label kubevirt.io/schedulable=true"),
            Self::UntoleratedTaint { key, value } => {
                write!(f, "node(s) had untolerated taint {{{key}: {value}}}")
            }
            Self::Selector { missing } => {
                for (place, (key, value)) in missing.iter().enumerate() {
                    let before = if place == 0 { "didn't match node selector" } else { " and" };
                    write!(f, "{before} {key}={value}")?;
                }
                Ok(())
            }
            Self::NodeAffinity => f.write_str("node(s) didn't match Pod's node affinity/selector"),
            Self::SameGuest => f.write_str("had another pod of this VM"),
            Self::PodAffinity => f.write_str("node(s) didn't match pod affinity rules"),
            Self::PodAntiAffinity => f.write_str("node(s) didn't match pod anti-affinity rules"),
            Self::Unwelcome => {
                f.write_str("node(s) didn't satisfy existing pods anti-affinity rules")
            }
            Self::Insufficient(shortage) => write!(f, "Insufficient {shortage}"),
            Self::Hardware(need) => write!(f, "didn't support {need}"),
        }
    }
}

/// Prints the clauses, each with its number of nodes, sorted by their text as Kubernetes does.
// PARITY: pkg/scheduler/framework/types.go#FitError.Error
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut reasons: Vec<(&Reason, usize)> = self.iter().collect();
        let listed = if reasons.len() > MAX_CLAUSES { MAX_CLAUSES - 1 } else { reasons.len() };
        // Stable, so that reasons of equal weight stay in their order.
        reasons.sort_by_key(|(_, nodes)| std::cmp::Reverse(*nodes));
        let (listed, summed_up) = reasons.split_at(listed);
        let mut clauses: Vec<String> =
            listed.iter().map(|(reason, nodes)| format!("{nodes} {reason}")).collect();
        clauses.sort_unstable();
        if !summed_up.is_empty() {
            let nodes: usize = summed_up.iter().map(|(_, nodes)| nodes).sum();
            clauses.push(format!("{nodes} for {} other reasons", summed_up.len()));
        }
        f.write_str(&clauses.join(", "))
    }
}

/// As a list of reasons with their counts, since a reason is no key in JSON.
impl Serialize for Refusals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}
