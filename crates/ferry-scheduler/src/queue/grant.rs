//! One pass over the whole line.

use std::collections::BTreeMap;

use ferry_config::ClusterLimits;

use super::{
    Decision, Departure, GuestState, MigrationKey, Pending, Running, SlotUse, Verdict, WaitReason,
};

/// Decides who of `pending` may start while `running` hold their slots, and tells every other one
/// what it waits for. One verdict for each, in the order of the line ([`Pending::line_order`]).
///
/// Whoever starts takes a slot of the cluster and one of the node that the guest leaves. Somebody
/// less urgent may overtake those whose node is full, because a slot of the cluster that stood
/// empty would help nobody. Nothing that holds a slot is ever stopped for somebody more urgent.
///
/// Upstream tries one migration after the other under a lock and asks in this order: several pods,
/// the cluster's limit, the node's limit, a running guest. The same migrations start here, but one
/// whose guest does not run is told so first: no slot would help it.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleTargetPodCreation
pub fn grant<'q>(
    running: &'q [Running],
    pending: &'q [Pending],
    limits: &ClusterLimits,
) -> Vec<Verdict<'q>> {
    let mut line: Vec<&Pending> = pending.iter().collect();
    line.sort_by(|a, b| a.line_order(b));
    let mut slots = Slots::held_by(running, *limits);
    line.into_iter().map(|pending| Verdict { pending, decision: slots.decide(pending) }).collect()
}

/// Who holds and who wants the slots, as far as the pass has come.
struct Slots<'q> {
    limits: ClusterLimits,
    cluster: Counts,
    nodes: BTreeMap<&'q str, Counts>,
    /// Who moves each guest, by the guest's namespace and name.
    movers: BTreeMap<(&'q str, &'q str), &'q MigrationKey>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    used: u32,
    waiting: u32,
}

impl Counts {
    fn join_line(&mut self) -> u32 {
        self.waiting += 1;
        self.waiting
    }
}

impl<'q> Slots<'q> {
    fn held_by(running: &'q [Running], limits: ClusterLimits) -> Self {
        let (nodes, movers) = (BTreeMap::new(), BTreeMap::new());
        let mut slots = Self { limits, cluster: Counts::default(), nodes, movers };
        for one in running {
            slots.occupy(&one.migration, &one.guest, &one.departure);
        }
        slots
    }

    fn occupy(&mut self, migration: &'q MigrationKey, guest: &'q str, departure: &'q Departure) {
        self.cluster.used += 1;
        for node in departure.nodes() {
            self.nodes.entry(node).or_default().used += 1;
        }
        let mover = self.movers.entry((&migration.namespace, guest)).or_insert(migration);
        *mover = migration.min(mover);
    }

    fn decide(&mut self, pending: &'q Pending) -> Decision<'q> {
        let obstacle = self.guest_obstacle(pending).or_else(|| self.missing_slot(pending));
        if let Some(reason) = obstacle {
            return Decision::Wait(reason);
        }
        self.occupy(&pending.migration, &pending.guest, &pending.departure);
        Decision::Start
    }

    /// What keeps the guest from moving, slots or not.
    fn guest_obstacle(&self, pending: &'q Pending) -> Option<WaitReason<'q>> {
        let guest = (pending.migration.namespace.as_str(), pending.guest.as_str());
        if let Some(migration) = self.movers.get(&guest) {
            return Some(WaitReason::AnotherMigration { migration });
        }
        if pending.active_pods > 1 {
            return Some(WaitReason::SeveralPods { active: pending.active_pods });
        }
        match pending.guest_state {
            GuestState::Running | GuestState::AwaitedFromElsewhere => None,
            GuestState::NotRunning { phase } => Some(WaitReason::GuestNotRunning { phase }),
        }
    }

    /// The limit that is reached, and a place in line for it.
    ///
    /// The cluster's limit is asked first. Its use only grows during a pass, so whoever waits for
    /// a node stands before all who wait for the cluster, and competes with them.
    fn missing_slot(&mut self, pending: &'q Pending) -> Option<WaitReason<'q>> {
        let slots = SlotUse { used: self.cluster.used, limit: self.limits.parallel_per_cluster };
        if slots.is_exhausted() {
            let position = self.cluster.join_line();
            return Some(WaitReason::ClusterLimit { slots, position });
        }
        let node = pending.departure.current.as_deref()?;
        let counts = self.nodes.entry(node).or_default();
        let slots = SlotUse { used: counts.used, limit: self.limits.parallel_outbound_per_node };
        if !slots.is_exhausted() {
            return None;
        }
        self.cluster.join_line();
        Some(WaitReason::NodeLimit { node, slots, position: counts.join_line() })
    }
}
