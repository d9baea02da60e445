//! Nodes: taints that mean something.

use ferry_api::{FieldError, FieldPath, Problem};
use ferry_registry::{Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::at;

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

// PARITY: pkg/apis/core/validation/validation.go#validateNodeTaints
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((_, node)) = super::states(review) else { return Ok(()) };
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
    invalid(review.target, errors)
}
