//! What a pod puts up with.

use ferry_api::{FieldError, FieldPath, NameRule};
use ferry_registry::Document;

use crate::fields::{at, map, text};
use crate::policies::shape::{items, misnamed, not_supported};

const OPERATORS: [&str; 2] = ["Equal", "Exists"];
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// Everything that is wrong with the tolerations of a pod.
// PARITY: pkg/apis/core/validation/validation.go#ValidateTolerations
pub(super) fn problems(pod: &Document) -> Vec<FieldError> {
    let none = Document::new();
    let spec = map(pod, &["spec"]).unwrap_or(&none);
    let path = FieldPath::of("spec.tolerations");
    let tolerations = items(spec, "tolerations").enumerate();
    tolerations.flat_map(|(index, toleration)| check(toleration, &path.index(index))).collect()
}

fn check(toleration: &Document, path: &FieldPath) -> Vec<FieldError> {
    let said = |field: &str| text(toleration, &[field]).unwrap_or_default();
    let (key, operator, value, effect) =
        (said("key"), said("operator"), said("value"), said("effect"));
    let mut errors = Vec::new();
    let wrong = |field: &str, value: &str, message: &str| {
        FieldError::invalid(path.field(field), value.into(), message)
    };
    if !key.is_empty() {
        errors.extend(misnamed(NameRule::LabelKey, key, &path.field("key")));
    } else if operator != "Exists" {
        let message = "operator must be Exists when `key` is empty, which means \"match all values \
                       and all keys\"";
        errors.push(wrong("operator", operator, message));
    }
    if at(toleration, &["tolerationSeconds"]).is_some() && effect != "NoExecute" {
        let message = "effect must be 'NoExecute' when `tolerationSeconds` is set";
        errors.push(wrong("effect", effect, message));
    }
    match operator {
        "" | "Equal" => {
            errors.extend(misnamed(NameRule::LabelValue, value, &path.field("operator")));
        }
        "Exists" if value.is_empty() => {}
        "Exists" => {
            let message = "value must be empty when `operator` is 'Exists'";
            errors.push(wrong("operator", value, message));
        }
        _ => errors.push(not_supported(path.field("operator"), operator, &OPERATORS)),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect) {
        errors.push(not_supported(path.field("effect"), effect, &EFFECTS));
    }
    errors
}

/// Whoever put a pod on a node counted on what it puts up with: that only grows, or changes how long.
// PARITY: pkg/apis/core/validation/validation.go#validateOnlyAddedTolerations
pub(super) fn change_problem(
    old: &Document,
    new: &Document,
    path: &FieldPath,
) -> Option<FieldError> {
    let essence = |toleration| {
        ["key", "operator", "value", "effect"]
            .map(|field| text(toleration, &[field]).unwrap_or_default())
    };
    let kept = |old| items(new, "tolerations").any(|new| essence(new) == essence(old));
    (!items(old, "tolerations").all(kept)).then(|| {
        let message = "existing toleration can not be modified except its tolerationSeconds";
        FieldError::forbidden(path.clone(), message)
    })
}
