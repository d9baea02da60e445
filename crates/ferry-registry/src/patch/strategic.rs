//! Strategic merge patches: merges that know which lists have keys.
//!
//! Objects are merged field by field. A list whose schema says what tells its items apart is merged
//! item by item; every other list is replaced. Directives, keys that begin with `$`, say what a
//! merge cannot.

use std::collections::BTreeSet;

use ferry_api::Schema;
use ferry_api::schema::Shape;
use serde_json::{Map, Value};

use crate::object::Document;
use crate::patch::error::PatchError;
use crate::patch::lists::{delete_scalars, merge_list, set_order};

/// `replace` or `delete` instead of a merge, in an object or an item.
pub(super) const PATCH: &str = "$patch";
/// The fields that may be there afterwards.
const RETAIN_KEYS: &str = "$retainKeys";
/// `$deleteFromPrimitiveList/x`: scalars to be taken out of the list `x`.
const DELETE: &str = "$deleteFromPrimitiveList";
/// `$setElementOrder/x`: the order of the list `x`.
const ORDER: &str = "$setElementOrder";

/// The object after `patch`.
pub(super) fn strategic(
    schema: &Schema,
    live: &Document,
    patch: &Value,
) -> Result<Document, PatchError> {
    let Value::Object(patch) = patch else {
        return Err(PatchError::bad("a strategic merge patch must be an object"));
    };
    let mut merged = live.clone();
    merge_fields(Some(schema), &mut merged, patch)?;
    Ok(merged)
}

fn field_of<'s>(schema: Option<&'s Schema>, name: &str) -> Option<&'s Schema> {
    match &schema?.shape {
        Shape::Object(object) => object.properties.get(name),
        Shape::Map(values) => Some(values),
        Shape::Anything
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::String(_)
        | Shape::IntOrString(_)
        | Shape::Array(_) => None,
    }
}

// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#mergeMap
pub(super) fn merge_fields(
    schema: Option<&Schema>,
    live: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    match patch.get(PATCH).map(Value::as_str) {
        None | Some(Some("merge")) => {}
        Some(Some("replace")) => {
            *live = without_directives(patch);
            return Ok(());
        }
        Some(Some("delete")) => {
            live.clear();
            return Ok(());
        }
        Some(_) => return Err(unknown_directive(patch)),
    }
    retain_keys(live, patch)?;
    for (key, scalars) in patch {
        if let Some(name) = parallel(key, DELETE)? {
            delete_scalars(live, name, scalars)?;
        }
    }
    for (key, order) in patch {
        if let Some(name) = parallel(key, ORDER)? {
            let order = order
                .as_array()
                .ok_or_else(|| PatchError::bad("invalid patch format of setElementOrder list"))?;
            set_order(field_of(schema, name), live, name, patch.get(name), order)?;
        }
    }
    for (name, value) in patch {
        if name == PATCH || is_directive(name) || patch.contains_key(&format!("{ORDER}/{name}")) {
            continue;
        }
        merge_field(field_of(schema, name), live, name, value)?;
    }
    Ok(())
}

fn merge_field(
    schema: Option<&Schema>,
    live: &mut Map<String, Value>,
    name: &str,
    patch: &Value,
) -> Result<(), PatchError> {
    if patch.is_null() {
        live.remove(name);
        return Ok(());
    }
    match (live.get_mut(name), patch) {
        (Some(Value::Object(live)), Value::Object(patch)) => merge_fields(schema, live, patch),
        (Some(Value::Array(live)), Value::Array(patch)) => merge_list(schema, live, patch),
        (Some(live), patch) => {
            *live = cleaned(patch);
            Ok(())
        }
        (None, patch) => {
            live.insert(name.to_owned(), cleaned(patch));
            Ok(())
        }
    }
}

/// `x` of `$setElementOrder/x`, where `directive` is the part before the slash.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#extractKey
fn parallel<'k>(key: &'k str, directive: &str) -> Result<Option<&'k str>, PatchError> {
    let Some(rest) = key.strip_prefix(directive) else { return Ok(None) };
    rest.strip_prefix('/').map(Some).ok_or_else(|| {
        let of = if directive == DELETE { "primitive" } else { "setElementOrder" };
        PatchError::bad(format!("invalid patch format of {of} list"))
    })
}

fn is_directive(key: &str) -> bool {
    key == RETAIN_KEYS || key.starts_with(DELETE) || key.starts_with(ORDER)
}

pub(super) fn unknown_directive(patch: &Map<String, Value>) -> PatchError {
    let directive = patch.get(PATCH).map(Value::to_string).unwrap_or_default();
    PatchError::bad(format!("unknown patch type: {}", directive.trim_matches('"')))
}

// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#applyRetainKeysDirective
fn retain_keys(
    live: &mut Map<String, Value>,
    patch: &Map<String, Value>,
) -> Result<(), PatchError> {
    let Some(keys) = patch.get(RETAIN_KEYS) else { return Ok(()) };
    let invalid = || PatchError::bad("invalid patch format of retainKeys");
    let keys: BTreeSet<&str> =
        keys.as_array().ok_or_else(invalid)?.iter().filter_map(Value::as_str).collect();
    let retained = |(name, value): (&String, &Value)| {
        value.is_null() || is_directive(name) || keys.contains(name.as_str())
    };
    if !patch.iter().all(retained) {
        return Err(invalid());
    }
    live.retain(|name, _| keys.contains(name.as_str()));
    Ok(())
}

/// A value of a patch that meets nothing to be merged with: without directives, and without the
/// `null`s that would have deleted something.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#dropDirectives
pub(super) fn cleaned(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(without_directives(fields)),
        Value::Array(items) => {
            let directs = |item: &&Value| item.get(PATCH).is_none_or(|patch| patch != "delete");
            Value::Array(items.iter().filter(directs).map(cleaned).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn without_directives(fields: &Map<String, Value>) -> Map<String, Value> {
    let plain = |(name, value): &(&String, &Value)| {
        !value.is_null() && *name != PATCH && !is_directive(name)
    };
    fields.iter().filter(plain).map(|(name, value)| (name.clone(), cleaned(value))).collect()
}
