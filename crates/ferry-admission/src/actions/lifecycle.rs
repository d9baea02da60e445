//! Starting, stopping and restarting a machine.
//!
//! What runs all the time or never is said in the spec. Of the others the controller is asked
//! through requests in the status, so that the strategy stays what it is.

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance, VirtualMachineInstancePhase};
use ferry_api::{Kind, Selector, View};
use ferry_registry::{DeleteOptions, Part, Refusal, Request, Run};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::actions::{
    ActionAnswer, Outcome, RestartOptions, StartOptions, StopOptions, Subject, conflict, internal,
    is_final, machine_of, phase, requests,
};
use crate::identity;

const KIND: Kind = Kind::VirtualMachine;

const NOT_RUNNING: &str = "VM is not running";

/// How a machine runs, if it says so in one way only.
// PARITY: staging/src/kubevirt.io/api/core/v1/types.go#RunStrategy
fn run_strategy(machine: &VirtualMachine) -> Result<&str, Refusal> {
    match (machine.spec.running, machine.spec.run_strategy.as_deref()) {
        (Some(_), Some(_)) => Err(internal("running and runstrategy are mutually exclusive")),
        (Some(true), None) => Ok("Always"),
        (Some(false) | None, None) => Ok("Halted"),
        (None, Some(strategy)) => Ok(strategy),
    }
}

fn instance(subject: &Subject, view: &impl View) -> Option<VirtualMachineInstance> {
    view.get(&subject.namespace, &subject.name)
}

fn refuse(subject: &Subject, message: impl Into<String>) -> Refusal {
    conflict(KIND, &subject.name, message)
}

fn accepted(writes: Vec<Request>) -> Outcome {
    Outcome::done(ActionAnswer::Accepted, writes)
}

// PARITY: pkg/virt-api/rest/lifecycle.go#StartVMRequestHandler
pub(super) fn start(
    subject: &Subject,
    options: &StartOptions,
    view: &impl View,
) -> Result<Outcome, Refusal> {
    let machine = machine_of(subject, view)?;
    let instance = instance(subject, view);
    let is_running = instance.as_ref().is_some_and(|instance| {
        !is_final(instance)
            && !matches!(
                phase(instance),
                VirtualMachineInstancePhase::Unknown | VirtualMachineInstancePhase::Unset
            )
    });
    if is_running {
        return Err(refuse(subject, "VM is already running"));
    }
    let is_paused = options.paused == Some(true);
    let start = if is_paused {
        json!({ "action": "Start", "data": { "paused": "true" } })
    } else {
        json!({ "action": "Start" })
    };
    let run = options.run();
    let past = instance.as_ref().map(|instance| (phase(instance), instance));
    let write = match (run_strategy(&machine)?, past) {
        ("Halted", _) if is_paused => change(subject, &machine, &[start], run)?,
        ("Halted", _) => running(subject, &machine, Running::Yes, run),
        ("RerunOnFailure", Some((VirtualMachineInstancePhase::Failed, _))) => {
            let message = "RerunOnFailure does not support starting VM from failed state";
            return Err(refuse(subject, message));
        }
        (
            "RerunOnFailure" | "Manual",
            Some((
                VirtualMachineInstancePhase::Succeeded | VirtualMachineInstancePhase::Failed,
                instance,
            )),
        ) => change(subject, &machine, &[stop_of(instance), start], run)?,
        ("RerunOnFailure" | "Manual", _) => change(subject, &machine, &[start], run)?,
        (strategy @ ("Always" | "Once"), _) => {
            let message = format!("{strategy} does not support manual start requests");
            return Err(refuse(subject, message));
        }
        // A machine that waits for another cluster is left alone.
        _ => return Ok(accepted(Vec::new())),
    };
    Ok(accepted(vec![write]))
}

// PARITY: pkg/virt-api/rest/lifecycle.go#StopVMRequestHandler
pub(super) fn stop(
    subject: &Subject,
    options: &StopOptions,
    view: &impl View,
) -> Result<Outcome, Refusal> {
    let machine = machine_of(subject, view)?;
    let instance = instance(subject, view).filter(|instance| !is_final(instance));
    let run = options.run();
    let mut writes = Vec::new();
    if let (Some(_), Some(seconds)) = (&instance, options.grace_period) {
        let patch = json!({ "spec": { "terminationGracePeriodSeconds": seconds } });
        let kind = Kind::VirtualMachineInstance;
        writes.push(requests::merge(kind, Part::Main, subject, patch, run));
    }
    let strategy = run_strategy(&machine)?;
    match (strategy, &instance) {
        // In this order: a halted machine is started if a paused start is still asked of it.
        ("Always" | "Once", _) => {
            writes.extend(forget(subject, &machine, run));
            writes.push(running(subject, &machine, Running::No, run));
        }
        ("Halted" | "RerunOnFailure" | "Manual", None) => {
            return Err(refuse(subject, NOT_RUNNING));
        }
        ("Halted", Some(instance)) => {
            let before = instance.spec.termination_grace_period_seconds;
            let is_shorter = options
                .grace_period
                .is_some_and(|after| before.is_none_or(|before| after < before));
            if !is_shorter {
                let message =
                    "Halted only supports manual stop requests with a shorter graceperiod";
                return Err(refuse(subject, message));
            }
            writes.push(change(subject, &machine, &[stop_of(instance)], run)?);
        }
        ("RerunOnFailure" | "Manual", Some(instance)) => {
            writes.push(change(subject, &machine, &[stop_of(instance)], run)?);
        }
        _ => {}
    }
    Ok(accepted(writes))
}

