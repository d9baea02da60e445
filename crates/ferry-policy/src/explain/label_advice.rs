//! What a careful colleague would say of labels: where they are, and where policies look for them.

use std::collections::BTreeSet;

use ferry_api::Filing;

use crate::explain::inventory::Inventory;
use crate::explain::machine::{Machine, MachineKey};
use crate::explain::warnings::{Warning, WarningCode};
use crate::policy::Policy;

pub(super) fn about_labels(
    inventory: &Inventory,
    key: &MachineKey,
    machine: &Machine,
    warnings: &mut Vec<Warning>,
) {
    let policies = inventory.policies.values();
    let selected_by = |label: &str| {
        policies.clone().find(|policy| policy.vm_selector().contains_key(label)).map(Policy::name)
    };
    if let Some(definition) = machine.definition() {
        for label in definition.own_labels.keys() {
            if let (None, Some(policy)) =
                (definition.template_labels.get(label), selected_by(label))
            {
                let message = format!(
                    "label {label} is on the VirtualMachine and not on its template, where policy \
                     {policy} looks for it: put it under spec.template.metadata.labels"
                );
                warnings.push(Warning::new(WarningCode::LabelNotOnTemplate, message));
            }
        }
        match definition.filing {
            Filing::Right => {}
            Filing::VirtualMachineAsPolicyGroup => warnings.push(Warning::new(
                WarningCode::VmUnderMigrationPolicyGroup,
                "apiVersion migrations.kubevirt.io/v1alpha1 belongs to MigrationPolicy and was \
                 read as kubevirt.io/v1; a cluster would refuse it",
            )),
        }
    }
    if let (Some(definition), Some(instance)) = (machine.definition(), machine.instance()) {
        let changed: Vec<_> = definition
            .template_labels
            .keys()
            .chain(instance.labels.keys())
            .filter(|label| selected_by(label).is_some())
            .filter(|label| definition.template_labels.get(*label) != instance.labels.get(*label))
            .map(String::as_str)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        if !changed.is_empty() {
            let message = format!(
                "the running instance differs from the template in {}; the template's labels \
                 count after a restart",
                changed.join(", ")
            );
            warnings.push(Warning::new(WarningCode::TemplateNotApplied, message));
        }
    }
    let by_namespace = policies.clone().find(|policy| !policy.namespace_selector().is_empty());
    if let (Some(policy), false) = (by_namespace, inventory.namespaces.contains_key(&key.namespace))
    {
        let message = format!(
            "namespace {} is not among the manifests and counts as having no labels, which policy \
             {} looks at",
            key.namespace,
            policy.name()
        );
        warnings.push(Warning::new(WarningCode::NamespaceNotGiven, message));
    }
}
