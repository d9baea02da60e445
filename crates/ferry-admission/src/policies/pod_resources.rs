//! What the containers of a new pod ask for, and are allowed.

use ferry_api::{FieldError, FieldPath, Quantity};
use ferry_registry::Document;

use crate::fields::{at, map};
use crate::policies::shape::{items, quantity};

/// Everything that is wrong with the resources of a pod. They do not change later.
pub(super) fn problems(pod: &Document) -> Vec<FieldError> {
    let none = Document::new();
    let spec = map(pod, &["spec"]).unwrap_or(&none);
    let mut errors = Vec::new();
    for list in ["containers", "initContainers"] {
        for (index, container) in items(spec, list).enumerate() {
            let path = FieldPath::of("spec").field(list).index(index);
            errors.extend(check(container, &path.field("resources")));
        }
    }
    errors
}

// PARITY: pkg/apis/core/validation/validation.go#validateResourceRequirements
fn check(container: &Document, path: &FieldPath) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for list in ["limits", "requests"] {
        for (resource, amount) in map(container, &["resources", list]).into_iter().flatten() {
            if quantity(Some(amount)).is_some_and(Quantity::is_negative) {
                let message = "must be greater than or equal to 0";
                let path = path.field(list).key(resource);
                errors.push(FieldError::invalid(path, amount.clone(), message));
            }
        }
    }
    let limit_of = |resource: &str| at(container, &["resources", "limits", resource]);
    for (resource, asked) in map(container, &["resources", "requests"]).into_iter().flatten() {
        let Some(asked) = quantity(Some(asked)) else { continue };
        let Some(limit) = quantity(limit_of(resource)) else {
            if !may_be_overcommitted(resource) {
                let message = "Limit must be set for non overcommitable resources";
                errors.push(FieldError::required(path.field("limits"), message));
            }
            continue;
        };
        let words = if asked != limit && !may_be_overcommitted(resource) {
            "equal to"
        } else if asked > limit {
            "less than or equal to"
        } else {
            continue;
        };
        let message = format!("must be {words} {resource} limit of {limit}");
        let path = path.field("requests");
        errors.push(FieldError::invalid(path, asked.to_string().into(), message));
    }
    errors
}

/// Whether more of a resource can be allowed than asked for: not of devices and huge pages.
// PARITY: pkg/apis/core/helper/helpers.go#IsOvercommitAllowed
fn may_be_overcommitted(resource: &str) -> bool {
    let is_native = !resource.contains('/') || resource.contains("kubernetes.io/");
    is_native && !resource.starts_with("hugepages-")
}
