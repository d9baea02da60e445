//! An instance as its machine makes it.

use ferry_api::kubevirt::VirtualMachineInstance;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::{Observed, requests};
use crate::objects::{managed_by, name, namespace, set_annotation};
use crate::words;

/// Labels and annotations are those of the template at this moment; a later change of the template
/// does not reach an instance that runs.
// PARITY: pkg/virt-controller/watch/vm/vm.go#SetupVMIFromVM
pub(super) fn instance(seen: &Observed) -> VirtualMachineInstance {
    let machine = &seen.machine;
    let template = machine.spec.template.metadata.clone().unwrap_or_default();
    let mut metadata = ObjectMeta {
        name: Some(name(machine).to_owned()),
        namespace: Some(namespace(machine).to_owned()),
        labels: template.labels,
        annotations: template.annotations,
        owner_references: Some(vec![managed_by(machine)]),
        finalizers: Some(vec![
            words::MACHINE_FINALIZER.to_owned(),
            words::INSTANCE_FINALIZER.to_owned(),
        ]),
        ..ObjectMeta::default()
    };
    if let Some(generation) = machine.metadata.generation {
        set_annotation(&mut metadata, words::VM_GENERATION, &generation.to_string());
    }
    let mut spec = machine.spec.template.spec.clone();
    // PARITY: pkg/defaults/defaults.go#setDefaultEvictionStrategy
    spec.eviction_strategy.get_or_insert_with(|| seen.cluster.eviction_strategy.clone());
    if requests::is_paused_start_asked(machine) {
        spec.other.insert("startStrategy".to_owned(), json!("Paused"));
    }
    VirtualMachineInstance { metadata, spec, status: None }
}
