//! Nodes.

use k8s_openapi::api::core::v1;

use super::requests::resources;
use super::{Unread, each, taints};
use crate::{Cordon, FieldProblem, Node, NodeHealth, SchedulerError};

impl TryFrom<&v1::Node> for Node {
    type Error = SchedulerError;

    /// Reads a node. It is ready while its condition `Ready` is `True`; what it can give is its
    /// `status.allocatable`, of which nothing is known while it is not set.
    fn try_from(node: &v1::Node) -> Result<Self, Self::Error> {
        let name = node.metadata.name.clone().unwrap_or_default();
        let object = format!("node {name}");
        read(node, name).map_err(|unread| unread.of(object))
    }
}

fn read(node: &v1::Node, name: String) -> Result<Node, Unread> {
    if name.is_empty() {
        return Err(Unread::at("metadata.name", FieldProblem::Missing));
    }
    let (spec, status) = (node.spec.as_ref(), node.status.as_ref());
    let taints = each("spec.taints", spec.and_then(|spec| spec.taints.as_ref()), taints::taint)?;
    let mut conditions = status.and_then(|status| status.conditions.as_ref()).into_iter().flatten();
    let ready =
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let closed = spec.and_then(|spec| spec.unschedulable).unwrap_or_default();
    let allocatable = resources(status.and_then(|status| status.allocatable.as_ref()))
        .map_err(|unread| unread.within("status.allocatable"))?;
    Ok(Node {
        name,
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints,
        health: if ready { NodeHealth::Ready } else { NodeHealth::NotReady },
        cordon: if closed { Cordon::Closed } else { Cordon::Open },
        allocatable,
    })
}
