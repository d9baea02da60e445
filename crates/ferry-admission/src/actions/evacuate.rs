//! An evacuation that is not to be after all.

use ferry_api::{Kind, View};
use ferry_registry::{Part, Refusal};
use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use crate::actions::{
    ActionAnswer, EvacuateCancelOptions, Outcome, Subject, instance_of, internal, not_found,
    requests,
};
use crate::cluster;

// PARITY: pkg/virt-api/rest/evacuate_cancel.go#evacuateCancel
pub(super) fn cancel(
    subject: &Subject,
    options: &EvacuateCancelOptions,
    view: &impl View,
) -> Result<Outcome, Refusal> {
    let instance = instance_of(subject, view)?;
    let status = instance.status.as_ref();
    let text = |field: Option<&String>| field.cloned().unwrap_or_default();
    let evacuated = text(status.and_then(|status| status.evacuation_node_name.as_ref()));
    let current = text(status.and_then(|status| status.node_name.as_ref()));
    is_not_drained(if evacuated.is_empty() { &current } else { &evacuated }, view)?;
    if evacuated.is_empty() {
        return Ok(Outcome::done(ActionAnswer::Done, Vec::new()));
    }
    if options.evacuation_node_name.as_deref().unwrap_or_default() != evacuated {
        // What a patch says whose test fails.
        return Err(internal("the server rejected our request due to an error in our request"));
    }
    let patch = json!({ "status": { "evacuationNodeName": null } });
    let kind = Kind::VirtualMachineInstance;
    let write = requests::merge(kind, Part::Main, subject, patch, options.run());
    Ok(Outcome::done(ActionAnswer::Done, vec![write]))
}

/// While a node has the taint that empties it, the next evacuation would follow at once.
// PARITY: pkg/virt-api/rest/evacuate_cancel.go#validateEvacuationNode
fn is_not_drained(node: &str, view: &impl View) -> Result<(), Refusal> {
    if node.is_empty() {
        return Ok(());
    }
    let key = cluster::drain_taint(view);
    let Some(found) = view.get::<Node>("", node) else {
        return Err(internal(not_found(Kind::Node, node)));
    };
    let taints = found.spec.and_then(|spec| spec.taints).unwrap_or_default();
    if taints.iter().any(|taint| taint.key == key && taint.effect == "NoSchedule") {
        return Err(Refusal::BadRequest {
            message: format!("Node \"{node}\" has NodeDrainTaintKey \"{key}:NoSchedule\""),
        });
    }
    Ok(())
}
