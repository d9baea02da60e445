//! What a node says of the pods on it. There is no container: a pod runs as long as there is
//! something for its guest to run in.

use ferry_units::WallTime;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::role::Role;
use super::step::Step;
use super::{GuestEnd, GuestState, Here, Placed};
use crate::instance::is_final;
use crate::objects::{is_leaving, label, stamp, uid};
use crate::{pods, words};

/// The conditions that follow whether the guest's container runs.
const READY: [&str; 2] = ["Ready", "ContainersReady"];

/// The guest has been asked to shut down. Ferry's own: upstream notes it in the guest's metadata.
const SHUTDOWN_SIGNALED: &str = "guest.ferry.dev/ShutdownSignaled";

/// What a process that fails exits with.
const FAILURE: i32 = 1;

/// How a pod is.
enum Shape {
    /// As it was.
    Kept,
    /// What it is for is being made.
    Waits,
    /// Its container runs.
    Runs,
    /// It has ended.
    Down {
        /// What the container's process would exit with.
        exit: i32,
        why: Option<String>,
    },
}

/// Says how the pod is, and lets it go when it is to end and nothing of its guest is left.
pub(super) fn keep(seen: &Placed, step: &mut Step<'_>) {
    if is_leaving(&seen.pod) && !seen.has_guest() && !is_owed(seen, step) {
        step.is_done = true;
        return;
    }
    if pods::is_down(&seen.pod) || label(&seen.pod, words::CREATED_BY).is_none() {
        return;
    }
    let now = stamp(step.now());
    match shape(seen) {
        Shape::Kept => {}
        Shape::Waits => waits(&mut step.pod, &seen.here, &now),
        Shape::Runs => runs(&mut step.pod, &seen.here, &now),
        Shape::Down { exit, why } => {
            if let (Some(GuestState::Ended(end)), Some(why)) = (seen.state(), &why)
                && seen.is_missed(end)
            {
                // What its migration says is that this pod is down, or what its source has seen.
                let node = &seen.here.node;
                step.warn_with_pod(
                    "SyncFailed",
                    format!("the guest did not come to {node}: {why}"),
                );
            }
            ends(&mut step.pod, exit, why, &now);
        }
    }
}

/// Whether the instance still counts on a pod whose guest is not in it any more: it has moved, and
/// its new node has not said so yet.
fn is_owed(seen: &Placed, step: &Step<'_>) -> bool {
    let has_moved = matches!(seen.state(), Some(GuestState::Ended(GuestEnd::Moved)));
    let is_open = step.instance.as_ref().is_some_and(|instance| !is_final(instance));
    has_moved && is_open && matches!(seen.role(), Role::Host(_))
}

fn shape(seen: &Placed) -> Shape {
    let is_new = pods::phase(&seen.pod) == "Pending";
    match (seen.role(), seen.state()) {
        (Role::Host(_), Some(GuestState::Ended(GuestEnd::Moved))) => Shape::Kept,
        (_, Some(GuestState::Ended(GuestEnd::NeverCame { .. }))) if seen.source_speaks() => {
            Shape::Kept
        }
        (_, Some(GuestState::Ended(end))) => down(end),
        (Role::Awaiting(_) | Role::Target(..), None | Some(GuestState::Starting)) => {
            if is_new {
                Shape::Waits
            } else {
                Shape::Kept
            }
        }
        (Role::Begun | Role::Host(_) | Role::Awaiting(_) | Role::Target(..), _) => Shape::Runs,
        (Role::Stray, _) => Shape::Kept,
    }
}

fn down(end: &GuestEnd) -> Shape {
    match end {
        GuestEnd::ShutDown | GuestEnd::Moved => Shape::Down { exit: 0, why: None },
        GuestEnd::Crashed { why }
        | GuestEnd::NotStarted { why }
        | GuestEnd::NeverCame { why }
        | GuestEnd::Torn { why } => Shape::Down { exit: FAILURE, why: Some(why.clone()) },
    }
}

fn waits(pod: &mut Pod, here: &Here, now: &Time) {
    let status = begin(pod, here, now);
    status.phase = Some("Pending".to_owned());
    let waiting =
        ContainerStateWaiting { reason: Some("ContainerCreating".to_owned()), message: None };
    compute(pod, false, ContainerState { waiting: Some(waiting), ..ContainerState::default() });
    ready(pod, Some("ContainersNotReady"), now);
}

