//! What an instance says of itself, and what is kept true of it in every phase.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{
    VirtualMachineInstance, VirtualMachineInstancePhase as Phase, VirtualMachineInstanceStatus,
};
use ferry_units::WallTime;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{Observed, migratable, volumes};
use crate::conditions::{self, Said};
use crate::objects::{
    annotation, change, created, is_leaving, label, name, set_annotation, stamp, uid,
};
use crate::plan::{Part, Plan};
use crate::{pods, words};

/// On the pod of a guest that is being evacuated, for the descheduler.
const EVICTION_IN_PROGRESS: &str = "descheduler.alpha.kubernetes.io/eviction-in-progress";

pub(crate) fn phase(instance: &VirtualMachineInstance) -> Phase {
    instance.status.as_ref().and_then(|status| status.phase).unwrap_or(Phase::Unset)
}

pub(crate) fn is_final(instance: &VirtualMachineInstance) -> bool {
    match phase(instance) {
        Phase::Succeeded | Phase::Failed => true,
        Phase::Unset
        | Phase::WaitingForSync
        | Phase::Pending
        | Phase::Scheduling
        | Phase::Scheduled
        | Phase::Running
        | Phase::Unknown => false,
    }
}

/// The node that has it.
pub(crate) fn node(instance: &VirtualMachineInstance) -> Option<&str> {
    let node = instance.status.as_ref()?.node_name.as_deref()?;
    (!node.is_empty()).then_some(node)
}

/// The pod on the instance's node, or as long as it has none its first pod; of several the newest.
pub(crate) fn current_pod<'p>(
    instance: &VirtualMachineInstance,
    pods: &'p [Pod],
) -> Option<&'p Pod> {
    let is_here = |pod: &&Pod| match node(instance) {
        Some(node) => pods::node(pod) == Some(node),
        None => label(*pod, words::MIGRATION_UID).is_none(),
    };
    pods.iter().filter(is_here).max_by_key(|pod| (created(*pod), name(*pod)))
}

/// Enters a phase, and notes when it was first entered.
pub(crate) fn enter(status: &mut VirtualMachineInstanceStatus, phase: Phase, now: WallTime) {
    if status.phase == Some(phase) {
        return;
    }
    status.phase = Some(phase);
    let entered = status
        .other
        .entry("phaseTransitionTimestamps".to_owned())
        .or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(entered) = entered {
        let name = json!(phase);
        if !entered.iter().any(|one| one.get("phase") == Some(&name)) {
            entered.push(json!({ "phase": name, "phaseTransitionTimestamp": stamp(now) }));
        }
    }
}

/// Keeps true what the control plane says of an instance in whatever phase it is.
pub(super) fn keep(seen: &Observed, after: &mut VirtualMachineInstance, plan: &mut Plan) {
    let status = after.status.get_or_insert_default();
    status.active_pods = active_pods(&seen.pods);
    ready(seen, status);
    scheduled(seen, status);
    evicted(seen, status);
    volumes::keep(seen, status);
    migratable::keep(seen, status, plan);
    mark_evicted_pod(seen, plan);
}

// PARITY: pkg/virt-controller/watch/vmi/vmi.go#syncActivePods
fn active_pods(pods: &[Pod]) -> Option<BTreeMap<String, String>> {
    let active: BTreeMap<String, String> = pods
        .iter()
        .filter(|pod| !pods::is_down(pod))
        .map(|pod| (uid(pod).to_owned(), pods::node(pod).unwrap_or_default().to_owned()))
        .collect();
    (!active.is_empty()).then_some(active)
}

/// Whether the guest can be used, as far as pods tell. That of the pod is the node's to say.
// PARITY: pkg/virt-controller/watch/vmi/vmi.go#syncReadyConditionFromPod
fn ready(seen: &Observed, status: &mut VirtualMachineInstanceStatus) {
    const READY: &str = "Ready";
    let no = |reason: &str, message: &str| Said::because(READY, "False", reason, message);
    let said = match seen.current_pod() {
        None => no("PodNotExists", "virt-launcher pod has not yet been scheduled"),
        Some(pod) if is_leaving(pod) => no("PodTerminating", "virt-launcher pod is terminating"),
        Some(_) if status.phase != Some(Phase::Running) => {
            no("GuestNotRunning", "Guest VM is not reported as running")
        }
        Some(pod) => match pods::condition(pod, READY) {
            None => no("PodConditionMissing", "virt-launcher pod is missing the Ready condition"),
            Some(own) => Said {
                type_: READY,
                status: match own.status.as_str() {
                    "True" => "True",
                    "False" => "False",
                    _ => "Unknown",
                },
                reason: own.reason.clone(),
                message: own.message.clone(),
            },
        },
    };
    conditions::set(&mut status.conditions, &said, seen.now);
}

/// Why no node takes it, for as long as none does.
fn scheduled(seen: &Observed, status: &mut VirtualMachineInstanceStatus) {
    const SCHEDULED: &str = "PodScheduled";
    let refused = seen.current_pod().and_then(|pod| {
        pods::condition(pod, SCHEDULED).filter(|condition| condition.status == "False")
    });
    match refused {
        None => conditions::remove(&mut status.conditions, SCHEDULED),
        Some(refused) => {
            let said = Said {
                type_: SCHEDULED,
                status: "False",
                reason: refused.reason.clone(),
                message: refused.message.clone(),
            };
            conditions::set(&mut status.conditions, &said, seen.now);
        }
    }
}

fn is_evicted(instance: &VirtualMachineInstance) -> bool {
    let node = instance.status.as_ref().and_then(|status| status.evacuation_node_name.as_deref());
    node.is_some_and(|node| !node.is_empty())
}

// PARITY: pkg/virt-controller/watch/vmi/vmi.go#syncEvictionRequestedCondition
fn evicted(seen: &Observed, status: &mut VirtualMachineInstanceStatus) {
    const EVICTED: &str = "EvictionRequested";
    if is_evicted(&seen.instance) {
        let said = Said::because(EVICTED, "True", EVICTED, "VMI is marked for eviction");
        conditions::set(&mut status.conditions, &said, seen.now);
    } else {
        conditions::remove(&mut status.conditions, EVICTED);
    }
}

/// Tells the descheduler that the pod will go without further evictions.
// PARITY: pkg/virt-controller/watch/vmi/vmi.go#syncPodAnnotations
fn mark_evicted_pod(seen: &Observed, plan: &mut Plan) {
    let Some(pod) = seen.current_pod().filter(|pod| !pods::is_going(pod)) else { return };
    let mut marked = pod.clone();
    if is_evicted(&seen.instance) {
        set_annotation(&mut marked.metadata, EVICTION_IN_PROGRESS, "true");
    } else if annotation(pod, EVICTION_IN_PROGRESS).is_some() {
        marked.metadata.annotations.iter_mut().for_each(|all| {
            all.remove(EVICTION_IN_PROGRESS);
        });
    }
    if let Some(patch) = change(Part::Main, pod, &marked) {
        plan.push(patch);
    }
}
