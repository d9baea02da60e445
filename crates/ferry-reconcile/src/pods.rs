//! What reconcilers ask of pods.

use ferry_api::View;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod, PodCondition};

use crate::objects::{created, is_leaving, label, labelled, name};
use crate::words;

/// The container that the guest runs in.
pub(crate) const COMPUTE: &str = "compute";

/// All pods of an instance: the one that it runs in, and targets of migrations.
pub(crate) fn of_instance(view: &impl View, namespace: &str, uid: &str) -> Vec<Pod> {
    labelled(view, Some(namespace), words::CREATED_BY, uid)
}

/// The pod that a migration brings its guest to; the oldest, should there be several.
pub(crate) fn target_of<'p>(pods: &'p [Pod], migration_uid: &str) -> Option<&'p Pod> {
    let mut targets: Vec<&Pod> = pods
        .iter()
        .filter(|pod| label(*pod, words::MIGRATION_UID) == Some(migration_uid))
        .collect();
    targets.sort_by_key(|pod| (created(*pod), name(*pod)));
    targets.into_iter().next()
}

pub(crate) fn node(pod: &Pod) -> Option<&str> {
    let node = pod.spec.as_ref()?.node_name.as_deref()?;
    (!node.is_empty()).then_some(node)
}

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or("Pending")
}

/// Whether it has ended.
pub(crate) fn is_down(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Whether it has ended, or will.
// PARITY: pkg/virt-controller/watch/common/util.go#PodIsDownOrGoingDown
pub(crate) fn is_going(pod: &Pod) -> bool {
    let compute = containers(pod).find(|container| container.name == COMPUTE);
    let is_over = |container: &ContainerStatus| {
        container.state.as_ref().is_some_and(|state| state.terminated.is_some())
    };
    is_down(pod) || is_leaving(pod) || compute.is_some_and(is_over)
}

/// Whether the guest's container runs and all others are ready. Whether the guest is ready is
/// another question.
// PARITY: pkg/virt-controller/watch/common/util.go#IsPodReady
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let serves = |container: &ContainerStatus| {
        if container.name == COMPUTE {
            container.state.as_ref().is_some_and(|state| state.running.is_some())
        } else {
            container.ready
        }
    };
    !is_going(pod) && phase(pod) == "Running" && containers(pod).all(serves)
}

pub(crate) fn condition<'p>(pod: &'p Pod, type_: &str) -> Option<&'p PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Why no node takes it, if the scheduler has said so.
pub(crate) fn unschedulable(pod: &Pod) -> Option<&PodCondition> {
    condition(pod, "PodScheduled").filter(|condition| {
        condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
    })
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten())
}
