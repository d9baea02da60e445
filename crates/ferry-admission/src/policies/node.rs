//! Nodes: taints that mean something, and who provides them and their addresses for ever.

use ferry_api::{FieldError, FieldPath, Problem};
use ferry_registry::{Document, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, same};

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

// PARITY: pkg/apis/core/validation/validation.go#validateNodeTaints
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((old, node)) = super::states(review) else { return Ok(()) };
    let taints = at(node, &["spec", "taints"]).and_then(Value::as_array);
    let mut errors = Vec::new();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (index, taint) in taints.into_iter().flatten().enumerate() {
        let path = FieldPath::of("spec.taints").index(index);
        let text = |field: &str| taint.get(field).and_then(Value::as_str).unwrap_or_default();
        let (key, effect) = (text("key"), text("effect"));
        if key.is_empty() {
            errors.push(FieldError::required(path.field("key"), "the name of the taint"));
        }
        if effect.is_empty() {
            errors.push(FieldError::required(path.field("effect"), EFFECTS.join(", ")));
        } else if !EFFECTS.contains(&effect) {
            errors.push(FieldError {
                path: path.field("effect"),
                problem: Problem::NotSupported {
                    value: effect.into(),
                    accepted: EFFECTS.map(str::to_owned).to_vec(),
                },
            });
        }
        if seen.contains(&(key, effect)) {
            let words = "taints must be unique by key and effect pair";
            errors.push(FieldError::invalid(path, taint.clone(), words));
        }
        seen.push((key, effect));
    }
    errors.extend(old.into_iter().flat_map(|old| check_change(old, node)));
    invalid(review.target, errors)
}

/// What is given to a node once, and not taken back.
// PARITY: pkg/apis/core/validation/validation.go#ValidateNodeUpdate
fn check_change(old: &Document, new: &Document) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (field, called) in
        [("podCIDRs", "podCIDR"), ("podCIDR", "podCIDR"), ("providerID", "providerID")]
    {
        let (was, is) = (at(old, &["spec", field]), at(new, &["spec", field]));
        if !same(was, None) && was != Some(&Value::from("")) && was != is {
            let message = format!("node updates may not change {called} except from \"\" to valid");
            errors.push(FieldError::forbidden(FieldPath::of("spec").field(field), message));
        }
    }
    errors
}
