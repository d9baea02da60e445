//! How a machine is: in one word for people, and in conditions for programs.

use ferry_api::kubevirt::{
    Condition, VirtualMachine, VirtualMachineInstance, VirtualMachineInstancePhase as Phase,
    VirtualMachineStatus,
};
use serde_json::json;

use super::strategy::{self, Step, Strategy};
use super::{Observed, Standing, requests, start_failure, template};
use crate::conditions::{self, Said};
use crate::evacuation::is_migrating;
use crate::instance::{is_final, phase};
use crate::objects::{annotation, is_leaving, name};
use crate::words;

const READY: &str = "Ready";
const FAILURE: &str = "Failure";
const RESTART_REQUIRED: &str = "RestartRequired";

/// Why a machine has no instance: it was not to be had.
pub(super) const FAILED_CREATE: &str = "FailedCreate";

/// Conditions of a machine that are not copies of its instance's.
const OWN: [&str; 3] = [READY, FAILURE, RESTART_REQUIRED];

pub(super) fn keep(seen: &Observed, step: &Step, after: &mut VirtualMachine) {
    let failure = match &seen.instance {
        Standing::Foreign => Some(format!(
            "failed to create virtual machine instance: VirtualMachineInstance {:?} is managed by \
             something else",
            name(&seen.machine)
        )),
        Standing::Absent | Standing::Own(_) | Standing::Orphan(_) => None,
    };
    write(seen, step, failure, after);
}

