//! Pausing and resuming a guest.
//!
//! Upstream asks the node and waits for it. Here the wish becomes durable: the instance's
//! `status.powerRequest` says `{"state": "Paused" | "Running", "requestedAt": …}` until the node has
//! made it so, set or removed the condition `Paused`, and removed the request. It is in the status,
//! which users cannot write, so the right to pause is that of the subresource alone.

use ferry_api::kubevirt::{VirtualMachineInstance, VirtualMachineInstancePhase};
use ferry_api::{Kind, KindVersion, View};
use ferry_registry::{Part, Refusal, Run};
use ferry_units::WallTime;
use serde_json::json;

use crate::actions::{
    ActionAnswer, Outcome, PauseOptions, Subject, UnpauseOptions, conflict, instance_of, phase,
    requests,
};
use crate::cluster;

const KIND: Kind = Kind::VirtualMachineInstance;

/// What a guest can be asked to be.
const PAUSED: &str = "Paused";
const RUNNING: &str = "Running";

// PARITY: pkg/virt-api/rest/lifecycle.go#PauseVMIRequestHandler
pub(super) fn pause(
    subject: &Subject,
    options: &PauseOptions,
    view: &impl View,
    now: WallTime,
) -> Result<Outcome, Refusal> {
    let instance = instance_of(subject, view)?;
    let name = subject.name.as_str();
    if phase(&instance) != VirtualMachineInstancePhase::Running {
        return Err(conflict(KIND, name, "VM is not running"));
    }
    if instance.spec.other.get("livenessProbe").is_some_and(|probe| !probe.is_null()) {
        return Err(Refusal::Forbidden {
            served: KindVersion::storage(KIND),
            name: name.to_owned(),
            message: "Pausing VMIs with LivenessProbe is currently not supported".to_owned(),
            cause: None,
        });
    }
    if is_paused(&instance) && pending(&instance) != Some(RUNNING) {
        return Err(conflict(KIND, name, "VMI is already paused"));
    }
    let migration = instance.status.as_ref().and_then(|status| status.migration_state.as_ref());
    if migration.is_some_and(|migration| migration.completed != Some(true)) {
        return Err(conflict(
            KIND,
            name,
            format!("Cannot pause VM '{name}' because it is currently being migrated"),
        ));
    }
    Ok(wish(subject, PAUSED, options.run(), now))
}

// PARITY: pkg/virt-api/rest/lifecycle.go#UnpauseVMIRequestHandler
pub(super) fn unpause(
    subject: &Subject,
    options: &UnpauseOptions,
    view: &impl View,
    now: WallTime,
) -> Result<Outcome, Refusal> {
    let instance = instance_of(subject, view)?;
    if phase(&instance) != VirtualMachineInstancePhase::Running {
        return Err(conflict(KIND, &subject.name, "VMI is not running"));
    }
    // A pause that the node has not answered may have been done already; a wish for the contrary
    // takes its place, and is right in either case.
    if !is_paused(&instance) && pending(&instance) != Some(PAUSED) {
        return Err(conflict(KIND, &subject.name, "VMI is not paused"));
    }
    Ok(wish(subject, RUNNING, options.run(), now))
}

fn is_paused(instance: &VirtualMachineInstance) -> bool {
    cluster::condition(instance, "Paused").is_some()
}

/// The state that was asked for and that the node has not made so yet.
fn pending(instance: &VirtualMachineInstance) -> Option<&str> {
    instance.status.as_ref()?.other.get("powerRequest")?.get("state")?.as_str()
}

fn wish(subject: &Subject, state: &str, run: Run, now: WallTime) -> Outcome {
    let patch = json!({ "status": { "powerRequest": { "state": state, "requestedAt": now } } });
    let write = requests::merge(KIND, Part::Main, subject, patch, run);
    Outcome::done(ActionAnswer::Done, vec![write])
}
