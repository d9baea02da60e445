//! Virtual machines: how they run is said once, and what they are made from is sound.

use ferry_api::View;
use ferry_registry::{DeniedCause, Document, Operation, Part, Refusal, Review};
use serde_json::{Value, json};

use crate::denial::{Reason, Webhook, cause};
use crate::fields::{at, map, map_mut, text};
use crate::identity::{Role, role};
use crate::policies::defaults;
use crate::policies::guest::{self, Guest};

const WEBHOOK: Webhook = Webhook("virtualmachine-validator.kubevirt.io");

const RUN_STRATEGIES: [&str; 6] =
    ["Halted", "Manual", "Always", "RerunOnFailure", "Once", "WaitAsReceiver"];

/// A machine that does not say how it runs is halted, which is also how it is understood.
pub(super) fn complete(review: &Review<'_>, machine: &mut Document) {
    let Operation::Create { .. } = review.operation else { return };
    let says = |field: &str| at(machine, &["spec", field]).is_some();
    if machine.contains_key("spec") && !says("running") && !says("runStrategy") {
        map_mut(machine, &["spec"]).insert("runStrategy".to_owned(), json!("Halted"));
    }
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vms-admitter.go#ValidateVirtualMachineSpec
pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    let Some((_, machine)) = super::states(review) else { return Ok(()) };
    // One that is on its way out only has to lose its finalizers.
    if review.target.part != Part::Main || at(machine, &["metadata", "deletionTimestamp"]).is_some()
    {
        return Ok(());
    }
    WEBHOOK.unless_none(SHARED.iter().filter_map(|shared| unknown(machine, shared)).collect())?;
    if map(machine, &["spec", "template"]).is_none() {
        let message = "missing virtual machine template.";
        return WEBHOOK.unless_none(vec![cause(Reason::Required, "spec.template", message)]);
    }
    let mut causes = Vec::new();
    if role(review.user) == Role::Other {
        causes.extend(defaults::reserved_labels(machine, &["spec", "template", "metadata"]));
    }
    causes.extend(defaults::machine_type(machine, &["spec", "template", "metadata"]));
    causes.extend(defaults::eviction_strategy(machine, &["spec", "template", "spec"]));
    if let Some(spec) = map(machine, &["spec", "template", "spec"]) {
        causes.extend(guest::problems(Guest { spec, field: "spec.template.spec" }, view));
    }
    causes.extend(data_volume_templates(machine));
    causes.extend(run_strategy(machine));
    WEBHOOK.unless_none(causes)
}

/// What machines may have in common with others: the field, and the kind that it names unless it says
/// another.
const SHARED: [(&str, &str); 2] = [
    ("instancetype", "virtualmachineclusterinstancetype"),
    ("preference", "virtualmachineclusterpreference"),
];

/// There are none of those here, so that whatever a machine names is not found. Without it the
/// machine would run with other hardware than was asked for.
// PARITY: pkg/instancetype/webhooks/vm/admitter.go#ApplyToVM
fn unknown(machine: &Document, (field, usual): &(&str, &str)) -> Option<DeniedCause> {
    let path = ["spec", *field];
    let named = map(machine, &path)?;
    let kind = text(named, &["kind"]).filter(|kind| !kind.is_empty());
    let kind = kind.map_or_else(|| (*usual).to_owned(), str::to_lowercase);
    let whom = match text(named, &["name"]).filter(|name| !name.is_empty()) {
        Some(name) => format!("{kind}s.instancetype.kubevirt.io {name:?} not found"),
        None => format!("it is to follow from volume {:?}", text(named, &["inferFromVolume"])?),
    };
    let message = format!(
        "Failure to find {field}: {whom}; there are no instance types and preferences here, write \
         what they say into spec.template"
    );
    Some(cause(Reason::NotFound, &path.join("."), message))
}

/// What is said of a machine that is let in.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vms-admitter.go#Admit
pub(super) fn warnings(review: &Review<'_>) -> Vec<String> {
    let Some((_, machine)) = super::states(review) else { return Vec::new() };
    if review.target.part != Part::Main {
        return Vec::new();
    }
    let mut warnings = Vec::new();
    if at(machine, &["spec", "running"]).is_some() {
        warnings
            .push("spec.running is deprecated, please use spec.runStrategy instead.".to_owned());
    }
    // Nobody here would do it, and nobody would say so later.
    if text(machine, &["spec", "updateVolumesStrategy"]) == Some("Migration") {
        warnings.push(
            "spec.updateVolumesStrategy: Migration has no effect: volumes are not moved to other \
             claims here; changed volumes are used from the next start."
                .to_owned(),
        );
    }
    warnings
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vms-admitter.go#validateRunStrategy
fn run_strategy(machine: &Document) -> Vec<DeniedCause> {
    let running = at(machine, &["spec", "running"]);
    let strategy = at(machine, &["spec", "runStrategy"]);
    let mut causes = Vec::new();
    if running.is_some() && strategy.is_some() {
        let message = "Running and RunStrategy are mutually exclusive. Note that Running is \
                       deprecated, please use RunStrategy instead";
        causes.push(cause(Reason::Invalid, "spec.running", message));
    }
    if running.is_none() && strategy.is_none() {
        causes.push(cause(Reason::Invalid, "spec.running", "RunStrategy must be specified"));
    }
    if let Some(strategy) = text(machine, &["spec", "runStrategy"])
        && !RUN_STRATEGIES.contains(&strategy)
    {
        let message = format!("Invalid RunStrategy ({strategy})");
        causes.push(cause(Reason::Invalid, "spec.runStrategy", message));
    }
    causes
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vms-admitter.go#validateDataVolumeTemplate
fn data_volume_templates(machine: &Document) -> Vec<DeniedCause> {
    let templates = at(machine, &["spec", "dataVolumeTemplates"]).and_then(Value::as_array);
    let volumes = at(machine, &["spec", "template", "spec", "volumes"]).and_then(Value::as_array);
    let mut causes = Vec::new();
    for (index, template) in templates.into_iter().flatten().enumerate() {
        let entry = format!("spec.dataVolumeTemplate[{index}]");
        let name = template.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        if name.is_empty() {
            let message =
                format!("'name' field must not be empty for DataVolumeTemplate entry {entry}.");
            causes.push(cause(Reason::Required, &format!("{entry}.name"), message));
        }
        let is_used = volumes.into_iter().flatten().any(|volume| {
            ["/dataVolume/name", "/persistentVolumeClaim/claimName"]
                .iter()
                .any(|path| volume.pointer(path).and_then(Value::as_str) == Some(name))
        });
        if !is_used {
            let message = format!(
                "DataVolumeTemplate entry {entry} must be referenced in the VMI template's \
                 'volumes' list"
            );
            causes.push(cause(Reason::Required, &entry, message));
        }
    }
    causes
}
