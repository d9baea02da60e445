//! What a guest asks of a node's labels beyond plain pairs, as Kubernetes' node affinity says it.

use ferry_api::Selector;

/// A requirement on a node's name (`matchFields`, of which Kubernetes knows `metadata.name`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameRequirement {
    /// It is this one.
    Is(String),
    /// It is any other.
    IsNot(String),
}

/// Requirements of which a node has to meet every one. Without any, no node will do.
// PARITY: component-helpers/scheduling/corev1/nodeaffinity/nodeaffinity.go#isEmptyNodeSelectorTerm
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeTerm {
    /// On its labels (`matchExpressions`).
    pub labels: Selector,
    /// On its name (`matchFields`).
    pub names: Vec<NameRequirement>,
}

/// A term that is worth something where it holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PreferredTerm {
    /// How much, 1 to 100.
    pub weight: u8,
    /// What a node has to be like.
    pub term: NodeTerm,
}

/// Kubernetes' `affinity.nodeAffinity`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeAffinity {
    /// Terms of which a node has to meet one at least; `None` where anything goes.
    pub required: Option<Vec<NodeTerm>>,
    /// Terms that make a node better.
    pub preferred: Vec<PreferredTerm>,
}

impl NodeTerm {
    /// Whether it asks for nothing, and so no node will do.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.names.is_empty()
    }
}
