//! Migrations: of an instance that can be migrated and is not being migrated already.
//!
//! The checks run inside the one writer, so of two migrations of one instance that are created at
//! once one is refused.

use std::collections::BTreeMap;

use ferry_api::kubevirt::{
    MigrationPhase, VirtualMachineInstance, VirtualMachineInstanceMigration,
    VirtualMachineInstancePhase,
};
use ferry_api::{Selector, View};
use ferry_registry::{DeniedCause, Document, Operation, Part, Refusal, Review};
use serde_json::{Value, json};

use crate::cluster;
use crate::denial::{Reason, Webhook, cause};
use crate::fields::{at, map, map_mut, same, text};
use crate::identity::{Role, role};
use crate::target_labels::{self, ON_CREATE};

/// The label by which the migrations of an instance are found.
pub(crate) const SELECTOR_LABEL: &str = "kubevirt.io/vmi-name";

/// What holds a migration until it is over.
const FINALIZER: &str = "kubevirt.io/migrationJobFinalize";

const ON_UPDATE: Webhook = Webhook("migration-update-validator.kubevirt.io");

// PARITY: pkg/virt-api/webhooks/mutating-webhook/mutators/migration-create-mutator.go#Mutate
pub(super) fn complete(review: &Review<'_>, migration: &mut Document) {
    let Operation::Create { .. } = review.operation else { return };
    let instance = text(migration, &["spec", "vmiName"]).unwrap_or_default().to_owned();
    map_mut(migration, &["metadata", "labels"]).insert(SELECTOR_LABEL.to_owned(), instance.into());
    let finalizers = map_mut(migration, &["metadata"])
        .entry("finalizers")
        .or_insert_with(|| Value::Array(Vec::new()));
    match finalizers {
        Value::Array(list) if list.iter().any(|each| each == FINALIZER) => {}
        Value::Array(list) => list.push(json!(FINALIZER)),
        other => *other = json!([FINALIZER]),
    }
}

pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    match review.operation {
        Operation::Create { new } => create(review, new, view),
        Operation::Update { old, new } => update(review, old, new),
        Operation::Delete { .. } => Ok(()),
    }
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migration-create-admitter.go#Admit
fn create(review: &Review<'_>, migration: &Document, view: &impl View) -> Result<(), Refusal> {
    let name = text(migration, &["spec", "vmiName"]).unwrap_or_default();
    ON_CREATE.unless_none(spec(review, migration, name))?;
    let wanted = map(migration, &["spec", "addedNodeSelector"]).into_iter().flatten();
    target_labels::check(wanted.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))))?;

    let namespace = review.target.namespace.as_str();
    let Some(instance) = view.get::<VirtualMachineInstance>(namespace, name) else {
        return Err(ON_CREATE.refuse(format!("the VMI \"{namespace}/{name}\" does not exist")));
    };
    let phase = instance.status.as_ref().and_then(|status| status.phase);
    if matches!(
        phase,
        Some(VirtualMachineInstancePhase::Succeeded | VirtualMachineInstancePhase::Failed)
    ) {
        return Err(ON_CREATE.refuse("Cannot migrate VMI in finalized state."));
    }
    is_migratable(migration, &instance)?;
    is_alone(namespace, name, view)?;
    between_clusters(migration, view)
}

fn spec(review: &Review<'_>, migration: &Document, name: &str) -> Vec<DeniedCause> {
    if name.is_empty() {
        return vec![cause(Reason::Required, "spec.vmiName", "vmiName is missing")];
    }
    if at(migration, &["spec", "priority"]).is_some() && role(review.user) != Role::Component {
        let message = "Migration priority queue, only virt-controller is allowed to set priority \
                       field";
        return vec![cause(Reason::NotSupported, "spec.migrationPriority", message)];
    }
    Vec::new()
}

