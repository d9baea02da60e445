//! Pods of guests get their nodes.
//!
//! All pods without a node are looked at in one go, the oldest first, so that two of them never take
//! the same room. Where no node will do, the pod says why in the words of Kubernetes' scheduler.

use ferry_api::View;
use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstanceMigration};
use ferry_scheduler::{
    Arrival, ClusterSnapshot, Demand, Node as Host, PlacedPod, SchedulerError, schedule,
};
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, PodCondition, PodStatus};

use crate::cluster::Now;
use crate::instance::facts;
use crate::migration::phase;
use crate::objects::{
    all, annotation, change, created, full_name, is_leaving, label, name, namespace, reference,
    stamp, uid,
};
use crate::plan::{Bind, Component, Event, Part, Plan};
use crate::{pods, words};

const SCHEDULED: &str = "PodScheduled";
const UNSCHEDULABLE: &str = "Unschedulable";

/// The scheduler that this is, for pods that name one.
const DEFAULT_SCHEDULER: &str = "default-scheduler";

/// What a pod of containers is told.
const NO_CONTAINERS: &str =
    "nothing here runs containers: only pods of virtual machines get a node";

/// What there is to see of nodes, and of pods that want one.
#[derive(Clone, Debug)]
pub struct Observed {
    now: Now,
    snapshot: ClusterSnapshot,
    /// Pods without a node, the oldest first.
    unplaced: Vec<Unplaced>,
    /// Pods without a node that will never have one: they are of containers, not of guests.
    of_containers: Vec<Pod>,
}

/// A pod without a node.
#[derive(Clone, Debug)]
struct Unplaced {
    pod: Pod,
    demand: Result<Demand, SchedulerError>,
}

/// Looks at all nodes and pods. What of them cannot be read takes part in nothing.
pub fn observe(view: &impl View, now: &Now) -> Observed {
    let migrations: Vec<VirtualMachineInstanceMigration> = all(view);
    let migration_of = |pod: &Pod| {
        let of = label(pod, words::MIGRATION_UID)?;
        migrations.iter().find(|migration| uid(*migration) == of)
    };
    let mut snapshot = ClusterSnapshot::new();
    snapshot.extend(all::<Node>(view).iter().filter_map(|node| Host::try_from(node).ok()));
    for namespace in all::<Namespace>(view) {
        let labels = namespace.metadata.labels.clone().unwrap_or_default();
        snapshot.put_namespace(name(&namespace), labels);
    }
    let (mut unplaced, mut of_containers) = (Vec::new(), Vec::new());
    for pod in all::<Pod>(view) {
        let migration = migration_of(&pod);
        let is_under_way = migration.is_some_and(|migration| !phase(migration).is_final());
        let arrival = if is_under_way { Arrival::Inbound } else { Arrival::Settled };
        if let Ok(Some(placed)) = PlacedPod::from_wire(&pod, arrival) {
            snapshot.put_pod(placed);
        } else if wants_node(&pod) {
            let added = migration.and_then(|it| it.spec.added_node_selector.clone());
            let source = migration.and_then(|_| source_node(view, &pod));
            let demand = Demand::from_wire(&pod, source, added.unwrap_or_default());
            unplaced.push(Unplaced { pod, demand });
        } else if is_unplaced(&pod) && is_asked_of_us(&pod) {
            of_containers.push(pod);
        }
    }
    unplaced.sort_by_key(|it| (created(&it.pod), full_name(&it.pod)));
    Observed { now: *now, snapshot, unplaced, of_containers }
}

fn wants_node(pod: &Pod) -> bool {
    is_guests(pod) && is_unplaced(pod)
}

fn is_guests(pod: &Pod) -> bool {
    label(pod, words::APP) == Some(words::LAUNCHER)
}

fn is_unplaced(pod: &Pod) -> bool {
    pods::node(pod).is_none() && !pods::is_down(pod) && !is_leaving(pod)
}

fn is_asked_of_us(pod: &Pod) -> bool {
    let named = pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref());
    !is_guests(pod) && named.is_none_or(|name| name == DEFAULT_SCHEDULER)
}

fn source_node(view: &impl View, pod: &Pod) -> Option<String> {
    let instance: VirtualMachineInstance =
        view.get(namespace(pod), annotation(pod, words::DOMAIN)?)?;
    facts::node(&instance).map(str::to_owned)
}

/// Where they go. The plans do not depend on each other.
pub fn plan(seen: &Observed) -> Vec<Plan> {
    let mut snapshot = seen.snapshot.clone();
    let mut plans = Vec::new();
    for Unplaced { pod, demand } in &seen.unplaced {
        let answer = match demand {
            Err(error) => Err(with_causes(error)),
            Ok(demand) => match schedule(demand, &snapshot) {
                Ok(placement) => Ok(placement.node),
                Err(refusal) => Err(refusal.to_string()),
            },
        };
        match answer {
            Ok(node) => {
                let mut bound = pod.clone();
                bound.spec.get_or_insert_default().node_name = Some(node.clone());
                if let Ok(Some(placed)) = PlacedPod::from_wire(&bound, Arrival::Inbound) {
                    snapshot.put_pod(placed);
                }
                plans.push(bind(pod, node));
            }
            Err(message) => plans.push(refuse(seen, pod, &message)),
        }
    }
    plans.extend(seen.of_containers.iter().map(|pod| refuse(seen, pod, NO_CONTAINERS)));
    plans.retain(|plan| !plan.is_empty());
    plans
}

// PARITY: pkg/scheduler/schedule_one.go#bind
fn bind(pod: &Pod, node: String) -> Plan {
    let message = format!("Successfully assigned {} to {node}", full_name(pod));
    let mut plan = Plan::idle();
    plan.push(Bind { pod: reference(pod), node });
    plan.push(Event::normal(reference(pod), "Scheduled", message).by(Component::Scheduler));
    plan
}

// PARITY: pkg/scheduler/schedule_one.go#handleSchedulingFailure
fn refuse(seen: &Observed, pod: &Pod, message: &str) -> Plan {
    let mut plan = Plan::idle();
    let before = pods::condition(pod, SCHEDULED);
    let is_said = before.is_some_and(|it| {
        it.status == "False"
            && it.reason.as_deref() == Some(UNSCHEDULABLE)
            && it.message.as_deref() == Some(message)
    });
    if is_said {
        return plan;
    }
    let since =
        before.filter(|it| it.status == "False").and_then(|it| it.last_transition_time.clone());
    let condition = PodCondition {
        type_: SCHEDULED.to_owned(),
        status: "False".to_owned(),
        reason: Some(UNSCHEDULABLE.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(since.unwrap_or_else(|| stamp(seen.now.time))),
        ..PodCondition::default()
    };
    let mut after = pod.clone();
    let conditions =
        after.status.get_or_insert_with(PodStatus::default).conditions.get_or_insert_default();
    conditions.retain(|it| it.type_ != SCHEDULED);
    conditions.push(condition);
    if let Some(patch) = change(Part::Status, pod, &after) {
        plan.push(patch);
        plan.push(
            Event::warning(reference(pod), "FailedScheduling", message).by(Component::Scheduler),
        );
    }
    plan
}

/// The error and what it comes from, in one sentence.
fn with_causes(error: &SchedulerError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
