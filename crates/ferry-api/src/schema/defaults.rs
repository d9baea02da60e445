//! Filling in defaults and dropping unknown fields, as the API server does with every write.
//!
//! Source: apiextensions-apiserver `pkg/apiserver/schema/{defaulting,pruning}/algorithm.go`.

use serde_json::{Map, Value};

use crate::schema::{ObjectShape, Schema, Shape, UnknownFields};

impl Schema {
    /// Fills in the default of each field that was not written, parents before children: a section
    /// whose default is `{}` comes back with all its own defaults.
    ///
    /// A field that is `null` and may not be is dropped first, so that deleting a key and setting
    /// it to `null` come to the same. A `null` in a map stays for [`Self::check`] to report: a
    /// selector that silently lost a label would select more.
    // PARITY: apiextensions-apiserver/pkg/apiserver/schema/defaulting/prunenulls.go#getSchemaForField
    pub fn apply_defaults(&self, value: &mut Value) {
        match (&self.shape, value) {
            (Shape::Object(object), Value::Object(fields)) => {
                fields.retain(|name, value| {
                    !value.is_null() || object.properties.get(name).is_none_or(|s| s.nullable)
                });
                for (name, schema) in &object.properties {
                    add_default(schema, name, fields);
                }
                // Most objects have few of the fields that they may have.
                for (name, value) in fields {
                    if let Some(schema) = object.properties.get(name) {
                        schema.apply_defaults(value);
                    }
                }
            }
            (Shape::Map(values), Value::Object(entries)) => {
                for value in entries.values_mut() {
                    values.apply_defaults(value);
                }
            }
            (Shape::Array(items), Value::Array(values)) => {
                for value in values {
                    items.apply_defaults(value);
                }
            }
            _ => {}
        }
    }

    /// Drops every field that the schema neither names nor keeps.
    pub fn prune(&self, value: &mut Value) {
        match (&self.shape, value) {
            (Shape::Object(object), Value::Object(fields)) => prune_object(object, fields),
            (Shape::Map(values), Value::Object(entries)) => {
                for value in entries.values_mut() {
                    values.prune(value);
                }
            }
            (Shape::Array(items), Value::Array(values)) => {
                for value in values {
                    items.prune(value);
                }
            }
            _ => {}
        }
    }
}

fn add_default(schema: &Schema, name: &str, fields: &mut Map<String, Value>) {
    if let Some(default) = &schema.default
        && !fields.contains_key(name)
    {
        fields.insert(name.to_owned(), default.clone());
    }
}

fn prune_object(object: &ObjectShape, fields: &mut Map<String, Value>) {
    match object.unknown {
        UnknownFields::Kept => {}
        UnknownFields::Pruned => fields.retain(|name, _| object.properties.contains_key(name)),
    }
    for (name, schema) in &object.properties {
        if let Some(value) = fields.get_mut(name) {
            schema.prune(value);
        }
    }
}