/// Exactly one of `sendTo` and `receive` is there: the other half happens in another cluster.
fn is_decentralized(migration: &Document) -> bool {
    let has = |field: &str| at(migration, &["spec", field]).is_some();
    has("sendTo") != has("receive")
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migration-create-admitter.go#isMigratable
fn is_migratable(migration: &Document, instance: &VirtualMachineInstance) -> Result<(), Refusal> {
    let Some(condition) = cluster::condition(instance, "LiveMigratable") else { return Ok(()) };
    let reason = condition.reason.as_deref().unwrap_or_default();
    if condition.status != "False"
        || is_decentralized(migration) && reason == "DisksNotLiveMigratable"
    {
        return Ok(());
    }
    let message = condition.message.as_deref().unwrap_or_default();
    Err(ON_CREATE.refuse(format!("Cannot migrate VMI, Reason: {reason}, Message: {message}")))
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migration-create-admitter.go#EnsureNoMigrationConflict
fn is_alone(namespace: &str, name: &str, view: &impl View) -> Result<(), Refusal> {
    let label = BTreeMap::from([(SELECTOR_LABEL.to_owned(), name.to_owned())]);
    let migrations = match Selector::from_labels(&label) {
        Ok(selector) => view.list::<VirtualMachineInstanceMigration>(Some(namespace), &selector),
        // A name that is too long for a label: look at all of them.
        Err(_) => {
            view.list::<VirtualMachineInstanceMigration>(Some(namespace), &Selector::default())
        }
    };
    for other in migrations.iter().filter(|other| other.spec.vmi_name == name) {
        let phase = other.status.as_ref().map_or(MigrationPhase::Unset, |status| status.phase);
        if !phase.is_final() {
            let uid = other.metadata.uid.as_deref().unwrap_or_default();
            return Err(ON_CREATE.refuse(format!(
                "in-flight migration detected. Active migration job ({uid}) is currently already \
                 in progress for VMI {name}."
            )));
        }
    }
    Ok(())
}

fn between_clusters(migration: &Document, view: &impl View) -> Result<(), Refusal> {
    let id = |half: &str| {
        at(migration, &["spec", half])
            .map(|_| text(migration, &["spec", half, "migrationID"]).unwrap_or_default())
    };
    let (send, receive) = (id("sendTo"), id("receive"));
    if send.is_none() && receive.is_none() {
        return Ok(());
    }
    if !cluster::has_gate(view, &["DecentralizedLiveMigration"]) {
        return Err(ON_CREATE.refuse(
            "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource",
        ));
    }
    match (send, receive) {
        (Some(send), Some(receive)) if send != receive => Err(ON_CREATE.refuse(format!(
            "sendTo migrationID {send} does not match receive migrationID {receive}"
        ))),
        _ => Ok(()),
    }
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migration-update-admitter.go#Admit
fn update(review: &Review<'_>, old: &Document, new: &Document) -> Result<(), Refusal> {
    if review.target.part != Part::Main {
        return Ok(());
    }
    if !same(old.get("spec"), new.get("spec")) {
        let message = "update of Migration object's spec is restricted";
        return ON_UPDATE.unless_none(vec![cause(Reason::NotSupported, "", message)]);
    }
    if matches!(text(new, &["status", "phase"]), Some("Succeeded" | "Failed")) {
        return Ok(());
    }
    // PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migration-update-admitter.go#ensureSelectorLabelSafe
    let Some(before) = text(old, &["metadata", "labels", SELECTOR_LABEL]) else { return Ok(()) };
    let labels = map(new, &["metadata", "labels"]).filter(|labels| !labels.is_empty());
    let message = match labels.map(|labels| labels.get(SELECTOR_LABEL)) {
        None => "selector label can't be removed from an in-flight migration",
        Some(Some(Value::String(after))) if after == before => return Ok(()),
        Some(_) => "selector label can't be modified on an in-flight migration",
    };
    ON_UPDATE.unless_none(vec![cause(Reason::NotSupported, "", message)])
}
