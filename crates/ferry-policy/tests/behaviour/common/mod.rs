//! Policies and labels in a line.

pub(crate) mod manifests;

use ferry_api::{Labels, MigrationPolicy};
use ferry_config::Semantics;
use ferry_policy::{EffectiveConfiguration, Policy, PolicySet, Resolution, Subject, resolve};
use serde_json::{Value, json};

/// `"size=large os= gpu=nvidia"`; a label without `=` has the value `yes`.
pub(crate) fn labels(text: &str) -> Labels {
    text.split_whitespace()
        .map(|pair| pair.split_once('=').unwrap_or((pair, "yes")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// A policy that selects by labels of the VM and of the namespace, and sets `settings`.
pub(crate) fn policy_with(name: &str, vm: &str, namespace: &str, settings: Value) -> Policy {
    let mut spec = settings;
    spec["selectors"] = json!({
        "virtualMachineInstanceSelector": labels(vm),
        "namespaceSelector": labels(namespace),
    });
    let written: MigrationPolicy =
        serde_json::from_value(json!({ "metadata": { "name": name }, "spec": spec })).unwrap();
    Policy::parse(&written).unwrap()
}

/// A policy that selects by labels of the VM and of the namespace, and sets nothing.
pub(crate) fn policy(name: &str, vm: &str, namespace: &str) -> Policy {
    policy_with(name, vm, namespace, json!({}))
}

/// The name of the policy that applies, and the whole resolution as lines of verdicts.
pub(crate) fn decide(
    policies: &[Policy],
    vm: &str,
    namespace: &str,
    semantics: Semantics,
) -> (Option<String>, Vec<String>) {
    let (vm, namespace) = (labels(vm), labels(namespace));
    let subject = Subject { vm_labels: &vm, namespace_labels: &namespace };
    let cluster = EffectiveConfiguration::default();
    let policies: PolicySet = policies.iter().cloned().collect();
    let resolution: Resolution<'_> = resolve(&subject, &policies, &cluster, semantics);
    let lines = resolution
        .verdicts
        .iter()
        .map(|line| format!("{} {}: {line}", line.policy.name(), line.verdict.word()))
        .collect();
    (resolution.applied.map(|policy| policy.name().to_owned()), lines)
}
