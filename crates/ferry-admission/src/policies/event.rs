//! Events: what their reporters must say, and what of it stays.
//!
//! Objects are those of the core here, and so are the names of fields in what is told, as upstream.

use ferry_api::{FieldError, FieldPath, KindVersion, NameRule};
use ferry_registry::{Document, Operation, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, same, text};

/// How long words of a reporter may be, and how long its message: Events are many.
// PARITY: pkg/apis/core/validation/events.go#NoteLengthLimit
const LONGEST_WORD: usize = 128;
const LONGEST_NOTE: usize = 1024;

/// How often something has happened at least, if it is a series.
const SHORTEST_SERIES: i64 = 2;

/// Where an Event is about what is in no namespace.
const UNPLACED: [&str; 2] = ["default", "kube-system"];

/// Takes back the time that an Event without one is shown with in `events.k8s.io`.
pub(super) fn complete(review: &Review<'_>, event: &mut Document) {
    if let Operation::Update { old, .. } = review.operation
        && review.target.served == KindVersion::NEW_EVENT
        && at(old, &["eventTime"]).is_none()
    {
        event.remove("eventTime");
    }
}

pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((old, event)) = super::states(review) else { return Ok(()) };
    let mut errors = match at(event, &["eventTime"]) {
        None => check_untimed(event),
        Some(_) => check_timed(event),
    };
    // Reporters that know only the core's are let in with less.
    if review.target.served == KindVersion::NEW_EVENT {
        match old {
            None => errors.extend(check_new(event)),
            Some(old) => errors.extend(check_change(old, event)),
        }
    }
    invalid(review.target, errors)
}

fn wrong(path: &str, value: &str, message: impl Into<String>) -> FieldError {
    FieldError::invalid(FieldPath::of(path), Value::from(value), message)
}

fn missing(path: &str) -> FieldError {
    FieldError::required(FieldPath::of(path), "")
}

fn misplaced(namespace: &str) -> FieldError {
    wrong("involvedObject.namespace", namespace, "does not match event.namespace")
}

// PARITY: pkg/apis/core/validation/events.go#legacyValidateEvent
fn check_untimed(event: &Document) -> Vec<FieldError> {
    let own = text(event, &["metadata", "namespace"]).unwrap_or_default();
    let subject = text(event, &["involvedObject", "namespace"]).unwrap_or_default();
    let fits = if subject.is_empty() { own == UNPLACED[0] } else { own == subject };
    if fits { Vec::new() } else { vec![misplaced(subject)] }
}

// PARITY: pkg/apis/core/validation/events.go#legacyValidateEvent
fn check_timed(event: &Document) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let word = |name: &str| text(event, &[name]).unwrap_or_default();
    let subject = text(event, &["involvedObject", "namespace"]).unwrap_or_default();
    let own = text(event, &["metadata", "namespace"]).unwrap_or_default();
    if subject.is_empty() && !UNPLACED.contains(&own) {
        errors.push(misplaced(subject));
    }
    let controller = word("reportingComponent");
    if controller.is_empty() {
        errors.push(missing("reportingController"));
    }
    if let Err(error) = NameRule::LabelKey.check(controller) {
        for message in error.messages() {
            errors.push(wrong("reportingController", controller, message.clone()));
        }
    }
    for field in ["reportingInstance", "action", "reason"] {
        if word(field).is_empty() {
            errors.push(missing(field));
        }
        errors.extend(too_long(field, word(field), LONGEST_WORD));
    }
    errors.extend(too_long("message", word("message"), LONGEST_NOTE));
    errors
}

fn too_long(field: &str, text: &str, most: usize) -> Option<FieldError> {
    let message = || format!("can have at most {most} characters");
    (text.len() > most).then(|| wrong(field, "", message()))
}

// PARITY: pkg/apis/core/validation/events.go#ValidateEventCreate
fn check_new(event: &Document) -> Vec<FieldError> {
    let mut errors = check_series(event);
    // The core takes whatever can stand in a path.
    let name = text(event, &["metadata", "name"]).unwrap_or_default();
    if let Err(error) = NameRule::DnsSubdomain.check(name) {
        errors
            .extend(error.messages().iter().map(|why| wrong("metadata.name", name, why.as_str())));
    }
    if at(event, &["eventTime"]).is_none() {
        errors.push(missing("eventTime"));
    }
    let type_ = text(event, &["type"]).unwrap_or_default();
    if !matches!(type_, "Normal" | "Warning") {
        errors.push(wrong("type", "", format!("has invalid value: {type_}")));
    }
    let nothing = [Value::from(0), Value::from("")];
    for path in [
        &["firstTimestamp"][..],
        &["lastTimestamp"],
        &["count"],
        &["source", "component"],
        &["source", "host"],
    ] {
        if at(event, path).is_some_and(|value| !nothing.contains(value)) {
            errors.push(wrong(path[0], "", "needs to be unset"));
        }
    }
    errors.dedup();
    errors
}

// PARITY: pkg/apis/core/validation/events.go#validateV1EventSeries
fn check_series(event: &Document) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if at(event, &["series"]).is_none() {
        return errors;
    }
    let count = at(event, &["series", "count"]).and_then(Value::as_i64).unwrap_or(0);
    if count < SHORTEST_SERIES {
        let message = format!("should be at least {SHORTEST_SERIES}");
        errors.push(wrong("series.count", "", message));
    }
    if at(event, &["series", "lastObservedTime"]).is_none() {
        errors.push(missing("series.lastObservedTime"));
    }
    errors
}

// PARITY: pkg/apis/core/validation/events.go#ValidateEventUpdate
fn check_change(old: &Document, new: &Document) -> Vec<FieldError> {
    let changed = |field: &str| !same(old.get(field), new.get(field));
    let mut errors = if changed("series") { check_series(new) } else { Vec::new() };
    for field in [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
        "reportingComponent",
        "reportingInstance",
    ] {
        if changed(field) {
            let path = if field == "reportingComponent" { "reportingController" } else { field };
            let value = new.get(field).cloned().unwrap_or_default();
            errors.push(FieldError::invalid(FieldPath::of(path), value, "field is immutable"));
        }
    }
    errors
}
