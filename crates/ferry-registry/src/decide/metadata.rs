//! What of an object's metadata never changes, and what only shrinks.

use ferry_api::{FieldError, FieldPath};
use ferry_units::WallTime;
use serde_json::Value;

use crate::document::{metadata, metadata_mut, text};
use crate::object::Document;

/// Fills in what a client left open of the metadata that never changes, and tells what it tried to
/// change.
// PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateObjectMetaAccessorUpdate
pub(super) fn settle(before: &Document, after: &mut Document) -> Vec<FieldError> {
    let path = FieldPath::of("metadata");
    let mut errors = Vec::new();
    let empty = Document::new();
    let old = metadata(before).unwrap_or(&empty);
    let new = metadata_mut(after);
    for field in ["name", "namespace", "uid"] {
        let (was, is) = (text(old, field), text(new, field));
        if !is.is_empty() && is != was {
            errors.push(immutable(&path, field, new.get(field)));
        }
        keep(old, new, field);
    }
    if new.get("creationTimestamp").is_some_and(|is| !same_time(old.get("creationTimestamp"), is)) {
        errors.push(immutable(&path, "creationTimestamp", new.get("creationTimestamp")));
    }
    // What is being deleted stays so, whatever a client says.
    if !old.contains_key("deletionTimestamp") && new.contains_key("deletionTimestamp") {
        errors.push(immutable(&path, "deletionTimestamp", new.get("deletionTimestamp")));
    }
    for field in [
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "resourceVersion",
        "selfLink",
    ] {
        keep(old, new, field);
    }
    if old.contains_key("deletionTimestamp") {
        errors.extend(new_finalizers(&path, old, new));
    }
    errors
}

fn keep(old: &Document, new: &mut Document, field: &str) {
    match old.get(field) {
        Some(value) => drop(new.insert(field.to_owned(), value.clone())),
        None => drop(new.remove(field)),
    }
}

fn immutable(path: &FieldPath, field: &str, value: Option<&Value>) -> FieldError {
    FieldError::invalid(path.field(field), value.cloned().unwrap_or_default(), "field is immutable")
}

fn same_time(old: Option<&Value>, new: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<WallTime>().ok());
    old == Some(new) || old.and_then(time).is_some_and(|old| time(new) == Some(old))
}

/// The finalizers of an object.
pub(super) fn finalizers(metadata: &Document) -> impl Iterator<Item = &str> {
    let list = metadata.get("finalizers").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

// PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateNoNewFinalizers
fn new_finalizers(path: &FieldPath, old: &Document, new: &Document) -> Option<FieldError> {
    let fresh: Vec<_> =
        finalizers(new).filter(|name| finalizers(old).all(|known| known != *name)).collect();
    (!fresh.is_empty()).then(|| {
        let fresh: Vec<_> = fresh.iter().map(|name| format!("{name:?}")).collect();
        FieldError::forbidden(
            path.field("finalizers"),
            format!(
                "no new finalizers can be added if the object is being deleted, found new \
                 finalizers []string{{{}}}",
                fresh.join(", ")
            ),
        )
    })
}
