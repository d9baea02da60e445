//! What the rules of several kinds have in common: words out of a few, lists of objects, names, ports.

use ferry_api::{FieldError, FieldPath, NameRule, Problem, Quantity};
use ferry_registry::Document;
use serde_json::Value;

use crate::fields::text;

/// The protocols that there are.
pub(super) const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

/// The ports that there are.
const PORTS: std::ops::RangeInclusive<i64> = 1..=65_535;
/// As long a port's name may be: it stands in the names of DNS records.
const LONGEST_PORT_NAME: usize = 15;

/// The objects in a list.
pub(super) fn items<'d>(object: &'d Document, list: &str) -> impl Iterator<Item = &'d Document> {
    let items = object.get(list).and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_object)
}

/// `value` at `path` is none of a few.
pub(super) fn not_supported(path: FieldPath, value: &str, accepted: &[&str]) -> FieldError {
    let accepted = accepted.iter().map(|&word| word.to_owned()).collect();
    FieldError { path, problem: Problem::NotSupported { value: value.into(), accepted } }
}

/// What is wrong with a field that is one of a few words, if it is there.
pub(super) fn one_of(
    object: &Document,
    field: &str,
    accepted: &[&str],
    path: &FieldPath,
) -> Option<FieldError> {
    let value = text(object, &[field])?;
    (!accepted.contains(&value)).then(|| not_supported(path.field(field), value, accepted))
}

/// The same value stands at `path` as somewhere before.
pub(super) fn duplicate(path: FieldPath, value: impl Into<Value>) -> FieldError {
    FieldError { path, problem: Problem::Duplicate { value: value.into() } }
}

/// What `value` at `path` names is not there.
pub(super) fn not_found(path: FieldPath, value: &str) -> FieldError {
    FieldError { path, problem: Problem::NotFound { value: value.into() } }
}

/// What is wrong with a name at `path`.
pub(super) fn misnamed(rule: NameRule, name: &str, path: &FieldPath) -> Vec<FieldError> {
    let Err(error) = rule.check(name) else { return Vec::new() };
    let wrong = |message: &String| FieldError::invalid(path.clone(), name.into(), message.clone());
    error.messages().iter().map(wrong).collect()
}

/// An amount as it is written, if it is one.
pub(super) fn quantity(value: Option<&Value>) -> Option<Quantity> {
    match value? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What is wrong after a change and was not before. An object that was kept before there was a rule
/// can still be changed in everything else.
pub(super) fn added(before: &[FieldError], mut after: Vec<FieldError>) -> Vec<FieldError> {
    after.retain(|error| !before.contains(error));
    after
}

/// What is wrong with a port that is told by its number or its name, if it is there.
// PARITY: pkg/apis/core/validation/validation.go#ValidatePortNumOrName
pub(super) fn port_problems(port: Option<&Value>, path: &FieldPath) -> Vec<FieldError> {
    match port {
        Some(Value::String(name)) => port_name_problems(name)
            .into_iter()
            .map(|message| FieldError::invalid(path.clone(), name.as_str().into(), message))
            .collect(),
        Some(port) => no_port(port.as_i64().unwrap_or_default(), path).into_iter().collect(),
        None => Vec::new(),
    }
}

/// What is wrong with the number of a port.
pub(super) fn no_port(number: i64, path: &FieldPath) -> Option<FieldError> {
    let message = "must be between 1 and 65535, inclusive";
    (!PORTS.contains(&number)).then(|| FieldError::invalid(path.clone(), number.into(), message))
}

/// What is wrong with the name of a port.
// PARITY: apimachinery/pkg/util/validation/validation.go#IsValidPortName
pub(super) fn port_name_problems(name: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut problem = |wrong: bool, message: &str| {
        if wrong {
            problems.push(message.to_owned());
        }
    };
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    problem(name.len() > LONGEST_PORT_NAME, "must be no more than 15 characters");
    problem(
        !name.bytes().all(fits),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    );
    problem(
        !name.bytes().any(|byte| byte.is_ascii_lowercase()),
        "must contain at least one letter (a-z)",
    );
    problem(name.contains("--"), "must not contain consecutive hyphens");
    problem(name.starts_with('-') || name.ends_with('-'), "must not begin or end with a hyphen");
    problems
}
