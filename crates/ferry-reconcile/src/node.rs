//! The life of nodes: one that is silent for too long is not ready, and whatever runs there is
//! reported as such. Nothing on it is declared dead: a node that cannot be heard may still run its
//! guests.

use ferry_api::View;
use ferry_units::WallTime;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod, PodCondition, Taint};

use crate::cluster::Now;
use crate::objects::{all, change, created, is_leaving, name, reference, stamp, wall};
use crate::plan::{Component, Event, Part, Plan};
use crate::{Key, pods};

/// Where nodes renew their leases.
// PARITY: pkg/apis/core/v1/types.go#NamespaceNodeLease
const LEASES: &str = "kube-node-lease";

const READY: &str = "Ready";
const NOT_READY_TAINT: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE_TAINT: &str = "node.kubernetes.io/unreachable";

/// What there is to see of a node's life.
#[derive(Clone, Debug)]
pub struct Observed {
    now: Now,
    node: Node,
    /// When it was last heard of.
    heard: WallTime,
    /// The pods on it.
    pods: Vec<Pod>,
}

/// Looks at the node of that name; nothing where there is none.
pub fn observe(view: &impl View, key: &Key, now: &Now) -> Option<Observed> {
    let node: Node = view.get("", &key.name)?;
    let lease: Option<Lease> = view.get(LEASES, &key.name);
    let renewed = lease.and_then(|lease| lease.spec?.renew_time).map(|time| WallTime::from(time.0));
    let posted = ready(&node).and_then(|ready| ready.last_heartbeat_time.as_ref()).map(wall);
    // PARITY: pkg/controller/nodelifecycle/node_lifecycle_controller.go#monitorNodeHealth
    let deaf_until = Some(now.listening_since);
    let heard = [Some(created(&node)), renewed, posted, deaf_until].into_iter().flatten().max();
    let mut pods: Vec<Pod> = all(view);
    pods.retain(|pod| pods::node(pod) == Some(&key.name));
    Some(Observed { now: *now, heard: heard.unwrap_or(now.time), node, pods })
}

fn ready(node: &Node) -> Option<&NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == READY)
}

/// What is to be done about a node.
// PARITY: pkg/controller/nodelifecycle/node_lifecycle_controller.go#monitorNodeHealth
pub fn plan(seen: &Observed) -> Plan {
    let mut plan = Plan::idle();
    let silent_from = seen.heard.after(seen.now.node_grace);
    let mut node = seen.node.clone();
    if seen.now.time >= silent_from {
        silence(seen, &mut node);
    } else {
        plan.look_again(silent_from);
    }
    let health = ready(&node).map(|ready| ready.status.clone());
    let became_silent = change(Part::Status, &seen.node, &node);
    if let Some(patch) = became_silent {
        plan.push(patch);
        plan.push(news(seen, "NodeNotReady"));
        // The taints are another write, which the first one would outdate.
        return plan;
    }
    taint(seen, &mut node, health.as_deref());
    if let Some(patch) = change(Part::Main, &seen.node, &node) {
        plan.push(patch);
        if health.as_deref() == Some("True") {
            plan.push(news(seen, "NodeReady"));
        }
    }
    if health.as_deref() == Some("Unknown") {
        for pod in &seen.pods {
            mark(seen, pod, &mut plan);
        }
    }
    plan
}

fn news(seen: &Observed, reason: &'static str) -> Event {
    let message = format!("Node {} status is now: {reason}", name(&seen.node));
    Event::normal(reference(&seen.node), reason, message).by(Component::NodeLifecycle)
}

/// Says that nothing is known of the node any more.
// PARITY: pkg/controller/nodelifecycle/node_lifecycle_controller.go#tryUpdateNodeHealth
fn silence(seen: &Observed, node: &mut Node) {
    let conditions = node.status.get_or_insert_default().conditions.get_or_insert_default();
    let now = Some(stamp(seen.now.time));
    match conditions.iter_mut().find(|condition| condition.type_ == READY) {
        None => conditions.push(NodeCondition {
            type_: READY.to_owned(),
            status: "Unknown".to_owned(),
            reason: Some("NodeStatusNeverUpdated".to_owned()),
            message: Some("Kubelet never posted node status.".to_owned()),
            last_heartbeat_time: seen.node.metadata.creation_timestamp.clone(),
            last_transition_time: now,
        }),
        Some(ready) if ready.status != "Unknown" => {
            "Unknown".clone_into(&mut ready.status);
            ready.reason = Some("NodeStatusUnknown".to_owned());
            ready.message = Some("Kubelet stopped posting node status.".to_owned());
            ready.last_transition_time = now;
        }
        Some(_) => {}
    }
}

/// Keeps new pods away from a node that is not ready.
// PARITY: pkg/controller/nodelifecycle/node_lifecycle_controller.go#processNoScheduleTaints
fn taint(seen: &Observed, node: &mut Node, health: Option<&str>) {
    let wanted = match health {
        Some("True") => None,
        Some("Unknown") => Some(UNREACHABLE_TAINT),
        Some(_) | None => Some(NOT_READY_TAINT),
    };
    let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
    let is_ours = |taint: &Taint| {
        matches!(taint.key.as_str(), NOT_READY_TAINT | UNREACHABLE_TAINT)
            && taint.effect == "NoSchedule"
    };
    taints.retain(|taint| !is_ours(taint) || Some(taint.key.as_str()) == wanted);
    if let Some(key) = wanted.filter(|key| !taints.iter().any(|it| is_ours(it) && it.key == *key)) {
        taints.push(Taint {
            key: key.to_owned(),
            effect: "NoSchedule".to_owned(),
            time_added: Some(stamp(seen.now.time)),
            value: None,
        });
    }
    if taints.is_empty()
        && let Some(spec) = &mut node.spec
    {
        spec.taints = None;
    }
}

/// Says of a pod on a silent node that nobody knows whether it serves; its guest's instance and
/// machine say so too.
// PARITY: pkg/controller/util/node/controller_utils.go#MarkPodsNotReady
fn mark(seen: &Observed, pod: &Pod, plan: &mut Plan) {
    if pods::is_down(pod) || is_leaving(pod) {
        return;
    }
    let mut after = pod.clone();
    let conditions = after.status.iter_mut().flat_map(|it| it.conditions.iter_mut().flatten());
    for condition in conditions {
        if condition.type_ == READY && condition.status == "True" {
            *condition = PodCondition {
                status: "False".to_owned(),
                reason: Some("NodeNotReady".to_owned()),
                message: Some(format!("node {} is silent", name(&seen.node))),
                last_transition_time: Some(stamp(seen.now.time)),
                ..condition.clone()
            };
        }
    }
    if let Some(patch) = change(Part::Status, pod, &after) {
        plan.push(patch);
        plan.push(
            Event::warning(reference(pod), "NodeNotReady", "Node is not ready")
                .by(Component::NodeLifecycle),
        );
    }
}