fn runs(pod: &mut Pod, here: &Here, now: &Time) {
    let started = started_at(pod).unwrap_or_else(|| now.clone());
    let status = begin(pod, here, now);
    status.phase = Some("Running".to_owned());
    let address = here.address.to_string();
    status.pod_ip = Some(address.clone());
    status.pod_ips = Some(vec![PodIP { ip: address }]);
    let running = ContainerStateRunning { started_at: Some(started) };
    compute(pod, true, ContainerState { running: Some(running), ..ContainerState::default() });
    ready(pod, None, now);
}

fn ends(pod: &mut Pod, exit: i32, why: Option<String>, now: &Time) {
    let is_well = exit == 0;
    let started_at = started_at(pod);
    let status = pod.status.get_or_insert_default();
    status.phase = Some(if is_well { "Succeeded" } else { "Failed" }.to_owned());
    let terminated = ContainerStateTerminated {
        exit_code: exit,
        reason: Some(if is_well { "Completed" } else { "Error" }.to_owned()),
        message: why,
        started_at,
        finished_at: Some(now.clone()),
        ..ContainerStateTerminated::default()
    };
    let state = ContainerState { terminated: Some(terminated), ..ContainerState::default() };
    compute(pod, false, state);
    ready(pod, Some(if is_well { "PodCompleted" } else { "PodFailed" }), now);
}

/// What every pod says that has come to its node.
fn begin<'p>(pod: &'p mut Pod, here: &Here, now: &Time) -> &'p mut PodStatus {
    set(pod, "Initialized", true, None, now);
    let status = pod.status.get_or_insert_default();
    let address = here.address.to_string();
    status.host_ip = Some(address.clone());
    status.host_ips = Some(vec![HostIP { ip: address }]);
    status.start_time.get_or_insert_with(|| now.clone());
    status
}

fn started_at(pod: &Pod) -> Option<Time> {
    let containers = pod.status.as_ref()?.container_statuses.as_ref()?;
    let compute = containers.iter().find(|container| container.name == pods::COMPUTE)?;
    compute.state.as_ref()?.running.as_ref()?.started_at.clone()
}

/// What is said of the container that the guest runs in.
fn compute(pod: &mut Pod, is_ready: bool, state: ContainerState) {
    let image = pod
        .spec
        .iter()
        .flat_map(|spec| &spec.containers)
        .find(|container| container.name == pods::COMPUTE)
        .and_then(|container| container.image.clone())
        .unwrap_or_default();
    let id = state.waiting.is_none().then(|| format!("ferry://{}", uid(pod)));
    let said = ContainerStatus {
        name: pods::COMPUTE.to_owned(),
        image_id: image.clone(),
        image,
        ready: is_ready,
        started: Some(is_ready),
        container_id: id,
        state: Some(state),
        last_state: Some(ContainerState::default()),
        ..ContainerStatus::default()
    };
    let containers = pod.status.get_or_insert_default().container_statuses.get_or_insert_default();
    match containers.iter_mut().find(|container| container.name == pods::COMPUTE) {
        Some(place) => *place = said,
        None => containers.push(said),
    }
}

fn ready(pod: &mut Pod, why_not: Option<&str>, now: &Time) {
    for type_ in READY {
        set(pod, type_, why_not.is_none(), why_not, now);
    }
}

/// Notes that the guest is asked to shut down. True if it was not noted before.
// PARITY: pkg/virt-handler/vm.go#helperVmShutdown
pub(super) fn is_asked(pod: &mut Pod, now: WallTime) -> bool {
    let is_new = pods::condition(pod, SHUTDOWN_SIGNALED).is_none();
    set(pod, SHUTDOWN_SIGNALED, true, None, &stamp(now));
    is_new
}

fn set(pod: &mut Pod, type_: &str, is_true: bool, reason: Option<&str>, now: &Time) {
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    let status = if is_true { "True" } else { "False" };
    let found = conditions.iter().position(|condition| condition.type_ == type_);
    let place = found.unwrap_or_else(|| {
        conditions.push(PodCondition { type_: type_.to_owned(), ..PodCondition::default() });
        conditions.len() - 1
    });
    let condition = &mut conditions[place];
    if condition.status == status && condition.reason.as_deref() == reason {
        return;
    }
    if condition.status != status {
        condition.last_transition_time = Some(now.clone());
    }
    status.clone_into(&mut condition.status);
    condition.reason = reason.map(str::to_owned);
    condition.message = None;
}
