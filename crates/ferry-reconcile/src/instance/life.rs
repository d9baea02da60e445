//! The way of an instance to a node.

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstancePhase as Phase};
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};

use super::{Observed, enter};
use crate::conditions::{self, Said};
use crate::launcher::{self, Purpose};
use crate::objects::{add_finalizer, annotation, create, is_leaving, name, reference, set_label};
use crate::plan::{Event, Plan};
use crate::{pods, words};

/// The condition that says whether the instance could be made so.
const SYNCHRONIZED: &str = "Synchronized";

const PVC_NOT_FOUND: &str = "FailedPvcNotFound";

const POD_NOT_MADE: &str = "FailedCreate";

/// Brings the instance one phase on where it can go on.
// PARITY: pkg/virt-controller/watch/vmi/vmi.go#updateStatus
pub(super) fn advance(seen: &Observed, after: &mut VirtualMachineInstance, plan: &mut Plan) {
    add_finalizer(&mut after.metadata, words::INSTANCE_FINALIZER);
    let pod = seen.current_pod();
    match seen.phase() {
        Phase::Unset | Phase::WaitingForSync | Phase::Pending => match pod {
            None => start(seen, after, plan),
            Some(_) => go(seen, after, Phase::Scheduling),
        },
        Phase::Scheduling => match pod {
            Some(pod) if pods::is_going(pod) => go(seen, after, Phase::Failed),
            Some(pod) if pods::is_ready(pod) => hand_to_node(seen, after, pod),
            Some(_) => {}
            None => go(seen, after, Phase::Failed),
        },
        Phase::Scheduled | Phase::Running | Phase::Unknown => {
            // A pod that has ended but is still there has a node that will say how its guest ended.
            if pod.is_none() {
                go(seen, after, Phase::Failed);
            }
        }
        Phase::Succeeded | Phase::Failed => {}
    }
    super::ending::clean_leftovers(seen, plan);
}

fn go(seen: &Observed, after: &mut VirtualMachineInstance, phase: Phase) {
    enter(after.status.get_or_insert_default(), phase, seen.now);
}

/// Makes the pod, if all that it needs is there.
fn start(seen: &Observed, after: &mut VirtualMachineInstance, plan: &mut Plan) {
    let status = after.status.get_or_insert_default();
    if status.phase.is_none() || status.phase == Some(Phase::Unset) {
        enter(status, Phase::Pending, seen.now);
    }
    let missing = seen.claims.iter().find_map(|(name, claim)| missing(name, claim.as_ref()));
    let obstacle = match (missing, &seen.obstacle) {
        (Some(message), _) => Some((PVC_NOT_FOUND, message)),
        (None, Some(obstacle)) => {
            Some((POD_NOT_MADE, format!("failed to render launch manifest: {obstacle}")))
        }
        (None, None) => None,
    };
    if let Some((reason, message)) = obstacle {
        let said = Said::because(SYNCHRONIZED, "False", reason, message.clone());
        let before = conditions::of(&seen.instance, SYNCHRONIZED);
        if before.is_none_or(|before| before.message.as_ref() != Some(&message)) {
            plan.push(Event::warning(reference(&seen.instance), reason, message));
        }
        conditions::set(&mut status.conditions, &said, seen.now);
        return;
    }
    conditions::remove(&mut status.conditions, SYNCHRONIZED);
    let pod = launcher::pod(&seen.instance, &seen.cluster, Purpose::Start, &seen.pod_name);
    plan.push(create(&pod));
    plan.push(Event::normal(
        reference(&seen.instance),
        "SuccessfulCreate",
        format!("Created virtual machine pod {}", name(&pod)),
    ));
}

/// What is said of a claim that is not there, or is to go: a pod would hold it, and never start.
fn missing(name: &str, claim: Option<&PersistentVolumeClaim>) -> Option<String> {
    match claim {
        None => Some(format!("PVC {name} does not exist, waiting for it to appear")),
        Some(claim) => is_leaving(claim).then(|| format!("PVC {name} is being deleted")),
    }
}

/// From here on the node of the pod has the instance.
fn hand_to_node(seen: &Observed, after: &mut VirtualMachineInstance, pod: &Pod) {
    let Some(node) = pods::node(pod) else { return };
    if is_leaving(pod) {
        return;
    }
    set_label(&mut after.metadata, words::NODE_NAME, node);
    let status = after.status.get_or_insert_default();
    status.node_name = Some(node.to_owned());
    if annotation(pod, words::TRANSPORT_UNIX).is_some() {
        status.migration_transport = Some("Unix".to_owned());
    }
    enter(status, Phase::Scheduled, seen.now);
}
