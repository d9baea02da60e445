//! Reading objects that are still JSON, without making types of them.

use ferry_registry::Document;
use serde_json::{Map, Value};

/// What is at `path` of `object`; `null` counts as nothing.
pub(crate) fn at<'a>(object: &'a Document, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = object.get(*first)?;
    for field in rest {
        value = value.as_object()?.get(*field)?;
    }
    (!value.is_null()).then_some(value)
}

/// The text at `path` of `object`.
pub(crate) fn text<'a>(object: &'a Document, path: &[&str]) -> Option<&'a str> {
    at(object, path)?.as_str()
}

/// The map at `path` of `object`.
pub(crate) fn map<'a>(object: &'a Document, path: &[&str]) -> Option<&'a Document> {
    at(object, path)?.as_object()
}

/// The map at `path` of `object`, made where there is none.
pub(crate) fn map_mut<'a>(object: &'a mut Document, path: &[&str]) -> &'a mut Document {
    let mut here = object;
    for field in path {
        let value = here.entry(*field).or_insert(Value::Null);
        if !value.is_object() {
            *value = Value::Object(Map::new());
        }
        here = value.as_object_mut().expect("it was made an object just now");
    }
    here
}

/// Whether two values mean the same: what is empty or `null` is as good as absent.
// PARITY: apimachinery/pkg/api/equality/semantic.go#Semantic
pub(crate) fn same(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(value), None) | (None, Some(value)) => means_nothing(value),
        (Some(Value::Object(left)), Some(Value::Object(right))) => {
            left.keys().chain(right.keys()).all(|key| same(left.get(key), right.get(key)))
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(Some(left), Some(right)))
        }
        (Some(left), Some(right)) => left == right || means_nothing(left) && means_nothing(right),
    }
}

fn means_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(means_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parity_what_is_empty_is_as_good_as_absent() {
        for (left, right, expected) in [
            (json!({}), json!({"a": {}}), true),
            (json!({"a": null}), json!({"a": []}), true),
            (json!({"a": {"b": {"c": null}}}), json!(null), true),
            (json!({"a": [{}]}), json!({"a": [null]}), true),
            (json!({"a": [{}]}), json!({"a": []}), false),
            (json!({"a": 0}), json!({}), false),
            (json!({"a": ""}), json!({}), false),
            (json!({"a": {"b": 1}}), json!({"a": {"b": 2}}), false),
        ] {
            assert_eq!(same(Some(&left), Some(&right)), expected, "{left} {right}");
            assert_eq!(same(Some(&right), Some(&left)), expected, "{right} {left}");
        }
    }

    #[test]
    fn a_map_is_made_where_there_is_none() {
        let Value::Object(mut object) = json!({"metadata": {"name": "a", "labels": 3}}) else {
            unreachable!()
        };
        map_mut(&mut object, &["metadata", "labels"]).insert("x".to_owned(), json!("y"));
        assert_eq!(Value::Object(object), json!({"metadata": {"name": "a", "labels": {"x": "y"}}}));
    }
}
