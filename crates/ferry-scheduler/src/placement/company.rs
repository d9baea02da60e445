//! The company that a guest needs, the company that it avoids, and who avoids it.

use super::demand::Demand;
use super::node_set::NodeSet;
use super::pod::{CREATED_BY, PlacedPod};
use super::pod_affinity::PodTerm;
use super::snapshot::ClusterSnapshot;
use crate::Labels;

/// The nodes that hold a pod of this guest.
pub(crate) fn same_guest(snapshot: &ClusterSnapshot, demand: &Demand) -> NodeSet {
    let pods = snapshot.pods().labelled(CREATED_BY, &demand.guest);
    pods.filter_map(|pod| snapshot.slot_of(&pod.node)).collect()
}

/// The nodes where every term finds a pod close by that matches them all. Where no pod of the
/// cluster does, but the guest's own pod will, it may be the first, on any node that has the
/// labels that say what is close.
// PARITY: pkg/scheduler/framework/plugins/interpodaffinity/filtering.go#satisfyPodAffinity
pub(crate) fn attracted(snapshot: &ClusterSnapshot, demand: &Demand) -> Option<NodeSet> {
    let terms = demand.pod_affinity.attracted.as_slice();
    let (first, rest) = terms.split_first()?;
    let matches_all = |pod: &&PlacedPod| {
        terms.iter().all(|term| selects(snapshot, term, &pod.key.namespace, &pod.labels))
    };
    let company: Vec<&PlacedPod> = snapshot.pods().selected(first).filter(matches_all).collect();
    let close =
        |term: &PodTerm| close_to_any(snapshot, company.iter().copied(), &term.topology_key);
    let nobody_yet = terms.iter().all(|term| close(term).is_empty());
    let matches_itself =
        terms.iter().all(|term| selects(snapshot, term, &demand.namespace, &demand.labels));
    let nodes_for = |term: &PodTerm| {
        if nobody_yet && matches_itself {
            snapshot.labels().with_key(&term.topology_key).cloned().unwrap_or_default()
        } else {
            close(term)
        }
    };
    let mut all = nodes_for(first);
    for term in rest {
        all.intersect(&nodes_for(term));
    }
    Some(all)
}

/// The nodes close to a pod that one of the terms matches.
pub(crate) fn repelled(snapshot: &ClusterSnapshot, demand: &Demand) -> NodeSet {
    let mut any = NodeSet::default();
    for term in &demand.pod_affinity.repelled {
        let company = snapshot
            .pods()
            .selected(term)
            .filter(|pod| looks_into(snapshot, term, &pod.key.namespace));
        any.unite(&close_to_any(snapshot, company, &term.topology_key));
    }
    any
}

/// What others think of the guest: their required anti-affinity holds for newcomers too.
// PARITY: pkg/scheduler/framework/plugins/interpodaffinity/filtering.go#satisfyExistingPodsAntiAffinity
pub(crate) fn unwelcome(snapshot: &ClusterSnapshot, demand: &Demand) -> NodeSet {
    let mut any = NodeSet::default();
    for pod in snapshot.pods().wary_of(&demand.labels) {
        for term in &pod.repels {
            if selects(snapshot, term, &demand.namespace, &demand.labels)
                && let Some(close) = snapshot.close_to(&pod.node, &term.topology_key)
            {
                any.unite(close);
            }
        }
    }
    any
}

fn selects(snapshot: &ClusterSnapshot, term: &PodTerm, namespace: &str, labels: &Labels) -> bool {
    term.matches(labels) && looks_into(snapshot, term, namespace)
}

fn looks_into(snapshot: &ClusterSnapshot, term: &PodTerm, namespace: &str) -> bool {
    term.namespaces.contains(namespace, snapshot.namespace_labels(namespace))
}

fn close_to_any<'a>(
    snapshot: &ClusterSnapshot,
    pods: impl Iterator<Item = &'a PlacedPod>,
    topology_key: &str,
) -> NodeSet {
    let mut any = NodeSet::default();
    for pod in pods {
        // A node is close to itself, so one whose surroundings are in the set already is too.
        let known = snapshot.slot_of(&pod.node).is_none_or(|slot| any.contains(slot));
        if !known && let Some(close) = snapshot.close_to(&pod.node, topology_key) {
            any.unite(close);
        }
    }
    any
}
