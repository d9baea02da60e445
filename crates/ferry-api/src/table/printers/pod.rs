//! Pods: the state of all their containers in one word.

use ferry_units::WallTime;
use serde_json::Value;

use crate::table::age::age;
use crate::table::fields::{self, Fields, NONE};

/// What the containers of a pod come to.
#[derive(Default)]
struct Summary {
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<WallTime>,
    /// The pod's state in one word.
    reason: String,
}

impl Summary {
    fn count_restarts(&mut self, container: &Fields) {
        self.restarts += fields::number(container, &["restartCount"]);
        let ended = fields::text(container, &["lastState", "terminated", "finishedAt"]);
        self.last_restart = self.last_restart.max(ended.parse().ok());
    }

    fn restarts(&self, now: WallTime) -> String {
        match self.last_restart {
            Some(last) if self.restarts != 0 => {
                format!("{} ({} ago)", self.restarts, age(last, now))
            }
            Some(_) | None => self.restarts.to_string(),
        }
    }
}

// PARITY: pkg/printers/internalversion/printers.go#printPod
pub(super) fn cells(pod: &Fields, now: WallTime) -> Vec<Value> {
    let summary = summary(pod);
    let address = fields::items(pod, &["status", "podIPs"]).next();
    let address = address.map_or(NONE, |address| fields::text_or(address, &["ip"], NONE));
    vec![
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.as_str().into(),
        summary.restarts(now).into(),
        fields::age(pod, now),
        fields::text_or(pod, &["status", "podIP"], address).into(),
        fields::text_or(pod, &["spec", "nodeName"], NONE).into(),
        fields::text_or(pod, &["status", "nominatedNodeName"], NONE).into(),
        gates(pod).into(),
    ]
}

fn summary(pod: &Fields) -> Summary {
    let phase = fields::text(pod, &["status", "phase"]);
    let told = fields::text(pod, &["status", "reason"]);
    let gated = fields::condition(pod, "PodScheduled")
        .is_some_and(|scheduled| fields::text(scheduled, &["reason"]) == "SchedulingGated");
    let reason = if gated {
        "SchedulingGated"
    } else if told.is_empty() {
        phase
    } else {
        told
    };
    let restartable: Vec<&str> = fields::items(pod, &["spec", "initContainers"])
        .filter(|container| fields::text(container, &["restartPolicy"]) == "Always")
        .map(|container| fields::text(container, &["name"]))
        .collect();
    let mut summary = Summary {
        total: fields::list(pod, &["spec", "containers"]).len() + restartable.len(),
        reason: reason.to_owned(),
        ..Summary::default()
    };
    let initializing = initialize(pod, &restartable, &mut summary);
    if !initializing || is_true(pod, "Initialized") {
        run(pod, &restartable, &mut summary);
    }
    if !fields::text(pod, &["metadata", "deletionTimestamp"]).is_empty() {
        if told == "NodeLost" {
            "Unknown".clone_into(&mut summary.reason);
        } else if !["Succeeded", "Failed"].contains(&phase) {
            "Terminating".clone_into(&mut summary.reason);
        }
    }
    summary
}

/// Looks at the containers that come first; whether one of them is not through yet.
fn initialize(pod: &Fields, restartable: &[&str], summary: &mut Summary) -> bool {
    let statuses = fields::items(pod, &["status", "initContainerStatuses"]);
    for (index, container) in statuses.enumerate() {
        summary.count_restarts(container);
        let stays = restartable.contains(&fields::text(container, &["name"]));
        let terminated = fields::at(container, &["state", "terminated"]).and_then(Value::as_object);
        if terminated.is_some_and(|end| fields::number(end, &["exitCode"]) == 0) {
            continue;
        }
        if stays && fields::flag(container, &["started"]) {
            summary.ready += usize::from(fields::flag(container, &["ready"]));
            continue;
        }
        let waiting = fields::text(container, &["state", "waiting", "reason"]);
        summary.reason = match terminated {
            Some(end) => format!("Init:{}", end_of(end)),
            None if !["", "PodInitializing"].contains(&waiting) => format!("Init:{waiting}"),
            None => {
                let all = fields::list(pod, &["spec", "initContainers"]).len();
                format!("Init:{index}/{all}")
            }
        };
        return true;
    }
    false
}

/// Looks at the containers that the pod is there for. From now on only restarts of those that run
/// count.
fn run(pod: &Fields, restartable: &[&str], summary: &mut Summary) {
    summary.restarts = 0;
    summary.last_restart = None;
    for container in fields::items(pod, &["status", "initContainerStatuses"]) {
        if restartable.contains(&fields::text(container, &["name"])) {
            summary.count_restarts(container);
        }
    }
    let mut running = false;
    let statuses: Vec<_> = fields::items(pod, &["status", "containerStatuses"]).collect();
    for container in statuses.into_iter().rev() {
        summary.count_restarts(container);
        let waiting = fields::text(container, &["state", "waiting", "reason"]);
        let terminated = fields::at(container, &["state", "terminated"]).and_then(Value::as_object);
        let runs = fields::at(container, &["state", "running"]).is_some_and(Value::is_object);
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if let Some(end) = terminated {
            summary.reason = end_of(end);
        } else if fields::flag(container, &["ready"]) && runs {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" && running {
        let word = if is_true(pod, "Ready") { "Running" } else { "NotReady" };
        word.clone_into(&mut summary.reason);
    }
}

/// Why a container ended.
fn end_of(end: &Fields) -> String {
    let signal = fields::number(end, &["signal"]);
    match fields::text(end, &["reason"]) {
        "" if signal != 0 => format!("Signal:{signal}"),
        "" => format!("ExitCode:{}", fields::number(end, &["exitCode"])),
        reason => reason.to_owned(),
    }
}

fn gates(pod: &Fields) -> String {
    let gates = fields::items(pod, &["spec", "readinessGates"]);
    let types: Vec<_> = gates.map(|gate| fields::text(gate, &["conditionType"])).collect();
    if types.is_empty() {
        return NONE.to_owned();
    }
    let open = types.iter().filter(|type_| is_true(pod, type_)).count();
    format!("{open}/{}", types.len())
}

fn is_true(pod: &Fields, type_: &str) -> bool {
    fields::condition(pod, type_)
        .is_some_and(|condition| fields::text(condition, &["status"]) == "True")
}
