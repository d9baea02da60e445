//! Who of the waiting migrations gets a target pod, and what every other one is told.
//!
//! The whole line is looked at in one go, and one function ([`ferry_scheduler::grant`]) decides over
//! it, so two migrations never both see the last free slot. A slot is taken by making the target pod:
//! whoever has one counts as running. Two looks at the line must not overlap, and each has to see the
//! pods that the one before has made.

mod backoff;
mod line;
mod telling;

use ferry_api::View;
use ferry_config::ClusterLimits;
use ferry_scheduler::{Decision, Running, grant};
use k8s_openapi::api::core::v1::Node;

use crate::cluster::{Cluster, Now};
use crate::launcher::{self, Purpose};
use crate::objects::{all, create, name, reference};
use crate::plan::{Event, Plan};

use line::Waiting;

pub(crate) use line::{Pods, unfinished_by_instance};

/// What there is to see of the line.
#[derive(Clone, Debug)]
pub struct Observed {
    pub(crate) now: Now,
    pub(crate) cluster: Cluster,
    pub(crate) running: Vec<Running>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) nodes: Vec<Node>,
}

/// Looks at all migrations.
pub fn observe(view: &impl View, now: &Now) -> Observed {
    let cluster = Cluster::of(view);
    let (running, waiting) = line::stand(view, &cluster, now);
    Observed { now: *now, cluster, running, waiting, nodes: all(view) }
}

/// What is to be done about those that wait. The plans do not depend on each other: one that fails
/// keeps none of the others from being carried out.
// PARITY: pkg/virt-controller/watch/migration/migration.go#handleTargetPodCreation
pub fn plan(seen: &Observed) -> Vec<Plan> {
    let mut plans: Vec<Plan> =
        seen.waiting.iter().filter_map(|waiting| telling::of_obstacle(seen, waiting)).collect();
    let pending: Vec<_> = seen
        .waiting
        .iter()
        .filter(|waiting| waiting.obstacle.is_none())
        .map(|waiting| waiting.pending.clone())
        .collect();
    let limits: ClusterLimits = seen.cluster.limits();
    for verdict in grant(&seen.running, &pending, &limits) {
        let of_verdict = |each: &&Waiting| each.pending.migration == verdict.pending.migration;
        let Some(waiting) = seen.waiting.iter().find(of_verdict) else { continue };
        match verdict.decision {
            Decision::Start => plans.push(start(seen, waiting)),
            Decision::Wait(reason) => plans.push(telling::of_wait(seen, waiting, &reason)),
        }
    }
    plans.retain(|plan| *plan != Plan::idle());
    plans
}

/// Makes the target pod of a migration that has a slot.
// PARITY: pkg/virt-controller/watch/migration/migration.go#createTargetPod
fn start(seen: &Observed, waiting: &Waiting) -> Plan {
    let purpose = Purpose::Target {
        migration: &waiting.migration,
        source_pod: waiting.source_pod.as_ref(),
        source_node: waiting.source_node.as_ref(),
    };
    let pod = launcher::pod(&waiting.instance, &seen.cluster, purpose, &waiting.pod_name);
    let mut plan = Plan::idle();
    plan.push(create(&pod));
    plan.push(Event::normal(
        reference(&waiting.migration),
        "SuccessfulCreate",
        format!("Created migration target pod {}", name(&pod)),
    ));
    if let Some(asked) = launcher::unmet_host_model(&waiting.instance, &pod, &seen.nodes) {
        let asked: Vec<_> = asked.iter().map(|(key, value)| format!("{key}:{value}")).collect();
        let message = format!(
            "Migration cannot proceed since no node is suitable to run the required CPU model / \
             required features: map[{}]",
            asked.join(" ")
        );
        let about = reference(&waiting.instance);
        plan.push(Event::warning(about, "NoSuitableNodesForHostModelMigration", message));
    }
    plan
}
