//! What machines and instances have in common.

use ferry_registry::{DeniedCause, Document};
use serde_json::Value;

use crate::denial::{Reason, cause};
use crate::fields::{map, text};

/// What may become of an instance whose pod is evicted.
pub(super) const EVICTION_STRATEGIES: [&str; 4] =
    ["None", "LiveMigrate", "LiveMigrateIfPossible", "External"];

/// Labels that only components may set or change.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#restriectedVmiLabels
pub(super) const RESERVED_LABELS: [&str; 6] = [
    "kubevirt.io/created-by",
    "kubevirt.io/migrationJobUID",
    "kubevirt.io/nodeName",
    "kubevirt.io/migrationTargetNodeName",
    "kubevirt.io/schedulable",
    "kubevirt.io/install-strategy",
];

/// What is wrong with the eviction strategy of the spec at `path`.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#validateEvictionStrategy
pub(super) fn eviction_strategy(object: &Document, path: &[&str]) -> Option<DeniedCause> {
    let strategy = text(object, &[path, &["evictionStrategy"]].concat())?;
    if EVICTION_STRATEGIES.contains(&strategy) {
        return None;
    }
    let field = format!("{}.evictionStrategy", path.join("."));
    let message = format!("{field} is set with an unrecognized option: {strategy}");
    Some(cause(Reason::Invalid, &field, message))
}

/// What is wrong with the labels of the metadata at `path`, for somebody who is no component.
// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go#ValidateVirtualMachineInstanceMetadata
pub(super) fn reserved_labels(object: &Document, path: &[&str]) -> Option<DeniedCause> {
    let labels = map(object, &[path, &["labels"]].concat())?;
    let reserved = RESERVED_LABELS.iter().any(|label| labels.contains_key(*label));
    reserved.then(|| {
        let message =
            "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited";
        cause(Reason::NotSupported, &format!("{}.labels", path.join(".")), message)
    })
}

/// The annotation that names the kind of an instance's machine, and the kinds that there are.
pub(super) const MACHINE_TYPE: (&str, [&str; 2]) = ("machine.ferry.dev/type", ["ferry", "qemu"]);

/// What is wrong with the kind of machine that the metadata at `path` asks for.
pub(super) fn machine_type(object: &Document, path: &[&str]) -> Option<DeniedCause> {
    let (annotation, kinds) = MACHINE_TYPE;
    let asked = map(object, &[path, &["annotations"]].concat())?.get(annotation)?.as_str()?;
    if kinds.contains(&asked) {
        return None;
    }
    let field = format!("{}.annotations[{annotation}]", path.join("."));
    let message = format!("{field} is {asked:?}; accepted are {}", kinds.join(" and "));
    Some(cause(Reason::NotSupported, &field, message))
}

/// The reserved labels of an object.
pub(super) fn reserved(object: &Document) -> Vec<Option<&Value>> {
    let labels = map(object, &["metadata", "labels"]);
    RESERVED_LABELS.iter().map(|label| labels.and_then(|labels| labels.get(*label))).collect()
}
