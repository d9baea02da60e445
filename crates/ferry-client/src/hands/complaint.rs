//! What people are told when the server does not let the controller make what they asked for.

use ferry_api::Kind;
use ferry_reconcile::{Component, Create, Event, EventType, ObjectRef};
use serde_json::Value;

use super::HandsError;

/// The event on a machine whose instance is refused. Without it nothing would say why the machine
/// does not start: the refusal is known here only.
// PARITY: pkg/virt-controller/watch/vm/vm.go#startVMI
pub(super) fn complaint(create: &Create, error: &HandsError) -> Option<Event> {
    let HandsError::Refused { status, .. } = error else { return None };
    if create.object.kind != Kind::VirtualMachineInstance {
        return None;
    }
    let owners = create.body.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|owner| owner["controller"] == true)?;
    let text = |field: &str| owner.get(field).and_then(Value::as_str).map(str::to_owned);
    Some(Event {
        about: ObjectRef {
            kind: Kind::VirtualMachine,
            namespace: create.object.namespace.clone(),
            name: text("name")?,
            uid: text("uid")?,
        },
        type_: EventType::Warning,
        reason: "FailedCreate",
        message: format!("Error creating virtual machine instance: {}", status.message),
        component: Component::Controller,
    })
}
