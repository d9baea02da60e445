//! Namespaces: some are there for ever.

use ferry_registry::{Operation, Refusal, Review};

use crate::denial::forbidden;

/// The namespaces that cannot be deleted.
// PARITY: apiserver/pkg/admission/plugin/namespace/lifecycle/admission.go#NewLifecycle
const IMMORTAL: [&str; 3] = ["default", "kube-public", "kube-system"];

pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Operation::Delete { .. } = review.operation else { return Ok(()) };
    if IMMORTAL.contains(&review.target.name.as_str()) {
        return Err(forbidden(review.target, "this namespace may not be deleted"));
    }
    Ok(())
}
