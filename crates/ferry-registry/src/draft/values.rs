//! One spelling for values that can be spelled in several ways.

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
use ferry_api::schema::{ObjectShape, Shape, Text};
use ferry_api::{Quantity, Schema};
use ferry_units::WallTime;
use serde_json::Value;

/// The largest number up to which every whole one is a `f64` of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes whole numbers without a fraction: `1.0` is `1`.
pub(crate) fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64().filter(|it| it.fract() == 0.0 && it.abs() < EXACT)
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                let whole = float as i64;
                *value = Value::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(fields) => fields.values_mut().for_each(normalise),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fill_text(schema: &Schema, value: &mut Value) {
    let is_text = matches!(schema.shape, Shape::String(Text::Any | Text::Base64));
    if is_text && value.is_null() {
        *value = Value::from("");
    } else {
        simplify(schema, value);
    }
}

/// Lists and maps that are written even where they are empty: the fields of Go's types that are not
/// `omitempty`, but may be left out. An empty list of managed fields says that nobody shall own
/// anything, and the tracking takes it out.
// PARITY: staging/src/k8s.io/api/rbac/v1/types.go#Role,
// staging/src/k8s.io/api/core/v1/types.go#ProjectedVolumeSource, #ContainerImage
const KEPT_EMPTY: [&str; 4] = ["managedFields", "names", "rules", "sources"];

/// Whether a field is left out where it is written: it is a list or a map, and empty.
fn is_omitted(object: &ObjectShape, name: &str, value: &Value) -> bool {
    let is_empty = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    is_empty
        && !object.required.contains(name)
        && !KEPT_EMPTY.contains(&name)
        && object
            .properties
            .get(name)
            .is_some_and(|schema| matches!(schema.shape, Shape::Array(_) | Shape::Map(_)))
}

/// Leaves out lists and maps that are empty, and makes an empty text of each `null` in a map or a
/// list of texts, as Go writes and reads them.
// PARITY: golang/go/src/encoding/json/encode.go#isEmptyValue,
// golang/go/src/encoding/json/decode.go#literalStore
pub(super) fn simplify(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Map(values), Value::Object(entries)) => {
            for value in entries.values_mut() {
                fill_text(values, value);
            }
        }
        (Shape::Array(items), Value::Array(values)) => {
            for value in values {
                fill_text(items, value);
            }
        }
        (Shape::Object(object), Value::Object(fields)) => {
            fields.retain(|name, value| !is_omitted(object, name, value));
            for (name, value) in fields {
                if let Some(schema) = object.properties.get(name) {
                    simplify(schema, value);
                }
            }
        }
        _ => {}
    }
}

/// Fills in what has to be there and is not, with what is nothing in Go. Nobody looks at what is in the
/// status of a built-in kind, and clients count on all fields of it.
// PARITY: golang/go/src/encoding/json/encode.go#structEncoder
pub(super) fn fill_required(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::Object(object), Value::Object(fields)) => {
            for name in &object.required {
                let schema = object.properties.get(name);
                let Some(nothing) = schema.and_then(nothing) else { continue };
                let field = fields.entry(name.as_str()).or_insert(Value::Null);
                if field.is_null() {
                    *field = nothing;
                }
            }
            for (name, value) in fields {
                if let Some(schema) = object.properties.get(name) {
                    fill_required(schema, value);
                }
            }
        }
        (Shape::Array(items), Value::Array(values)) => {
            for value in values {
                fill_required(items, value);
            }
        }
        (Shape::Map(values), Value::Object(entries)) => {
            for value in entries.values_mut() {
                fill_required(values, value);
            }
        }
        _ => {}
    }
}

/// What a value is that was never set.
fn nothing(schema: &Schema) -> Option<Value> {
    match &schema.shape {
        Shape::String(Text::Any) => Some(Value::from("")),
        Shape::Boolean => Some(Value::from(false)),
        Shape::Integer { .. } | Shape::Number => Some(Value::from(0)),
        _ => None,
    }
}

/// The bytes of a text in base64 as Go takes it: wrapped, and with any bits left over.
fn base64_of(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let unwrapped: String = text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect();
    LENIENT.decode(unwrapped).ok()
}

/// Writes quantities, times and bytes the one way that Kubernetes' own kinds have them: `1024Mi` is
/// `1Gi`, base64 is in one line, and times are in UTC, with whole seconds or all six digits of them. Clients in Go read no others.
/// Custom kinds keep what was written.
// PARITY: apimachinery/pkg/api/resource/quantity.go#MarshalJSON,
// apimachinery/pkg/apis/meta/v1/micro_time.go#MarshalJSON
pub(crate) fn canonicalise(schema: &Schema, value: &mut Value) {
    match (&schema.shape, value) {
        (Shape::String(Text::Quantity) | Shape::IntOrString(Text::Quantity), value) => {
            let text = match value {
                Value::String(text) => text.parse::<Quantity>(),
                Value::Number(number) => number.to_string().parse::<Quantity>(),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return,
            };
            if let Ok(quantity) = text {
                *value = Value::from(quantity.to_string());
            }
        }
        (Shape::String(Text::DateTime), Value::String(text)) => {
            if let Ok(time) = text.parse::<WallTime>() {
                *text = time.to_string();
            }
        }
        (Shape::String(Text::Base64), Value::String(text)) => {
            if let Some(bytes) = base64_of(text) {
                *text = STANDARD.encode(bytes);
            }
        }
        (Shape::String(Text::MicroTime), Value::String(text)) => {
            if let Ok(time) = text.parse::<WallTime>() {
                *text = time.to_micros();
            }
        }
        (Shape::Array(items), Value::Array(values)) => {
            for value in values {
                canonicalise(items, value);
            }
        }
        (Shape::Map(values), Value::Object(entries)) => {
            for value in entries.values_mut() {
                canonicalise(values, value);
            }
        }
        (Shape::Object(object), Value::Object(fields)) => {
            for (name, value) in fields {
                if let Some(schema) = object.properties.get(name) {
                    canonicalise(schema, value);
                }
            }
        }
        _ => {}
    }
}
