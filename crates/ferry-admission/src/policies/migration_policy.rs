//! Policies: no setting is negative, and what is experimental needs its gate.

use ferry_api::{QuantityText, View};
use ferry_registry::{DeniedCause, Document, Part, Refusal, Review};
use serde_json::Value;

use crate::cluster;
use crate::denial::{Reason, Webhook, cause};
use crate::fields::{at, same};
use crate::policies::kubevirt::{DOWNTIME_GATES, downtime_sentence};

const WEBHOOK: Webhook = Webhook("migration-policy-validator.kubevirt.io");

/// How many digits a factor may have behind its point.
// PARITY: pkg/virt-config/virt-config.go#StallDetectorFactorPrecision
const FACTOR_DIGITS: usize = 3;

/// What a factor of the stall detector may be.
struct Factor {
    field: &'static str,
    least: Least,
    most: Option<f64>,
}

/// Where a range begins.
enum Least {
    Above(f64),
    From(f64),
}

const FACTORS: [Factor; 4] = [
    Factor { field: "ewmaAlpha", least: Least::Above(0.0), most: Some(1.0) },
    Factor { field: "precopyPossibleFactor", least: Least::From(1.0), most: None },
    Factor { field: "patienceWindowDecayFactor", least: Least::From(0.0), most: Some(1.0) },
    Factor { field: "completionTimeoutFactor", least: Least::From(1.0), most: None },
];

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migrationpolicy-admitter.go#Admit
pub(super) fn check(review: &Review<'_>, view: &impl View) -> Result<(), Refusal> {
    let Some((old, new)) = super::states(review) else { return Ok(()) };
    if review.target.part != Part::Main {
        return Ok(());
    }
    let changed = |path: &[&str]| {
        let after = at(new, path);
        after.is_some() && !same(old.and_then(|old| at(old, path)), after)
    };
    let mut causes = Vec::new();
    if at(new, &["spec", "completionTimeoutPerGiB"])
        .and_then(Value::as_i64)
        .is_some_and(|timeout| timeout < 0)
    {
        let field = "spec.completionTimeoutPerGiB";
        causes.push(cause(Reason::Invalid, field, "must not be negative"));
    }
    if changed(&["spec", "maxDowntimeMs"]) && !cluster::has_gate(view, &DOWNTIME_GATES) {
        causes.push(cause(Reason::Invalid, "spec.maxDowntimeMs", downtime_sentence()));
    }
    for (option, gate) in [
        ("downtimeTuning", "MigrationDowntimeTuning"),
        ("stallDetector", "MigrationStallDetection"),
    ] {
        if changed(&["spec", "experimental", option]) && !cluster::has_gate(view, &[gate]) {
            let message = format!(
                "experimental.{option} cannot be modified without enabling the {gate} feature gate"
            );
            causes.push(cause(Reason::Invalid, &format!("spec.experimental.{option}"), message));
        }
    }
    causes.extend(experimental(new));
    if at(new, &["spec", "bandwidthPerMigration"]).is_some_and(is_negative) {
        let field = "spec.bandwidthPerMigration";
        causes.push(cause(Reason::Invalid, field, "must not be negative"));
    }
    WEBHOOK.unless_none(causes)
}

/// Whether a quantity is below zero, even by a fraction.
fn is_negative(quantity: &Value) -> bool {
    let written = match quantity {
        Value::String(text) => QuantityText::from(text.as_str()),
        Value::Number(number) => QuantityText::from(number.to_string().as_str()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return false,
    };
    written.parse().is_ok_and(|quantity| quantity.to_string().starts_with('-'))
}

fn experimental(policy: &Document) -> Vec<DeniedCause> {
    let option = |name: &str| at(policy, &["spec", "experimental", name]);
    let mut causes = Vec::new();
    if option("stallDetector").is_some() && option("downtimeTuning").is_some() {
        let message = "stallDetector and downtimeTuning are mutually exclusive";
        causes.push(cause(Reason::Invalid, "spec.experimental", message));
    }
    for Factor { field, least, most } in FACTORS {
        let Some(value) = at(policy, &["spec", "experimental", "stallDetector", field]) else {
            continue;
        };
        if let Some(message) = wrong_factor(value, &least, most) {
            let field = format!("spec.experimental.stallDetector.{field}");
            causes.push(cause(Reason::Invalid, &field, message));
        }
    }
    causes
}

// PARITY: pkg/virt-api/webhooks/validating-webhook/admitters/migrationpolicy-admitter.go#validateStallDetectorFactor
fn wrong_factor(value: &Value, least: &Least, most: Option<f64>) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => String::new(),
    };
    let digits = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite());
    let Some(factor) = factor.filter(|_| digits <= FACTOR_DIGITS) else {
        return Some(format!(
            "must be a decimal number with at most {FACTOR_DIGITS} decimal places, not {text:?}"
        ));
    };
    match *least {
        Least::Above(least) if factor <= least => Some(format!("must be greater than {least}")),
        Least::From(least) if factor < least => {
            Some(format!("must be greater than or equal to {least}"))
        }
        Least::Above(_) | Least::From(_) => most
            .filter(|most| factor > *most)
            .map(|most| format!("must be less than or equal to {most}")),
    }
}
