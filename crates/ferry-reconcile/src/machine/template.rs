//! What of a machine's template its instance has: a change reaches what runs with the next start.

use std::collections::BTreeMap;

use ferry_api::kubevirt::VirtualMachineInstance;
use serde_json::{Value, json};

use super::Observed;
use crate::instance::is_final;
use crate::objects::{annotation, change, difference, is_leaving, set_annotation};
use crate::plan::{Part, Plan};
use crate::words;

/// Whether the template's `spec` says something that the instance is not. What the template no longer
/// says cannot be told from what was completed.
// PARITY: pkg/virt-controller/watch/vm/vm.go#syncRestartRequired
pub(super) fn has_news(seen: &Observed, instance: &VirtualMachineInstance) -> bool {
    let runs = json!(instance.spec);
    let mut template = json!(seen.machine.spec.template.spec);
    // The grace of an instance is cut short when it is stopped with less.
    if let Value::Object(template) = &mut template {
        template.remove("terminationGracePeriodSeconds");
    }
    let mut should = runs.clone();
    overlay(&mut should, &template);
    difference(&runs, &should).is_some()
}

fn overlay(under: &mut Value, over: &Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                overlay(under.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (under, over) => under.clone_from(over),
    }
}

/// Writes at an instance that it is as its machine is now, where another field of the machine was
/// changed than its template, such as its run strategy. Clients wait for that: to `kubectl wait`
/// nothing is true of a machine whose `observedGeneration` lags behind.
// PARITY: pkg/virt-controller/watch/vm/vm.go#conditionallyBumpGenerationAnnotationOnVmi
pub(super) fn keep_generation(seen: &Observed, plan: &mut Plan) {
    let Some(instance) = seen.own() else { return };
    let Some(generation) = seen.machine.metadata.generation.map(|it| it.to_string()) else {
        return;
    };
    let is_current = annotation(instance, words::VM_GENERATION) == Some(generation.as_str());
    let is_ending = is_leaving(instance) || is_final(instance);
    if is_current || is_ending || has_news(seen, instance) || has_new_labels(seen, instance) {
        return;
    }
    let mut after = instance.clone();
    set_annotation(&mut after.metadata, words::VM_GENERATION, &generation);
    plan.actions.extend(change(Part::Main, instance, &after).map(Into::into));
}

/// Whether the template has labels or annotations that the instance has not.
fn has_new_labels(seen: &Observed, instance: &VirtualMachineInstance) -> bool {
    type Pairs = BTreeMap<String, String>;
    let lacks = |wanted: Option<&Pairs>, found: Option<&Pairs>| {
        let has = |(key, value): (&String, &String)| {
            found.is_some_and(|found| found.get(key) == Some(value))
        };
        !wanted.into_iter().flatten().all(has)
    };
    let Some(template) = &seen.machine.spec.template.metadata else { return false };
    lacks(template.labels.as_ref(), instance.metadata.labels.as_ref())
        || lacks(template.annotations.as_ref(), instance.metadata.annotations.as_ref())
}
