//! The labels that a migration asks of its target.
//!
//! Upstream takes any, and the pod that they end in is then refused again and again. Here whoever
//! asks for them is told.

use ferry_api::NameRule;
use ferry_registry::{DeniedCause, Refusal};

use crate::denial::{Reason, Webhook, cause};

/// The check that migrations pass when they are made.
pub(crate) const ON_CREATE: Webhook = Webhook("migration-create-validator.kubevirt.io");

const FIELD: &str = "spec.addedNodeSelector";

/// Refuses labels that no node can have.
pub(crate) fn check<'l>(labels: impl Iterator<Item = (&'l str, &'l str)>) -> Result<(), Refusal> {
    ON_CREATE.unless_none(labels.flat_map(problems).collect())
}

fn problems((key, value): (&str, &str)) -> Vec<DeniedCause> {
    let wrong = |(rule, text): (NameRule, &str)| {
        let error = rule.check(text).err()?;
        let message = format!("{FIELD}: Invalid value: {text:?}: {error}");
        Some(cause(Reason::Invalid, FIELD, message))
    };
    [(NameRule::LabelKey, key), (NameRule::LabelValue, value)]
        .into_iter()
        .filter_map(wrong)
        .collect()
}