/// The same, where the machine was to start and its instance is refused in these words.
pub(super) fn keep_refused(seen: &Observed, words: &str, after: &mut VirtualMachine) {
    write(seen, &Step::Stay, Some(format!("Failure while starting VMI: {words}")), after);
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#updateStatus
fn write(seen: &Observed, step: &Step, failure: Option<String>, after: &mut VirtualMachine) {
    let strategy = strategy::of(&seen.machine);
    let instance = seen.own();
    let status = after.status.get_or_insert_default();
    status.created = Some(instance.is_some());
    status.ready = Some(instance.is_some_and(|instance| conditions::is_true(instance, READY)));
    generations(seen, instance, status);
    // Set for the first time when an instance is there, to tell whether it was ever started.
    if status.other.contains_key("runStrategy") || instance.is_some() {
        status.other.insert("runStrategy".to_owned(), json!(strategy.name()));
    }
    requests::trim(status, strategy, instance);
    if *step == Step::StopAndStart {
        requests::ask_for_start(status);
    }
    start_failure::keep(status, strategy, instance, seen.now.time);
    ready_and_failure(seen, instance, failure, status);
    copy_others(seen, instance, status);
    status.printable_status = Some(word(seen, step, strategy, status).to_owned());
}

/// Which generation of the machine runs, and which should.
// PARITY: pkg/virt-controller/watch/vm/vm.go#syncGenerationInfo
fn generations(
    seen: &Observed,
    instance: Option<&VirtualMachineInstance>,
    status: &mut VirtualMachineStatus,
) {
    let runs = instance
        .and_then(|instance| annotation(instance, words::VM_GENERATION))
        .and_then(|text| text.parse::<i64>().ok());
    if let (Some(runs), Some(should)) = (runs, seen.machine.metadata.generation) {
        status.other.insert("observedGeneration".to_owned(), json!(runs));
        status.other.insert("desiredGeneration".to_owned(), json!(should));
    }
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#syncReadyConditionFromVMI
// PARITY: pkg/virt-controller/watch/vm/vm.go#processFailureCondition
fn ready_and_failure(
    seen: &Observed,
    instance: Option<&VirtualMachineInstance>,
    failure: Option<String>,
    status: &mut VirtualMachineStatus,
) {
    let now = seen.now.time;
    let own = instance.map(|instance| conditions::of(instance, READY));
    match own {
        None => {
            let said = Said::because(READY, "False", "VMINotExists", "VMI does not exist");
            conditions::set(&mut status.conditions, &said, now);
        }
        Some(None) => {
            let message = "VMI is missing the Ready condition";
            let said = Said::because(READY, "False", "VMIConditionMissing", message);
            conditions::set(&mut status.conditions, &said, now);
        }
        Some(Some(ready)) => copy(&mut status.conditions, ready),
    }
    match failure {
        Some(message) => {
            let said = Said::because(FAILURE, "True", FAILED_CREATE, message);
            conditions::set(&mut status.conditions, &said, now);
        }
        None => conditions::remove(&mut status.conditions, FAILURE),
    }
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#syncConditions
fn copy_others(
    seen: &Observed,
    instance: Option<&VirtualMachineInstance>,
    status: &mut VirtualMachineStatus,
) {
    let Some(instance) = instance else {
        conditions::remove(&mut status.conditions, RESTART_REQUIRED);
        return;
    };
    restart_required(seen, instance, status);
    let copied = instance.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let copied: Vec<&Condition> =
        copied.filter(|condition| !OWN.contains(&condition.type_.as_str())).collect();
    if let Some(list) = &mut status.conditions {
        list.retain(|condition| {
            OWN.contains(&condition.type_.as_str())
                || copied.iter().any(|copied| copied.type_ == condition.type_)
        });
    }
    for condition in copied {
        copy(&mut status.conditions, condition);
    }
}

fn copy(conditions: &mut Option<Vec<Condition>>, condition: &Condition) {
    let list = conditions.get_or_insert_default();
    match list.iter_mut().find(|own| own.type_ == condition.type_) {
        Some(own) => own.clone_from(condition),
        None => list.push(condition.clone()),
    }
}

// PARITY: pkg/virt-controller/watch/vm/vm.go#syncRestartRequired
fn restart_required(
    seen: &Observed,
    instance: &VirtualMachineInstance,
    status: &mut VirtualMachineStatus,
) {
    if template::has_news(seen, instance) && !is_final(instance) {
        let message = "a non-live-updatable field was changed in the template spec";
        let said = Said::because(RESTART_REQUIRED, "True", RESTART_REQUIRED, message);
        conditions::set(&mut status.conditions, &said, seen.now.time);
    } else {
        conditions::remove(&mut status.conditions, RESTART_REQUIRED);
    }
}

/// The machine in one word; the first that fits.
// PARITY: pkg/virt-controller/watch/vm/vm.go#setPrintableStatus
fn word(
    seen: &Observed,
    step: &Step,
    strategy: Strategy,
    status: &VirtualMachineStatus,
) -> &'static str {
    if is_leaving(&seen.machine) {
        return "Terminating";
    }
    let Some(instance) = seen.own() else {
        return match step {
            Step::Start => "Starting",
            _ if strategy.retries() && start_failure::has_failed(status) => "CrashLoopBackOff",
            _ => "Stopped",
        };
    };
    let is_ending = is_leaving(instance) || matches!(step, Step::Stop | Step::StopAndStart);
    let lacks = |type_: &str, reason: &str| {
        conditions::of(instance, type_).is_some_and(|condition| {
            condition.status == "False" && condition.reason.as_deref() == Some(reason)
        })
    };
    if is_ending && !is_final(instance) {
        return "Stopping";
    }
    if is_migrating(instance) {
        return "Migrating";
    }
    match phase(instance) {
        Phase::Running if conditions::is_true(instance, "Paused") => "Paused",
        Phase::Running => "Running",
        _ if lacks("Synchronized", "FailedPvcNotFound") => "ErrorPvcNotFound",
        _ if lacks("PodScheduled", "Unschedulable") => "ErrorUnschedulable",
        Phase::Unset | Phase::Pending | Phase::Scheduling | Phase::Scheduled => "Starting",
        Phase::Succeeded | Phase::Failed
            if strategy.retries() && start_failure::has_failed(status) =>
        {
            "CrashLoopBackOff"
        }
        Phase::Succeeded | Phase::Failed => "Stopped",
        Phase::WaitingForSync => "WaitingForReceiver",
        Phase::Unknown => "Unknown",
    }
}
