//! The KubeVirt object: there is one, it stays while it is needed, and what is experimental needs its gate.

use ferry_api::kubevirt::{KubeVirt, VirtualMachine, VirtualMachineInstance};
use ferry_api::{Selector, View};
use ferry_registry::{DeniedCause, Document, Operation, Part, Refusal, Review};
use serde_json::Value;

use crate::denial::{Reason, Webhook, cause};
use crate::fields::{at, same, text};

const ON_CREATE: Webhook = Webhook("kubevirt-create-validator.kubevirt.io");
const ON_UPDATE: Webhook = Webhook("kubevirt-update-validator.kubevirt.io");
const ON_DELETE: Webhook = Webhook("kubevirt-validator.kubevirt.io");

const CONFIGURATION: &[&str] = &["spec", "configuration"];

/// The feature gates that open `maxDowntimeMs`.
pub(super) const DOWNTIME_GATES: [&str; 2] = ["MigrationStallDetection", "MigrationDowntimeTuning"];

pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    match review.operation {
        Operation::Create { .. } => {
            // PARITY: pkg/virt-operator/webhooks/kubevirt-create-admitter.go#Admit
            if !view.list::<KubeVirt>(None, &Selector::default()).is_empty() {
                return Err(ON_CREATE.refuse("Kubevirt is already created"));
            }
            Ok(())
        }
        Operation::Update { old, new } if review.target.part == Part::Main => {
            ON_UPDATE.unless_none(downtime(old, new).into_iter().collect())
        }
        Operation::Update { .. } => Ok(()),
        Operation::Delete { old } => delete(old, view),
    }
}

// PARITY: pkg/virt-operator/webhooks/kubevirt-update-admitter.go#validateMigrationConfiguration
fn downtime(old: &Document, new: &Document) -> Option<DeniedCause> {
    let path = [CONFIGURATION, &["migrations", "maxDowntimeMs"]].concat();
    let after = at(new, &path)?;
    if same(at(old, &path), Some(after)) || has_gate(new, &DOWNTIME_GATES) {
        return None;
    }
    let field = "spec.configuration.migrationConfiguration.maxDowntimeMs";
    Some(cause(Reason::Invalid, field, downtime_sentence()))
}

/// What is said where `maxDowntimeMs` may not be changed.
pub(super) fn downtime_sentence() -> String {
    format!(
        "maxDowntimeMs cannot be modified without enabling the {} feature gate",
        DOWNTIME_GATES.join(" or ")
    )
}

fn has_gate(kubevirt: &Document, gates: &[&str]) -> bool {
    let open = at(kubevirt, &[CONFIGURATION, &["developerConfiguration", "featureGates"]].concat());
    open.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|gate| gates.contains(&gate))
}

// PARITY: pkg/virt-operator/webhooks/kubevirt-deletion-admitter.go#Admit
fn delete(kubevirt: &Document, view: &impl View) -> Result<(), Refusal> {
    let strategy = text(kubevirt, &["spec", "uninstallStrategy"]).unwrap_or_default();
    if strategy != "BlockUninstallIfWorkloadsExist"
        || matches!(text(kubevirt, &["status", "phase"]), None | Some("Deleted" | "Deploying"))
    {
        return Ok(());
    }
    match remaining(view) {
        None => Ok(()),
        Some(sentence) => Err(ON_DELETE.refuse(sentence)),
    }
}

/// Why the platform stays as long as it serves somebody, if it does.
pub(super) fn remaining(view: &impl View) -> Option<String> {
    let everything = Selector::default();
    let present = if !view.list::<VirtualMachineInstance>(None, &everything).is_empty() {
        "Virtual Machine Instances"
    } else if !view.list::<VirtualMachine>(None, &everything).is_empty() {
        "Virtual Machines"
    } else {
        return None;
    };
    Some(format!(
        "Rejecting the uninstall request, since there are still {present} present. Either delete \
         all KubeVirt related workloads or change the uninstall strategy before uninstalling \
         KubeVirt."
    ))
}
