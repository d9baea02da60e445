//! Does a configuration fit its schema, as far as ownership goes?
//!
//! A field that the schema does not name cannot be owned, so server-side apply refuses it whatever
//! is said about unknown fields. Bounds and the like are checked later, with the merged object.

use ferry_api::Schema;
use ferry_api::schema::{MergeStrategy, Shape};
use serde_json::{Map, Value};

use crate::fields::form::{Entry, Form, Layout};

/// As many problems are told; a configuration with more is not looked at any further.
const MOST_PROBLEMS: usize = 100;
/// As much of a wrong value is told: enough to find it, too little to fill a log.
const MOST_OF_VALUE: usize = 100;

/// Everything that is wrong with a configuration, each with its path: `.spec.foo: …`.
// PARITY: structured-merge-diff/typed/validate.go#validate
pub(super) fn problems(form: Form<'_>, config: &Map<String, Value>) -> Vec<String> {
    let mut problems = Vec::new();
    check_fields(form, config, "", &mut problems);
    problems
}

/// The problems as one message.
// PARITY: structured-merge-diff/typed/helpers.go#ValidationErrors
pub(super) fn as_message(problems: &[String]) -> String {
    match problems {
        [problem] => problem.clone(),
        several => format!("errors:\n  {}", several.join("\n  ")),
    }
}

fn check_fields(
    form: Form<'_>,
    fields: &Map<String, Value>,
    path: &str,
    problems: &mut Vec<String>,
) {
    for (name, value) in fields {
        if problems.len() >= MOST_PROBLEMS {
            return;
        }
        let path = format!("{path}.{name}");
        match form.entry(name) {
            Entry::Declared(form) | Entry::Free(form) => check(form, value, &path, problems),
            Entry::Unknown => {
                problems.push(format!("{path}: field not declared in schema"));
                return;
            }
        }
    }
}

fn check(form: Form<'_>, value: &Value, path: &str, problems: &mut Vec<String>) {
    if value.is_null() {
        return;
    }
    if let Form::Known(schema) = form
        && let Some(expected) = mismatch(schema, value)
    {
        let mut got = value.to_string();
        if got.len() > MOST_OF_VALUE {
            got = format!("{}…", got.chars().take(MOST_OF_VALUE).collect::<String>());
        }
        problems.push(format!("{path}: expected {expected}, got {got}"));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(form, fields, path, problems),
        Value::Array(items) => check_items(form, items, path, problems),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn check_items(form: Form<'_>, items: &[Value], path: &str, problems: &mut Vec<String>) {
    let layout = match form {
        Form::Known(schema) => match &schema.merge {
            MergeStrategy::Set => Layout::Set,
            MergeStrategy::Keyed(keys) => Layout::Keyed(keys),
            MergeStrategy::Atomic | MergeStrategy::Granular => Layout::Leaf,
        },
        Form::Deduced => Layout::Leaf,
    };
    for (place, item) in items.iter().enumerate() {
        if problems.len() >= MOST_PROBLEMS {
            return;
        }
        let element = match layout {
            Layout::Set | Layout::Keyed(_) => match form.element(layout, item) {
                Ok(element) => element.to_string(),
                Err(problem) => {
                    problems.push(format!("{path}: element {place}: {problem}"));
                    return;
                }
            },
            Layout::Leaf | Layout::Map => format!("[{place}]"),
        };
        check(form.item(), item, &format!("{path}{element}"), problems);
    }
    for (element, places) in form.index(layout, items) {
        // Once for each that is too many.
        for _ in places.iter().skip(1) {
            problems.push(format!("{path}: duplicate entries for key {element}"));
        }
    }
}

/// What was expected instead of `value`, if its type is wrong.
fn mismatch(schema: &Schema, value: &Value) -> Option<&'static str> {
    let (fits, expected) = match schema.shape {
        Shape::Anything => (true, ""),
        Shape::Boolean => (value.is_boolean(), "boolean"),
        Shape::Integer { .. } | Shape::Number => (value.is_number(), "numeric (int or float)"),
        Shape::String(_) => (value.is_string(), "string"),
        Shape::IntOrString(_) => (!value.is_object() && !value.is_array(), "any scalar"),
        Shape::Array(_) => (value.is_array(), "list"),
        Shape::Map(_) | Shape::Object(_) => (value.is_object(), "map"),
    };
    (!fits).then_some(expected)
}
