//! Fields that are in a schema although nothing here reads them.
//!
//! A misspelt field can only be told where all others are known. Real clusters know far more fields
//! than ferry acts on; a table beside each type has the rest of them, so that the type stays as
//! small as what is read of it.

use schemars::transform::Transform;
use serde_json::{Map, Value, json};

/// Marks a field that may be `null`. An `Option` alone does not say so: for Kubernetes, what may be
/// left out is not what may be `null`.
pub(super) const NULLABLE: &str = "x-ferry-nullable";

/// A field that nothing here reads: its name, its type, and what it is for.
pub(crate) struct Field(pub &'static str, pub Json, pub &'static str);

/// The type of a field that nothing here reads.
pub(crate) enum Json {
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// A quantity, which may also be written as a number.
    Quantity,
    /// An object. What is in it is kept as it was written.
    Object,
    /// Whatever it is, it is kept as it was written.
    Anything,
    /// A list of strings.
    Texts,
    /// A list of such objects.
    Objects,
    /// An object that has these fields and no others.
    Section(&'static [Field]),
    /// One of the above, or `null`.
    OrNull(&'static Self),
}

/// Adds fields to the schema of an object, or of the items of a list.
pub(crate) struct Declared(pub &'static [Field]);

impl Transform for Declared {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        let schema = schema.ensure_object();
        let schema = match schema.get_mut("items") {
            Some(Value::Object(items)) => items,
            _ => schema,
        };
        let properties = schema.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.extend(properties_of(self.0));
        }
    }
}

/// Asks for fields of an object in its schema. The type is content without them: what was kept
/// before they were asked for is still read.
pub(crate) struct Required(pub &'static [&'static str]);

impl Transform for Required {
    fn transform(&mut self, schema: &mut schemars::Schema) {
        let required = schema.ensure_object().entry("required").or_insert_with(|| json!([]));
        if let Value::Array(required) = required {
            required.extend(self.0.iter().map(|name| json!(name)));
        }
    }
}

/// Lets a field be `null`.
pub(crate) fn or_null(schema: &mut schemars::Schema) {
    schema.insert(NULLABLE.to_owned(), json!(true));
}

/// Keeps an object as it was written: fields that it should not have, and each `null`.
pub(crate) fn as_written(schema: &mut schemars::Schema) {
    or_null(schema);
    let schema = schema.ensure_object();
    schema.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut().filter_map(Value::as_object_mut) {
            property.insert(NULLABLE.to_owned(), json!(true));
        }
    }
}

fn properties_of(fields: &[Field]) -> Map<String, Value> {
    let described = fields.iter().map(|Field(name, type_, description)| {
        let mut schema = type_.schema();
        schema.insert("description".to_owned(), json!(description));
        ((*name).to_owned(), Value::Object(schema))
    });
    described.collect()
}

impl Json {
    fn schema(&self) -> Map<String, Value> {
        let (name, value) = match self {
            Self::Text => ("type", json!("string")),
            Self::Flag => ("type", json!("boolean")),
            Self::Whole => ("type", json!("integer")),
            Self::Quantity => ("x-kubernetes-int-or-string", json!(true)),
            Self::Object => ("type", json!("object")),
            Self::Anything => ("x-kubernetes-preserve-unknown-fields", json!(true)),
            Self::OneOf(texts) => {
                let mut schema = Self::Text.schema();
                schema.insert("enum".to_owned(), json!(texts));
                return schema;
            }
            Self::Texts => return list(&Self::Text),
            Self::Objects => return list(&Self::Object),
            Self::Section(fields) => {
                let mut schema = Self::Object.schema();
                schema.insert("properties".to_owned(), Value::Object(properties_of(fields)));
                return schema;
            }
            Self::OrNull(type_) => {
                let mut schema = type_.schema();
                schema.insert(NULLABLE.to_owned(), json!(true));
                return schema;
            }
        };
        Map::from_iter([(name.to_owned(), value)])
    }
}

fn list(items: &Json) -> Map<String, Value> {
    Map::from_iter([
        ("type".to_owned(), json!("array")),
        ("items".to_owned(), Value::Object(items.schema())),
    ])
}
