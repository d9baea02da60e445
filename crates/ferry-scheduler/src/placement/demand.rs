//! What one guest asks of its next node.

use super::node_affinity::NodeAffinity;
use super::pod::CREATED_BY;
use super::pod_affinity::PodAffinity;
use super::resources::Resources;
use super::taint::Toleration;
use super::target_selector::TargetSelector;
use crate::Labels;

/// What one guest asks of its next node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The guest's uid. No node that holds another pod of this guest will do.
    pub guest: String,
    /// The namespace of the pod that looks for a node.
    pub namespace: String,
    /// The labels of that pod, which others may keep away from.
    pub labels: Labels,
    /// The node that the guest leaves; none for its first start.
    pub source_node: Option<String>,
    /// What the pod takes from its node.
    pub requests: Resources,
    /// The labels that the node must have.
    pub selector: TargetSelector,
    /// What else its labels must, or should, be like.
    pub node_affinity: NodeAffinity,
    /// Whose company the guest needs or avoids.
    pub pod_affinity: PodAffinity,
    /// The taints that it puts up with.
    pub tolerations: Vec<Toleration>,
}

impl Demand {
    /// The demand of a guest that asks for room and nothing else.
    pub fn new(
        namespace: impl Into<String>,
        guest: impl Into<String>,
        requests: Resources,
    ) -> Self {
        let guest = guest.into();
        Self {
            namespace: namespace.into(),
            labels: Labels::from([(CREATED_BY.to_owned(), guest.clone())]),
            guest,
            source_node: None,
            requests,
            selector: TargetSelector::default(),
            node_affinity: NodeAffinity::default(),
            pod_affinity: PodAffinity::default(),
            tolerations: Vec::new(),
        }
    }
}
