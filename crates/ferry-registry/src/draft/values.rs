//! One spelling for values that can be spelled in several ways.

use ferry_api::schema::{Shape, Text};
use ferry_api::{Quantity, Schema};
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

/// Writes quantities the one way that Kubernetes' own kinds have them: `1024Mi` is `1Gi`. Custom
/// kinds keep what was written.
// PARITY: apimachinery/pkg/api/resource/quantity.go#MarshalJSON
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
