//! What was asked of a machine in a word (`status.stateChangeRequests`), first come, first served.

use ferry_api::kubevirt::{VirtualMachine, VirtualMachineInstance, VirtualMachineStatus};
use serde_json::{Value, json};

use super::strategy::Strategy;
use crate::instance::is_final;
use crate::objects::{is_leaving, uid};

const FIELD: &str = "stateChangeRequests";

fn first(machine: &VirtualMachine) -> Option<&Value> {
    machine.status.as_ref()?.other.get(FIELD)?.as_array()?.first()
}

fn action(request: &Value) -> &str {
    request.get("action").and_then(Value::as_str).unwrap_or_default()
}

/// Whether the next thing to do is to stop this very instance.
// PARITY: pkg/virt-controller/watch/vm/vm.go#hasStopRequestForVMI
pub(super) fn is_stop_asked(machine: &VirtualMachine, instance: &VirtualMachineInstance) -> bool {
    first(machine).is_some_and(|request| {
        action(request) == "Stop"
            && request.get("uid").and_then(Value::as_str) == Some(uid(instance))
    })
}

/// Whether the next thing to do is to start.
// PARITY: pkg/virt-controller/watch/vm/vm.go#hasStartRequest
pub(super) fn is_start_asked(machine: &VirtualMachine) -> bool {
    first(machine).is_some_and(|request| action(request) == "Start")
}

/// Whether it is to start, and to wait for an unpause then.
// PARITY: pkg/virt-controller/watch/vm/vm.go#hasStartPausedRequest
pub(super) fn is_paused_start_asked(machine: &VirtualMachine) -> bool {
    first(machine).is_some_and(|request| action(request) == "Start" && is_paused(request))
}

fn is_paused(start: &Value) -> bool {
    start.pointer("/data/paused").and_then(Value::as_str) == Some("true")
}

/// Takes the first request away if it is done: its instance is gone, or there is one that runs. So
/// is the start of a restart where the machine was halted after it.
// PARITY: pkg/virt-controller/watch/vm/vm.go#isTrimFirstChangeRequestNeeded
pub(super) fn trim(
    status: &mut VirtualMachineStatus,
    strategy: Strategy,
    instance: Option<&VirtualMachineInstance>,
) {
    let Some(Value::Array(requests)) = status.other.get_mut(FIELD) else { return };
    let is_done = requests.first().is_some_and(|request| match action(request) {
        "Stop" => {
            let wanted = request.get("uid").and_then(Value::as_str);
            instance.is_none_or(|instance| wanted != Some(uid(instance)))
        }
        "Start" if strategy == Strategy::Halted && !is_paused(request) => true,
        "Start" => instance.is_some_and(|instance| !is_leaving(instance) && !is_final(instance)),
        _ => true,
    });
    if is_done {
        requests.remove(0);
    }
    if requests.is_empty() {
        status.other.remove(FIELD);
    }
}

/// Asks for another start after the instance that has failed.
// PARITY: pkg/virt-controller/watch/vm/vm.go#addStartRequest
pub(super) fn ask_for_start(status: &mut VirtualMachineStatus) {
    let requests = status.other.entry(FIELD.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(requests) = requests
        && !requests.iter().any(|request| action(request) == "Start")
    {
        requests.push(json!({ "action": "Start" }));
    }
}
