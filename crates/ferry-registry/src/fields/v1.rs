//! Field sets as `FieldsV1` has them: `{"f:spec":{".":{},"f:running":{}}}`.

use serde_json::{Map, Value};

use crate::fields::element::{ElementText, PathElement};
use crate::fields::set::{FieldSet, Part};

/// The key that says that a field is a member itself, beside those that are below it.
const SELF: &str = ".";

/// The set as JSON.
// PARITY: structured-merge-diff/fieldpath/serialize.go#ToJSON
pub(super) fn write(set: &FieldSet) -> Map<String, Value> {
    set.nodes().iter().map(|node| (node.element.to_text(), write_part(&node.part))).collect()
}

fn write_part(part: &Part) -> Value {
    let mut fields = write(&part.below);
    if part.member && !fields.is_empty() {
        fields.insert(SELF.to_owned(), Value::Object(Map::new()));
    }
    Value::Object(fields)
}

/// Reads what [`write`] writes; `None` if it is none.
// PARITY: structured-merge-diff/fieldpath/serialize.go#readIterV1
pub(super) fn read(fields: &Value) -> Option<FieldSet> {
    Some(read_part(fields)?.below)
}

fn read_part(fields: &Value) -> Option<Part> {
    let none = Map::new();
    let fields = match fields {
        Value::Object(fields) => fields,
        Value::Null => &none,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return None,
    };
    let mut part = Part::default();
    for (key, fields) in fields {
        if key == SELF {
            part.member = true;
            continue;
        }
        match PathElement::from_text(key) {
            Ok(element) => part.below.insert(element, read_part(fields)?),
            Err(ElementText::Unknown) => {}
            Err(ElementText::Malformed) => return None,
        }
    }
    // What has nothing below it is itself what is meant.
    part.member |= part.below.is_empty();
    Some(part)
}
