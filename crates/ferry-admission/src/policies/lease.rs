//! Leases: their durations make sense.

use ferry_api::{FieldError, FieldPath};
use ferry_registry::{Refusal, Review};

use crate::denial::invalid;
use crate::fields::at;

// PARITY: pkg/apis/coordination/validation/validation.go#ValidateLeaseSpec
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((_, lease)) = super::states(review) else { return Ok(()) };
    let mut errors = Vec::new();
    for (field, least, words) in [
        ("leaseDurationSeconds", 1, "must be greater than 0"),
        ("leaseTransitions", 0, "must be greater than or equal to 0"),
    ] {
        let Some(value) = at(lease, &["spec", field]) else { continue };
        if value.as_i64().is_some_and(|number| number < least) {
            let path = FieldPath::of("spec").field(field);
            errors.push(FieldError::invalid(path, value.clone(), words));
        }
    }
    invalid(review.target, errors)
}
