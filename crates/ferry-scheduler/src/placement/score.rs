//! Which of the nodes that would do is the best.
//!
//! Points are whole numbers and each part stands for itself, so a node's score does not depend on
//! which other nodes there are. The parts weigh against each other as in Kubernetes' default
//! profile (free room 1, preferred affinity 2, soft taints 3), a full part being 1000 points.

use serde::Serialize;

use super::screen::Screens;
use super::snapshot::Host;
use super::taint::{TaintEffect, is_tolerated};

/// Points for each unit of weight of a preferred term (1 to 100) that the node meets.
const PER_WEIGHT: i64 = 20;

/// Points lost for each taint `PreferNoSchedule` that the guest does not tolerate: more than all
/// the free room in the world is worth.
const PER_SOFT_TAINT: i64 = 3000;

/// Points for a node whose whole memory is free.
const ALL_FREE: u64 = 1000;

/// Points lost for each guest that is still on its way to the node: as much as 2 % of its memory,
/// a nod to the one that has its network to itself.
const PER_INBOUND: i64 = 20;

/// A node's points, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Score {
    /// For preferred node affinity, 20 for each unit of weight.
    pub preferred_affinity: i64,
    /// For soft taints, −3000 for each.
    pub soft_taints: i64,
    /// For the share of its memory that stays free once the guest is there, 0 to 1000.
    pub free_memory: i64,
    /// For the guests on their way to it, −20 for each.
    pub inbound: i64,
}

impl Score {
    /// All parts together.
    pub const fn total(&self) -> i64 {
        self.preferred_affinity + self.soft_taints + self.free_memory + self.inbound
    }

    pub(crate) fn of(screens: &Screens<'_>, slot: usize, host: &Host) -> Self {
        let met = screens.preferred.iter().filter(|(_, nodes)| nodes.contains(slot));
        let weight: i64 = met.map(|(weight, _)| i64::from(*weight)).sum();
        let soft = host.node.taints.iter().filter(|taint| {
            taint.effect == TaintEffect::PreferNoSchedule
                && !is_tolerated(taint, &screens.demand.tolerations)
        });
        let soft = i64::try_from(soft.count()).expect("taints are fewer than 2^63");
        let left = host.free.saturating_sub(screens.demand.requests).memory;
        Self {
            preferred_affinity: PER_WEIGHT * weight,
            soft_taints: -PER_SOFT_TAINT * soft,
            free_memory: share(left.get(), host.node.allocatable.memory.get()),
            inbound: -PER_INBOUND * i64::from(host.inbound),
        }
    }
}

/// Points for `part` of `whole`, rounded down; none where there is nothing.
fn share(part: u64, whole: u64) -> i64 {
    // Kept in 64 bits, where a division is cheap: what is cut off is less than 2^-48 of the whole.
    let shift = (u64::BITS - whole.leading_zeros()).saturating_sub(50);
    let points = (part >> shift) * ALL_FREE / (whole >> shift).max(1);
    i64::try_from(points).expect("a share is at most 1000")
}
