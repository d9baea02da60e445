//! A schema as OpenAPI v3 writes it, for `/openapi/v3`, `kubectl explain` and CRDs.

use serde_json::{Map, Value, json};

use crate::quantity::QUANTITY_PATTERN;
use crate::schema::{
    MergeStrategy, ObjectShape, PatchStrategy, Schema, Shape, Text, UnknownFields,
};

impl Schema {
    /// The schema as a structural OpenAPI v3 schema.
    pub fn to_openapi(&self) -> Value {
        let mut written = match &self.shape {
            Shape::Anything => object([("x-kubernetes-preserve-unknown-fields", json!(true))]),
            Shape::Boolean => object([("type", json!("boolean"))]),
            Shape::Integer { minimum, maximum } => integer(*minimum, *maximum),
            Shape::Number => object([("type", json!("number"))]),
            Shape::String(text) => {
                let mut written = object([("type", json!("string"))]);
                constrain(&mut written, text);
                written
            }
            Shape::IntOrString(text) => {
                let mut written = object([
                    ("x-kubernetes-int-or-string", json!(true)),
                    ("anyOf", json!([{ "type": "integer" }, { "type": "string" }])),
                ]);
                constrain(&mut written, text);
                written
            }
            Shape::Array(items) => {
                object([("type", json!("array")), ("items", items.to_openapi())])
            }
            Shape::Map(values) => {
                object([("type", json!("object")), ("additionalProperties", values.to_openapi())])
            }
            Shape::Object(fields) => properties(fields),
        };
        self.share(&mut written);
        if let Some(description) = &self.description {
            written.insert("description".to_owned(), json!(description));
        }
        if self.nullable {
            written.insert("nullable".to_owned(), json!(true));
        }
        if let Some(default) = &self.default {
            written.insert("default".to_owned(), default.clone());
        }
        Value::Object(written)
    }
}

impl Schema {
    /// How the value is shared and patched.
    fn share(&self, written: &mut Map<String, Value>) {
        let list = matches!(self.shape, Shape::Array(_));
        let (name, type_) = match &self.merge {
            MergeStrategy::Granular => ("", ""),
            MergeStrategy::Atomic if list => ("x-kubernetes-list-type", "atomic"),
            MergeStrategy::Atomic => ("x-kubernetes-map-type", "atomic"),
            MergeStrategy::Set => ("x-kubernetes-list-type", "set"),
            MergeStrategy::Keyed(keys) => {
                written.insert("x-kubernetes-list-map-keys".to_owned(), json!(keys));
                ("x-kubernetes-list-type", "map")
            }
        };
        if !name.is_empty() {
            written.insert(name.to_owned(), json!(type_));
        }
        let strategy = match self.patch {
            PatchStrategy::Replace => return,
            PatchStrategy::Merge | PatchStrategy::MergeBy(_) => "merge",
            PatchStrategy::MergeRetainingKeys(_) => "merge,retainKeys",
        };
        written.insert("x-kubernetes-patch-strategy".to_owned(), json!(strategy));
        if let Some(key) = self.patch_merge_key() {
            written.insert("x-kubernetes-patch-merge-key".to_owned(), json!(key));
        }
    }
}

/// Kubernetes knows `int32` and `int64`; unsigned ones are those with a minimum of 0.
fn integer(minimum: i128, maximum: i128) -> Map<String, Value> {
    let fits_32 = minimum >= i128::from(i32::MIN) && maximum <= i128::from(u32::MAX);
    let mut written = object([
        ("type", json!("integer")),
        ("format", json!(if fits_32 { "int32" } else { "int64" })),
    ]);
    let natural = [i32::MIN.into(), i64::MIN.into()].contains(&minimum);
    if let (false, Ok(minimum)) = (natural, i64::try_from(minimum)) {
        written.insert("minimum".to_owned(), json!(minimum));
    }
    let natural = [i32::MAX.into(), u32::MAX.into(), i64::MAX.into(), u64::MAX.into()];
    if let (false, Ok(maximum)) = (natural.contains(&maximum), i64::try_from(maximum)) {
        written.insert("maximum".to_owned(), json!(maximum));
    }
    written
}

fn constrain(written: &mut Map<String, Value>, text: &Text) {
    match text {
        Text::Any => {}
        Text::OneOf(values) => {
            written.insert("enum".to_owned(), json!(values));
        }
        Text::DateTime | Text::MicroTime => {
            written.insert("format".to_owned(), json!("date-time"));
        }
        Text::Base64 => {
            written.insert("format".to_owned(), json!("byte"));
        }
        Text::Quantity => {
            written.insert("pattern".to_owned(), json!(QUANTITY_PATTERN));
        }
    }
}

fn properties(fields: &ObjectShape) -> Map<String, Value> {
    let mut written = object([("type", json!("object"))]);
    if !fields.properties.is_empty() {
        let properties: Map<_, _> = fields
            .properties
            .iter()
            .map(|(name, schema)| (name.clone(), schema.to_openapi()))
            .collect();
        written.insert("properties".to_owned(), Value::Object(properties));
    }
    if !fields.required.is_empty() {
        written.insert("required".to_owned(), json!(fields.required));
    }
    match fields.unknown {
        UnknownFields::Pruned => {}
        UnknownFields::Kept => {
            written.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
    }
    written
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Map<String, Value> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
