//! What of a built-in object never changes once it is there.

use ferry_api::{FieldError, FieldPath, Kind};
use serde_json::Value;

use crate::draft::complete_pod;
use crate::object::Document;

/// What is wrong with a change of a built-in object through its main path.
pub(super) fn check_change(kind: Kind, before: &Document, after: &Document) -> Option<FieldError> {
    if kind == Kind::Pod {
        check_pod(before, after)
    } else if matches!(kind, Kind::ConfigMap | Kind::Secret) {
        check_sealed(kind, before, after)
    } else {
        None
    }
}

// PARITY: pkg/apis/core/validation/validation.go#ValidatePodUpdate
fn check_pod(before: &Document, after: &Document) -> Option<FieldError> {
    (fixed_spec(before) != fixed_spec(after)).then(|| {
        FieldError::forbidden(
            FieldPath::of("spec"),
            "pod updates may not change fields other than `spec.containers[*].image`,\
             `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
             additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to \
             be set to 1 if it was previously negative)",
        )
    })
}

/// A pod's spec without what may change.
fn fixed_spec(pod: &Document) -> Option<Value> {
    let mut spec = pod.get("spec")?.clone();
    let fields = spec.as_object_mut()?;
    // One that was kept before there were defaults has them by being read.
    complete_pod(fields);
    for field in ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"] {
        fields.remove(field);
    }
    for list in ["containers", "initContainers"] {
        let containers = fields.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(container) = container.as_object_mut() {
                container.remove("image");
            }
        }
    }
    Some(spec)
}

/// Whoever sealed a ConfigMap or a Secret relies on it.
// PARITY: pkg/apis/core/validation/validation.go#ValidateConfigMapUpdate
fn check_sealed(kind: Kind, before: &Document, after: &Document) -> Option<FieldError> {
    if kind == Kind::Secret && before.get("type") != after.get("type") {
        let value = after.get("type").cloned().unwrap_or_default();
        return Some(FieldError::invalid(FieldPath::of("type"), value, "field is immutable"));
    }
    if before.get("immutable") != Some(&Value::Bool(true)) {
        return None;
    }
    ["immutable", "data", "binaryData"]
        .into_iter()
        .find(|field| before.get(*field) != after.get(*field))
        .map(|field| {
            let message = "field is immutable when `immutable` is set";
            FieldError::forbidden(FieldPath::of(field), message)
        })
}
