//! Reading objects loosely: a printer shows what is there, and what is not there is empty.

use ferry_units::WallTime;
use serde_json::{Map, Value};

use super::age::{self};

/// An object, or a part of one that has fields.
pub(super) type Fields = Map<String, Value>;

/// What stands for a list or an address that is not there.
pub(super) const NONE: &str = "<none>";
/// What stands for a setting that was not made.
pub(super) const UNSET: &str = "<unset>";

/// The value at a path of fields.
pub(super) fn at<'v>(object: &'v Fields, path: &[&str]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(object.get(*first)?, |value, field| value.get(field))
}

/// The text at a path of fields; empty where there is none.
pub(super) fn text<'v>(object: &'v Fields, path: &[&str]) -> &'v str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The same, or `otherwise` where that is empty.
pub(super) fn text_or<'v>(object: &'v Fields, path: &[&str], otherwise: &'v str) -> &'v str {
    match text(object, path) {
        "" => otherwise,
        text => text,
    }
}

/// The number at a path of fields; 0 where there is none.
pub(super) fn number(object: &Fields, path: &[&str]) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or_default()
}

/// Whether the flag at a path of fields is set.
pub(super) fn flag(object: &Fields, path: &[&str]) -> bool {
    at(object, path).and_then(Value::as_bool).unwrap_or_default()
}

/// The objects in the list at a path of fields.
pub(super) fn items<'v>(object: &'v Fields, path: &[&str]) -> impl Iterator<Item = &'v Fields> {
    list(object, path).iter().filter_map(Value::as_object)
}

/// The texts in the list at a path of fields.
pub(super) fn texts<'v>(object: &'v Fields, path: &[&str]) -> impl Iterator<Item = &'v str> {
    list(object, path).iter().filter_map(Value::as_str)
}

/// The list at a path of fields.
pub(super) fn list<'v>(object: &'v Fields, path: &[&str]) -> &'v [Value] {
    at(object, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// How many entries the map or list at a path of fields has.
pub(super) fn count(object: &Fields, path: &[&str]) -> usize {
    match at(object, path) {
        Some(Value::Object(entries)) => entries.len(),
        Some(Value::Array(items)) => items.len(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => 0,
    }
}

/// The condition of that type.
pub(super) fn condition<'v>(object: &'v Fields, type_: &str) -> Option<&'v Fields> {
    items(object, &["status", "conditions"]).find(|condition| text(condition, &["type"]) == type_)
}

/// The object's name.
pub(super) fn name(object: &Fields) -> Value {
    Value::from(text(object, &["metadata", "name"]))
}

/// How long ago the time at a path of fields was.
pub(super) fn age_at(object: &Fields, path: &[&str], now: WallTime) -> Option<String> {
    match text(object, path) {
        "" => None,
        time => Some(age::since(time, now)),
    }
}

/// How long ago the object was created.
pub(super) fn age(object: &Fields, now: WallTime) -> Value {
    let age = age_at(object, &["metadata", "creationTimestamp"], now);
    Value::from(age.unwrap_or_else(|| age::UNKNOWN.to_owned()))
}
