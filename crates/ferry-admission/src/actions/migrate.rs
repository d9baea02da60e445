//! `virtctl migrate`: a migration object is made, and everything else follows from that.

use ferry_api::kubevirt::VirtualMachineInstancePhase;
use ferry_api::{Kind, KindVersion, View};
use ferry_registry::{Document, Refusal};
use serde_json::{Value, json};

use crate::actions::{
    ActionAnswer, MigrateOptions, Outcome, Subject, conflict, instance_of, internal, machine_of,
    phase, requests,
};
use crate::target_labels;

// PARITY: pkg/virt-api/rest/lifecycle.go#MigrateVMRequestHandler
pub(super) fn migrate(
    subject: &Subject,
    options: &MigrateOptions,
    view: &impl View,
) -> Result<Outcome, Refusal> {
    machine_of(subject, view)?;
    let instance = instance_of(subject, view)?;
    if phase(&instance) != VirtualMachineInstancePhase::Running {
        return Err(conflict(Kind::VirtualMachine, &subject.name, "VM is not running"));
    }
    let kind = Kind::VirtualMachineInstanceMigration;
    let mut spec = Document::from_iter([("vmiName".to_owned(), json!(subject.name))]);
    if let Some(selector) = options.added_node_selector.as_ref().filter(|labels| !labels.is_empty())
    {
        target_labels::check(selector.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        spec.insert("addedNodeSelector".to_owned(), json!(selector));
    }
    let served = KindVersion::storage(kind);
    let migration = Document::from_iter([
        ("apiVersion".to_owned(), json!(served.api_version())),
        ("kind".to_owned(), json!(served.definition().kind)),
        (
            "metadata".to_owned(),
            json!({
                "generateName": "kubevirt-migrate-vm-",
                "namespace": subject.namespace,
            }),
        ),
        ("spec".to_owned(), Value::Object(spec)),
    ]);
    let create = requests::create(kind, subject, migration, options.run())
        .map_err(|refusal| internal(&refusal))?;
    Ok(Outcome::done(ActionAnswer::Accepted, vec![create]))
}
