//! The questions that every node is asked, in this order, until one refuses it.

use serde::Serialize;

use super::node::{Cordon, NodeHealth};
use super::resources::Shortage;
use super::screen::{Pair, Screens};
use super::snapshot::Host;
use super::taint::{Taint, is_tolerated};
use super::target_selector::Hardware;

/// The questions that every node is asked. A node counts for the first that refuses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Filter {
    /// Is it another node than the source? Asked first: whatever else ails the source node, it
    /// never was a candidate.
    Source,
    /// Is it ready, open, and in touch with KubeVirt?
    Ready,
    /// Does the guest put up with its taints?
    Taints,
    /// Does it have the labels that the VM and the migration ask for?
    Selector,
    /// Is the company right: no other pod of this guest, and what pods say of each other?
    AntiAffinity,
    /// Does it have the CPU time and the memory?
    Resources,
    /// Does it have the CPU and the machine type?
    CpuModel,
}

/// Why a node is refused, as long as demand and snapshot are at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal<'a> {
    SourceNode,
    NotReady,
    Cordoned,
    NotForGuests,
    Taint(&'a Taint),
    Selector(MissingPairs),
    NodeAffinity,
    SameGuest,
    PodAffinity,
    PodAntiAffinity,
    Unwelcome,
    Insufficient(Shortage),
    Hardware(&'a Hardware),
}

/// The pairs of the node selector that a node lacks: one bit for each within a batch of 64. Pairs
/// of later batches are only asked for where the earlier ones are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MissingPairs {
    batch: usize,
    bits: u64,
}

const BATCH: usize = u64::BITS as usize;

impl Filter {
    /// Every filter, in the order in which a node passes them.
    pub const ALL: [Self; 7] = [
        Self::Source,
        Self::Ready,
        Self::Taints,
        Self::Selector,
        Self::AntiAffinity,
        Self::Resources,
        Self::CpuModel,
    ];

    /// Why this filter refuses the node in `slot`, if it does.
    fn refusal<'a>(
        self,
        screens: &Screens<'a>,
        slot: usize,
        host: &'a Host,
    ) -> Option<Refusal<'a>> {
        let refuse = |refused: bool, refusal: Refusal<'a>| refused.then_some(refusal);
        match self {
            Self::Source => refuse(screens.source == Some(slot), Refusal::SourceNode),
            Self::Ready => not_ready(screens, slot, host),
            Self::Taints => {
                let tolerations = &screens.demand.tolerations;
                let mut hard = host.node.taints.iter().filter(|taint| taint.effect.is_hard());
                hard.find(|taint| !is_tolerated(taint, tolerations)).map(Refusal::Taint)
            }
            Self::Selector => missing_pairs(screens, slot).map(Refusal::Selector).or_else(|| {
                let affine = screens.affine.as_ref().is_none_or(|set| set.contains(slot));
                refuse(!affine, Refusal::NodeAffinity)
            }),
            Self::AntiAffinity => wrong_company(screens, slot),
            Self::Resources => {
                host.free.shortage_for(screens.demand.requests).map(Refusal::Insufficient)
            }
            Self::CpuModel => {
                let mut needs = screens.hardware.iter();
                let lacking = needs.find(|(_, carriers)| !carriers.contains(slot));
                lacking.map(|(need, _)| Refusal::Hardware(need))
            }
        }
    }
}

/// Why the node in `slot` is refused, by the first filter that does.
pub(crate) fn first_refusal<'a>(
    screens: &Screens<'a>,
    slot: usize,
    host: &'a Host,
) -> Option<Refusal<'a>> {
    Filter::ALL.into_iter().find_map(|filter| filter.refusal(screens, slot, host))
}

fn not_ready<'a>(screens: &Screens<'a>, slot: usize, host: &Host) -> Option<Refusal<'a>> {
    match (host.node.health, host.node.cordon) {
        (NodeHealth::NotReady, _) => Some(Refusal::NotReady),
        (NodeHealth::Ready, Cordon::Closed) if !screens.tolerates_cordon => Some(Refusal::Cordoned),
        (NodeHealth::Ready, Cordon::Open | Cordon::Closed) => {
            (!screens.for_guests.contains(slot)).then_some(Refusal::NotForGuests)
        }
    }
}

fn missing_pairs(screens: &Screens<'_>, slot: usize) -> Option<MissingPairs> {
    screens.selector.chunks(BATCH).enumerate().find_map(|(batch, pairs)| {
        let missing = pairs.iter().enumerate().filter(|(_, (_, having))| !having.contains(slot));
        let bits = missing.fold(0, |bits, (place, _)| bits | 1 << place);
        (bits != 0).then_some(MissingPairs { batch, bits })
    })
}

fn wrong_company<'a>(screens: &Screens<'_>, slot: usize) -> Option<Refusal<'a>> {
    if screens.same_guest.contains(slot) {
        Some(Refusal::SameGuest)
    } else if screens.attracted.as_ref().is_some_and(|set| !set.contains(slot)) {
        Some(Refusal::PodAffinity)
    } else if screens.repelled.contains(slot) {
        Some(Refusal::PodAntiAffinity)
    } else if screens.unwelcome.contains(slot) {
        Some(Refusal::Unwelcome)
    } else {
        None
    }
}

impl MissingPairs {
    /// The pairs themselves, in the order of their keys.
    pub(crate) fn of<'a>(self, screens: &Screens<'a>) -> impl Iterator<Item = Pair<'a>> {
        let batch = screens.selector.iter().skip(self.batch * BATCH).take(BATCH).enumerate();
        batch.filter(move |(place, _)| self.bits >> place & 1 == 1).map(|(_, (pair, _))| *pair)
    }
}