// PARITY: pkg/virt-api/rest/lifecycle.go#RestartVMRequestHandler
pub(super) fn restart(
    subject: &Subject,
    options: &RestartOptions,
    view: &impl View,
) -> Result<Outcome, Refusal> {
    let bad = |message: &str| Err(Refusal::BadRequest { message: message.to_owned() });
    match options.grace_period_seconds {
        Some(seconds) if seconds > 0 => {
            return bad("For force restart, only gracePeriod=0 is supported for now");
        }
        Some(seconds) if seconds < 0 => {
            return bad("gracePeriod has to be greater or equal to 0");
        }
        Some(_) | None => {}
    }
    let machine = machine_of(subject, view)?;
    if let strategy @ ("Halted" | "Once") = run_strategy(&machine)? {
        let message = format!("RunStategy {strategy} does not support manual restart requests");
        return Err(refuse(subject, message));
    }
    let Some(instance) = instance(subject, view) else {
        return Err(refuse(subject, format!("{NOT_RUNNING}: Halted")));
    };
    let run = options.run();
    let requests = [stop_of(&instance), json!({ "action": "Start" })];
    let mut writes = vec![change(subject, &machine, &requests, run)?];
    if options.grace_period_seconds == Some(0) {
        writes.extend(end_pod(subject, &instance, run, view));
    }
    Ok(accepted(writes))
}

/// The end of the pod that the instance runs in, after the second that a guest needs at least.
// PARITY: pkg/virt-api/rest/lifecycle.go#findPod
fn end_pod(
    subject: &Subject,
    instance: &VirtualMachineInstance,
    run: Run,
    view: &impl View,
) -> Option<Request> {
    let uid = instance.metadata.uid.as_deref().unwrap_or_default();
    let labels = format!("kubevirt.io=virt-launcher,kubevirt.io/created-by={uid}");
    let selector = Selector::parse(&labels).ok()?;
    let names: Vec<String> = view
        .list::<Pod>(Some(&subject.namespace), &selector)
        .into_iter()
        .filter(|pod| {
            pod.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Running")
        })
        .filter_map(|pod| pod.metadata.name)
        .collect();
    let migration = instance.status.as_ref().and_then(|status| status.migration_state.as_ref());
    let moved_to = migration
        .filter(|migration| migration.completed == Some(true))
        .map(|migration| migration.target_pod.clone().unwrap_or_default());
    let name = match (names.as_slice(), moved_to) {
        ([_, _, ..], Some(target)) => names.into_iter().find(|name| *name == target)?,
        _ => names.into_iter().next()?,
    };
    let pod = Subject { namespace: subject.namespace.clone(), name };
    let options = DeleteOptions { grace_period_seconds: Some(1), ..DeleteOptions::default() };
    Some(requests::delete(identity::api_server(), Kind::Pod, &pod, options, run))
}

/// Whether a machine is to run.
#[derive(Clone, Copy)]
enum Running {
    Yes,
    No,
}

/// Says in the spec whether the machine runs, in the way that it has said so far.
// PARITY: pkg/virt-api/rest/lifecycle.go#getRunningPatch
fn running(subject: &Subject, machine: &VirtualMachine, wanted: Running, run: Run) -> Request {
    let (strategy, flag) = match wanted {
        Running::Yes => ("Always", true),
        Running::No => ("Halted", false),
    };
    let spec = if machine.spec.running.is_some() {
        json!({ "running": flag })
    } else {
        json!({ "runStrategy": strategy })
    };
    requests::merge(KIND, Part::Main, subject, json!({ "spec": spec }), run)
}

fn stop_of(instance: &VirtualMachineInstance) -> Value {
    json!({ "action": "Stop", "uid": instance.metadata.uid })
}

/// Takes back what was asked for and is not done yet: the start that a restart is still to come to
/// would undo the stop.
fn forget(subject: &Subject, machine: &VirtualMachine, run: Run) -> Option<Request> {
    machine.status.as_ref()?.other.get("stateChangeRequests")?;
    let patch = json!({ "status": { "stateChangeRequests": null } });
    Some(requests::merge(KIND, Part::Status, subject, patch, run))
}

/// Asks the controller for changes. A stop may overtake what was asked before, nothing else may.
// PARITY: pkg/virt-api/rest/lifecycle.go#getChangeRequestJson
fn change(
    subject: &Subject,
    machine: &VirtualMachine,
    changes: &[Value],
    run: Run,
) -> Result<Request, Refusal> {
    let status = machine.status.as_ref();
    let waiting = status.and_then(|status| status.other.get("stateChangeRequests")?.as_array());
    let is_stop = matches!(changes, [only] if only["action"] == "Stop");
    if waiting.is_some_and(|waiting| !waiting.is_empty()) && !is_stop {
        return Err(internal("unable to complete request: stop/start already underway"));
    }
    let mut patch = json!({ "status": { "stateChangeRequests": changes } });
    if status.is_some_and(|status| status.other.contains_key("startFailure")) {
        patch["status"]["startFailure"] = Value::Null;
    }
    Ok(requests::merge(KIND, Part::Status, subject, patch, run))
}
