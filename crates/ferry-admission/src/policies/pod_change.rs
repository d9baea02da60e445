//! What of a pod's spec may change, and how. What may not at all, ferry-registry sees to.

use ferry_api::{FieldError, FieldPath};
use ferry_registry::Document;
use serde_json::Value;

use crate::fields::{at, map};
use crate::policies::shape::added;
use crate::policies::{pod_shape, toleration};

/// Seconds that a pod gets to end if it does not say.
// PARITY: pkg/apis/core/v1/defaults.go#SetDefaults_PodSpec
const DEFAULT_GRACE: i64 = 30;

/// Everything that is wrong with a change of a pod through its main path.
// PARITY: pkg/apis/core/validation/validation.go#ValidatePodUpdate
pub(super) fn problems(old: &Document, new: &Document) -> Vec<FieldError> {
    let none = Document::new();
    let spec = |pod| map(pod, &["spec"]).unwrap_or(&none);
    let path = FieldPath::of("spec");
    let problems = |pod| [pod_shape::problems(pod), toleration::problems(pod)].concat();
    let mut errors = added(&problems(old), problems(new));
    let (old, new) = (spec(old), spec(new));
    errors.extend(deadline_problem(old, new, &path.field("activeDeadlineSeconds")));
    errors.extend(toleration::change_problem(old, new, &path.field("tolerations")));
    errors.extend(grace_problem(old, new, path));
    errors
}

/// A deadline that was set only comes closer.
fn deadline_problem(old: &Document, new: &Document, path: &FieldPath) -> Option<FieldError> {
    let deadline = |spec| at(spec, &["activeDeadlineSeconds"]).and_then(Value::as_i64);
    let was = deadline(old);
    let Some(is) = deadline(new) else {
        let message = "must not update from a positive integer to nil value";
        return was.map(|_| FieldError::invalid(path.clone(), Value::Null, message));
    };
    // One that was kept before there was a limit is in nobody's way.
    if was == Some(is) {
        return None;
    }
    let message = if !(0..=pod_shape::LONGEST).contains(&is) {
        "must be between 0 and 2147483647, inclusive"
    } else if was.is_some_and(|was| was < is) {
        "must be less than or equal to previous value"
    } else {
        return None;
    };
    Some(FieldError::invalid(path.clone(), is.into(), message))
}

/// How long a pod may take to end stays; one below zero, which older servers took, is put right.
fn grace_problem(old: &Document, new: &Document, path: FieldPath) -> Option<FieldError> {
    let grace = |spec| {
        let seconds = at(spec, &["terminationGracePeriodSeconds"]).and_then(Value::as_i64);
        seconds.unwrap_or(DEFAULT_GRACE)
    };
    let (was, is) = (grace(old), grace(new));
    (was != is && !(was < 0 && is == 1)).then(|| {
        FieldError::forbidden(
            path,
            "pod updates may not change fields other than `spec.containers[*].image`,\
             `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only \
             additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to \
             be set to 1 if it was previously negative)",
        )
    })
}
