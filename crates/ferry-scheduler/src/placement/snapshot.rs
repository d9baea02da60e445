//! The cluster as placement sees it, kept up to date one node or pod at a time.
//!
//! Every node has a slot, and the sets of the label index speak of slots. A slot means nothing
//! outside: nothing that leaves this crate depends on the order in which nodes came in.

use std::collections::BTreeMap;

use super::label_index::LabelIndex;
use super::node::Node;
use super::node_set::NodeSet;
use super::pod::{Arrival, PlacedPod, PodKey};
use super::pod_book::PodBook;
use super::resources::Resources;
use crate::Labels;

/// The nodes and pods of a cluster, prepared for [`schedule`](crate::schedule).
///
/// Nodes and pods may come in any order: a pod whose node is not known yet waits for it. A node
/// costs as many steps as it has labels, a pod as many as its node has pods.
#[derive(Clone, Debug, Default)]
pub struct ClusterSnapshot {
    slots: BTreeMap<String, usize>,
    hosts: Vec<Host>,
    labels: LabelIndex,
    pods: PodBook,
    namespaces: BTreeMap<String, Labels>,
}

/// A node with what its pods take.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) node: Node,
    pub(crate) free: Resources,
    pub(crate) inbound: u32,
}

impl ClusterSnapshot {
    /// A cluster without anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node, in place of the one with its name.
    pub fn put_node(&mut self, node: Node) {
        let name = node.name.clone();
        let host = Host { node, free: Resources::default(), inbound: 0 };
        if let Some(&slot) = self.slots.get(&name) {
            self.labels.remove(slot, &self.hosts[slot].node.labels);
            self.labels.add(slot, &host.node.labels);
            self.hosts[slot] = host;
        } else {
            self.labels.add(self.hosts.len(), &host.node.labels);
            self.slots.insert(name.clone(), self.hosts.len());
            self.hosts.push(host);
        }
        self.recount(&name);
    }

    /// Forgets a node. Its pods stay, and count again should it come back.
    pub fn remove_node(&mut self, name: &str) {
        let Some(slot) = self.slots.remove(name) else { return };
        let last = self.hosts.len() - 1;
        self.labels.remove(slot, &self.hosts[slot].node.labels);
        if slot != last {
            let moved = &self.hosts[last].node;
            self.labels.remove(last, &moved.labels);
            self.labels.add(slot, &moved.labels);
            self.slots.insert(moved.name.clone(), slot);
        }
        self.hosts.swap_remove(slot);
    }

    /// Adds a pod, in place of the one with its namespace and name.
    pub fn put_pod(&mut self, pod: PlacedPod) {
        let node = pod.node.clone();
        let previous = self.pods.put(pod);
        if let Some(previous) = previous.filter(|previous| previous.node != node) {
            self.recount(&previous.node);
        }
        self.recount(&node);
    }

    /// Forgets a pod, which is gone or over.
    pub fn remove_pod(&mut self, key: &PodKey) {
        if let Some(pod) = self.pods.remove(key) {
            self.recount(&pod.node);
        }
    }

    /// Sets the labels of a namespace, for terms that select namespaces by them.
    pub fn put_namespace(&mut self, name: impl Into<String>, labels: Labels) {
        self.namespaces.insert(name.into(), labels);
    }

    /// Forgets a namespace.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.hosts.len()
    }

    /// The node called `name`.
    pub fn node(&self, name: &str) -> Option<&Node> {
        self.slots.get(name).map(|&slot| &self.hosts[slot].node)
    }

    /// What the node called `name` can still give away.
    pub fn free_on(&self, name: &str) -> Option<Resources> {
        self.slots.get(name).map(|&slot| self.hosts[slot].free)
    }

    /// Every node by its slot.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = (usize, &Host)> {
        self.hosts.iter().enumerate()
    }

    pub(crate) fn slot_of(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    pub(crate) const fn labels(&self) -> &LabelIndex {
        &self.labels
    }

    pub(crate) const fn pods(&self) -> &PodBook {
        &self.pods
    }

    /// The labels of a namespace; none where nobody has told.
    pub(crate) fn namespace_labels(&self, name: &str) -> &Labels {
        const NONE: &Labels = &Labels::new();
        self.namespaces.get(name).unwrap_or(NONE)
    }

    /// The nodes close to the node called `name`, by the label `topology_key`.
    pub(crate) fn close_to(&self, name: &str, topology_key: &str) -> Option<&NodeSet> {
        let value = self.node(name)?.labels.get(topology_key)?;
        self.labels.with_pair(topology_key, value)
    }

    /// Counts the pods of a node anew. Summing up what is there cannot drift as adding and
    /// subtracting could.
    fn recount(&mut self, node: &str) {
        let Some(&slot) = self.slots.get(node) else { return };
        let requested = self.pods.on_node(node).map(|pod| pod.requests).sum();
        let inbound = self.pods.on_node(node).filter(|pod| pod.arrival == Arrival::Inbound).count();
        let host = &mut self.hosts[slot];
        host.free = host.node.allocatable.saturating_sub(requested);
        host.inbound = u32::try_from(inbound).unwrap_or(u32::MAX);
    }
}

impl Extend<Node> for ClusterSnapshot {
    fn extend<I: IntoIterator<Item = Node>>(&mut self, nodes: I) {
        nodes.into_iter().for_each(|node| self.put_node(node));
    }
}

impl Extend<PlacedPod> for ClusterSnapshot {
    fn extend<I: IntoIterator<Item = PlacedPod>>(&mut self, pods: I) {
        pods.into_iter().for_each(|pod| self.put_pod(pod));
    }
}
