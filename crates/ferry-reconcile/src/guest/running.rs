//! A guest that is there: what its instance says of it, and pauses that were asked for.

use ferry_api::Unmodelled;
use ferry_api::kubevirt::{
    NetworkInterface, VirtualMachineInstance, VirtualMachineInstancePhase as Phase,
    VirtualMachineInstanceStatus,
};
use serde_json::{Value, json};

use super::step::Step;
use super::{GuestState, Here, MigrationMode, Order, Placed, Stillness};
use crate::conditions::{self, Said};
use crate::instance::phase;
use crate::migration::state_of;
use crate::objects::set_label;
use crate::words;

const PAUSED: &str = "Paused";
/// Why it does because of its migration.
const BY_MONITOR: &str = "PausedByMigrationMonitor";

/// A wish of a user that the guest stands still or runs, until it does.
const POWER_REQUEST: &str = "powerRequest";

/// The interface of guests that name none.
// PARITY: pkg/network/vmispec/interface.go#SetDefaultNetworkInterface
const DEFAULT_INTERFACE: &str = "default";

/// Says that the guest is there, as far as it is.
pub(super) fn advance(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &GuestState,
    step: &mut Step<'_>,
) {
    let wish = wish(instance);
    match (wish, state) {
        (Some(Wish::Stand), GuestState::Running) => {
            step.order(Order::Pause { pod_uid: seen.pod_uid() });
        }
        (Some(Wish::Run), GuestState::Paused) => {
            step.order(Order::Resume { pod_uid: seen.pod_uid() });
        }
        (Some(Wish::Stand), GuestState::Paused) | (Some(Wish::Run), GuestState::Running) => {
            if let Some(status) = step.status() {
                status.other.remove(POWER_REQUEST);
            }
        }
        (
            Some(_) | None,
            GuestState::Starting
            | GuestState::Waiting
            | GuestState::Running
            | GuestState::Paused
            | GuestState::Held
            | GuestState::Ended(_),
        ) => {}
    }
    if phase(instance) == Phase::Scheduled && *state != GuestState::Held {
        step.enter(Phase::Running);
        step.tell("Created", "VirtualMachineInstance defined.");
        step.tell("Started", "VirtualMachineInstance started.");
    }
    if let Some(instance) = &mut step.instance {
        describe(&seen.here, instance);
    }
    stands_still(seen, instance, state, step);
}

/// What is to become of a guest that runs or stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Stand,
    Run,
}

fn wish(instance: &VirtualMachineInstance) -> Option<Wish> {
    let asked = instance.status.as_ref().and_then(|status| status.other.get(POWER_REQUEST));
    match asked.and_then(|asked| asked.get("state")).and_then(Value::as_str) {
        Some("Paused") => Some(Wish::Stand),
        Some("Running") => Some(Wish::Run),
        Some(_) | None => None,
    }
}

/// Where the guest is and what it has become.
pub(super) fn describe(here: &Here, instance: &mut VirtualMachineInstance) {
    set_label(&mut instance.metadata, words::NODE_NAME, &here.node);
    let (machine, interfaces) = (machine(instance), interfaces(here, instance));
    let status = instance.status.get_or_insert_default();
    status.other.insert("machine".to_owned(), machine);
    status.interfaces = interfaces;
}

/// The type of machine, as it was asked for or as it is on this architecture.
fn machine(instance: &VirtualMachineInstance) -> Value {
    let asked = instance.spec.domain.machine.as_ref().and_then(|it| it.type_.as_deref());
    let architecture = instance.spec.other.get("architecture").and_then(Value::as_str);
    let usual = match architecture {
        Some("arm64") => "virt",
        Some("s390x") => "s390-ccw-virtio",
        Some(_) | None => "q35",
    };
    json!({ "type": asked.filter(|asked| !asked.is_empty()).unwrap_or(usual) })
}

/// The first interface has the address of the node. The others are as they were.
fn interfaces(here: &Here, instance: &VirtualMachineInstance) -> Option<Vec<NetworkInterface>> {
    let devices = &instance.spec.domain.devices;
    let asked = devices.get("interfaces").and_then(Value::as_array);
    let first = asked.and_then(|all| all.first()?.get("name")?.as_str());
    let attaches = devices.get("autoattachPodInterface").and_then(Value::as_bool) != Some(false);
    let status = instance.status.as_ref();
    let mut interfaces = status.and_then(|it| it.interfaces.clone()).unwrap_or_default();
    if let Some(name) = first.or(attaches.then_some(DEFAULT_INTERFACE)) {
        let address = here.address.to_string();
        let own = NetworkInterface {
            name: Some(name.to_owned()),
            other: Unmodelled::from([
                ("ipAddresses".to_owned(), json!([address])),
                ("infoSource".to_owned(), json!("domain")),
            ]),
            ip_address: Some(address),
        };
        match interfaces.first_mut() {
            Some(place) => *place = own,
            None => interfaces.push(own),
        }
    }
    (!interfaces.is_empty()).then_some(interfaces)
}

/// Why the guest stands still, for as long as it does. A guest in the middle of its hand-over says
/// what it said before.
// PARITY: pkg/virt-handler/vm.go#updatePausedConditions
fn stands_still(
    seen: &Placed,
    instance: &VirtualMachineInstance,
    state: &GuestState,
    step: &mut Step<'_>,
) {
    let leaving = state_of(instance)
        .and_then(|state| seen.leaving(state.migration_uid.as_deref()?))
        .filter(|leaving| leaving.end.is_none());
    match state {
        // It has come so, and its source says soon that it may run.
        GuestState::Paused if is_suspended(instance) && wish(instance).is_none() => {}
        GuestState::Paused => {
            step.say(&Said::because(PAUSED, "True", "PausedByUser", "VMI was paused by user"));
        }
        GuestState::Running => step.unsay(PAUSED),
        GuestState::Held if leaving.is_some_and(|it| it.mode == MigrationMode::Paused) => {
            let message = "VMI was paused by the migration monitor";
            step.say(&Said::because(PAUSED, "True", BY_MONITOR, message));
        }
        GuestState::Held | GuestState::Starting | GuestState::Waiting | GuestState::Ended(_) => {}
    }
}

/// Whether the monitor of its migration has stopped it, and it has not run since.
fn is_suspended(instance: &VirtualMachineInstance) -> bool {
    let said = conditions::of(instance, PAUSED);
    said.is_some_and(|said| said.reason.as_deref() == Some(BY_MONITOR))
}

/// Why it stands still, as far as is written.
pub(super) fn stillness(instance: &VirtualMachineInstance) -> Stillness {
    if is_suspended(instance) {
        Stillness::Suspended
    } else if conditions::is_true(instance, PAUSED) || wish(instance) == Some(Wish::Stand) {
        Stillness::Wanted
    } else {
        Stillness::Unknown
    }
}

/// Takes away what only a guest that is there can say.
pub(super) fn is_over(status: &mut VirtualMachineInstanceStatus) {
    conditions::remove(&mut status.conditions, PAUSED);
    status.other.remove(POWER_REQUEST);
}
