//! A node as a place for guests.

use super::resources::Resources;
use super::taint::Taint;
use crate::Labels;

/// What is known of a node, apart from the pods on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its labels. Without `kubevirt.io/schedulable=true` it takes no guest.
    pub labels: Labels,
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Its condition `Ready`.
    pub health: NodeHealth,
    /// `spec.unschedulable`.
    pub cordon: Cordon,
    /// What it can give to pods (`status.allocatable`).
    pub allocatable: Resources,
}

/// Whether a node does its work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeHealth {
    /// Its condition `Ready` is `True`.
    Ready,
    /// That condition is `False`, `Unknown` or missing.
    #[default]
    NotReady,
}

/// Whether a node was closed to new pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cordon {
    /// It is open.
    #[default]
    Open,
    /// It is closed (`kubectl cordon`). Who tolerates `node.kubernetes.io/unschedulable` may enter.
    Closed,
}

impl Node {
    /// A node that is ready and open, with nothing but a name and room.
    pub fn new(name: impl Into<String>, allocatable: Resources) -> Self {
        Self {
            name: name.into(),
            labels: Labels::new(),
            taints: Vec::new(),
            health: NodeHealth::Ready,
            cordon: Cordon::Open,
            allocatable,
        }
    }
}
