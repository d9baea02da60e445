//! Pods: those that have a node, and the one that looks for one.

use k8s_openapi::api::core::v1;

use super::affinity::{node_affinity, pod_terms};
use super::{Unread, each, requests, taints};
use crate::{
    Arrival, Demand, FieldProblem, Labels, NodeAffinity, PlacedPod, PodAffinity, PodKey,
    SchedulerError, TargetSelector,
};

impl PlacedPod {
    /// Reads a pod, or finds that it takes nothing from any node: it has none yet, or it is
    /// `Succeeded` or `Failed`. Whether its guest is still on its way is not written on it.
    pub fn from_wire(pod: &v1::Pod, arrival: Arrival) -> Result<Option<Self>, SchedulerError> {
        placed(pod, arrival).map_err(|unread| unread.of(object(pod)))
    }
}

impl Demand {
    /// Reads what a pod that looks for a node asks for. The labels that its migration added may be
    /// among its own already.
    ///
    /// The pod has to carry `kubevirt.io/created-by`, the uid of its guest. Its preferred pod
    /// affinity is not looked at.
    pub fn from_wire(
        pod: &v1::Pod,
        source_node: Option<String>,
        added: Labels,
    ) -> Result<Self, SchedulerError> {
        demand(pod, source_node, added).map_err(|unread| unread.of(object(pod)))
    }
}

fn object(pod: &v1::Pod) -> String {
    let PodKey { namespace, name } = key(pod);
    format!("pod {namespace}/{name}")
}

fn key(pod: &v1::Pod) -> PodKey {
    PodKey {
        namespace: pod.metadata.namespace.clone().unwrap_or_default(),
        name: pod.metadata.name.clone().unwrap_or_default(),
    }
}

fn spec(pod: &v1::Pod) -> Result<&v1::PodSpec, Unread> {
    pod.spec.as_ref().ok_or_else(|| Unread::at("spec", FieldProblem::Missing))
}

fn placed(pod: &v1::Pod, arrival: Arrival) -> Result<Option<PlacedPod>, Unread> {
    let spec = spec(pod)?;
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    let node = spec.node_name.clone().filter(|node| !node.is_empty());
    let Some(node) = node.filter(|_| !matches!(phase, Some("Succeeded" | "Failed"))) else {
        return Ok(None);
    };
    let key = key(pod);
    Ok(Some(PlacedPod {
        node,
        labels: pod.metadata.labels.clone().unwrap_or_default(),
        requests: requests::of_pod(spec).map_err(|unread| unread.within("spec"))?,
        arrival,
        repels: pod_affinity(spec, &key.namespace)?.repelled,
        key,
    }))
}

fn demand(pod: &v1::Pod, source_node: Option<String>, added: Labels) -> Result<Demand, Unread> {
    let (spec, key) = (spec(pod)?, key(pod));
    let labels = pod.metadata.labels.clone().unwrap_or_default();
    let Some(guest) = labels.get(crate::placement::CREATED_BY).cloned() else {
        let field = format!("metadata.labels[{}]", crate::placement::CREATED_BY);
        return Err(Unread::at(field, FieldProblem::Missing));
    };
    let affinity = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let node_affinity = affinity.map_or(Ok(NodeAffinity::default()), |affinity| {
        node_affinity(affinity).map_err(|unread| unread.within("spec.affinity.nodeAffinity"))
    })?;
    Ok(Demand {
        guest,
        labels,
        source_node,
        requests: requests::of_pod(spec).map_err(|unread| unread.within("spec"))?,
        selector: TargetSelector::merge(spec.node_selector.clone().unwrap_or_default(), added),
        node_affinity,
        pod_affinity: pod_affinity(spec, &key.namespace)?,
        tolerations: each("spec.tolerations", spec.tolerations.as_ref(), taints::toleration)?,
        namespace: key.namespace,
    })
}

fn pod_affinity(spec: &v1::PodSpec, namespace: &str) -> Result<PodAffinity, Unread> {
    let Some(affinity) = &spec.affinity else { return Ok(PodAffinity::default()) };
    let attracted = affinity.pod_affinity.as_ref();
    let attracted = attracted
        .and_then(|terms| terms.required_during_scheduling_ignored_during_execution.as_ref());
    let repelled = affinity.pod_anti_affinity.as_ref();
    let repelled = repelled
        .and_then(|terms| terms.required_during_scheduling_ignored_during_execution.as_ref());
    Ok(PodAffinity {
        attracted: pod_terms(attracted, namespace)
            .map_err(|unread| unread.within("spec.affinity.podAffinity"))?,
        repelled: pod_terms(repelled, namespace)
            .map_err(|unread| unread.within("spec.affinity.podAntiAffinity"))?,
    })
}
