//! The pods of a snapshot, found by name, by node, by label, and by whom they keep away.
//!
//! KubeVirt keeps the pods of each guest apart by a term on the guest's uid, so a large cluster
//! has tens of thousands of such terms. A newcomer must not be held against each of them, nor each
//! of its own terms against every pod: both start from a label that has to be there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pod::{PlacedPod, PodKey};
use super::pod_affinity::{Anchor, PodTerm};
use crate::Labels;

/// The pods. The shelves hold the pods themselves, so that nothing is looked up twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodBook {
    pods: BTreeMap<PodKey, (Ticket, Arc<PlacedPod>)>,
    next: Ticket,
    on_nodes: Shelf<String>,
    /// By each of their labels.
    labelled: BTreeMap<String, Shelf<String>>,
    /// By each label that a newcomer may have to be kept away for.
    wary: BTreeMap<String, Shelf<String>>,
    /// Those that may keep a newcomer away whatever its labels.
    wary_of_all: BTreeMap<Ticket, Arc<PlacedPod>>,
}

/// Short for a pod's name: the shelves are many, and the name is long.
type Ticket = u64;

type Shelf<K> = BTreeMap<K, BTreeMap<Ticket, Arc<PlacedPod>>>;

impl PodBook {
    /// Adds a pod in place of the one with its name, which is returned.
    pub(crate) fn put(&mut self, pod: PlacedPod) -> Option<Arc<PlacedPod>> {
        let previous = self.remove(&pod.key);
        let (ticket, pod) = (self.next, Arc::new(pod));
        self.next += 1;
        shelve(&mut self.on_nodes, &pod.node, ticket, &pod);
        for (key, value) in &pod.labels {
            shelve(self.labelled.entry(key.clone()).or_default(), value, ticket, &pod);
        }
        for term in &pod.repels {
            match term.anchor() {
                Anchor::Nowhere => {}
                Anchor::Anywhere => drop(self.wary_of_all.insert(ticket, Arc::clone(&pod))),
                Anchor::Label(key, values) => {
                    let by_value = self.wary.entry(key.to_owned()).or_default();
                    for value in values {
                        shelve(by_value, value, ticket, &pod);
                    }
                }
            }
        }
        self.pods.insert(pod.key.clone(), (ticket, pod));
        previous
    }

    pub(crate) fn remove(&mut self, key: &PodKey) -> Option<Arc<PlacedPod>> {
        let (ticket, pod) = self.pods.remove(key)?;
        unshelve(&mut self.on_nodes, &pod.node, ticket);
        for (key, value) in &pod.labels {
            unshelve_within(&mut self.labelled, key, value, ticket);
        }
        self.wary_of_all.remove(&ticket);
        for term in &pod.repels {
            if let Anchor::Label(key, values) = term.anchor() {
                for value in values {
                    unshelve_within(&mut self.wary, key, value, ticket);
                }
            }
        }
        Some(pod)
    }

    pub(crate) fn on_node(&self, node: &str) -> impl Iterator<Item = &PlacedPod> {
        self.on_nodes.get(node).into_iter().flat_map(BTreeMap::values).map(Arc::as_ref)
    }

    pub(crate) fn labelled(&self, key: &str, value: &str) -> impl Iterator<Item = &PlacedPod> {
        taken(&self.labelled, key, value)
    }

    /// The pods whose labels `term` matches, whatever their namespace.
    pub(crate) fn selected<'a>(
        &'a self,
        term: &'a PodTerm,
    ) -> Box<dyn Iterator<Item = &'a PlacedPod> + 'a> {
        let matching = |pod: &&PlacedPod| term.matches(&pod.labels);
        match term.anchor() {
            Anchor::Nowhere => Box::new(std::iter::empty()),
            Anchor::Anywhere => {
                Box::new(self.pods.values().map(|(_, pod)| pod.as_ref()).filter(matching))
            }
            Anchor::Label(key, values) => {
                let labelled = move |value| self.labelled(key, value);
                Box::new(values.into_iter().flat_map(labelled).filter(matching))
            }
        }
    }

    /// The pods that may keep a pod with these labels away; some do not, some come twice.
    pub(crate) fn wary_of(&self, labels: &Labels) -> impl Iterator<Item = &PlacedPod> {
        let of_labels = labels.iter().flat_map(|(key, value)| taken(&self.wary, key, value));
        self.wary_of_all.values().map(Arc::as_ref).chain(of_labels)
    }
}

fn taken<'a>(
    shelves: &'a BTreeMap<String, Shelf<String>>,
    key: &str,
    value: &str,
) -> impl Iterator<Item = &'a PlacedPod> + use<'a> {
    let pods = shelves.get(key).and_then(|shelf| shelf.get(value));
    pods.into_iter().flat_map(BTreeMap::values).map(Arc::as_ref)
}

fn shelve(shelf: &mut Shelf<String>, place: &str, ticket: Ticket, pod: &Arc<PlacedPod>) {
    shelf.entry(place.to_owned()).or_default().insert(ticket, Arc::clone(pod));
}

/// Nothing stays of a place that nobody has any more.
fn unshelve(shelf: &mut Shelf<String>, place: &str, ticket: Ticket) {
    if let Some(pods) = shelf.get_mut(place) {
        pods.remove(&ticket);
        if pods.is_empty() {
            shelf.remove(place);
        }
    }
}

fn unshelve_within(
    shelves: &mut BTreeMap<String, Shelf<String>>,
    key: &str,
    value: &str,
    ticket: Ticket,
) {
    if let Some(shelf) = shelves.get_mut(key) {
        unshelve(shelf, value, ticket);
        if shelf.is_empty() {
            shelves.remove(key);
        }
    }
}
