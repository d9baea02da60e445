//! Dropping fields that a schema does not have, and telling which they were.

use ferry_api::Schema;
use ferry_api::schema::{ObjectShape, Shape, UnknownFields};
use serde_json::{Map, Value};

use crate::draft::path::{push_field, push_index};
use crate::object::Document;

/// How many unknown fields of one document are told. All of them are dropped.
const MOST_TOLD: usize = 100;

/// Where in the document the walk is.
#[derive(Clone, Copy)]
enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

/// A place, as a chain back to the document's root: it costs nothing where nothing is wrong.
#[derive(Clone, Copy)]
struct Place<'a> {
    step: Step<'a>,
    parent: Option<&'a Place<'a>>,
}

/// Drops every field that `schema` neither names nor keeps, and tells their paths.
// PARITY: apiextensions-apiserver/pkg/apiserver/schema/pruning/algorithm.go#PruneWithOptions
pub(crate) fn prune(schema: &Schema, document: &mut Document) -> Vec<String> {
    let mut told = Vec::new();
    if let Shape::Object(shape) = &schema.shape {
        prune_object(shape, document, None, &mut told);
    }
    told
}

fn walk(schema: &Schema, value: &mut Value, place: &Place<'_>, told: &mut Vec<String>) {
    match (&schema.shape, value) {
        (Shape::Object(shape), Value::Object(fields)) => {
            prune_object(shape, fields, Some(place), told);
        }
        (Shape::Map(values), Value::Object(entries)) if holds_objects(values) => {
            for (key, value) in entries {
                let place = Place { step: Step::Field(key), parent: Some(place) };
                walk(values, value, &place, told);
            }
        }
        (Shape::Array(items), Value::Array(values)) if holds_objects(items) => {
            for (index, value) in values.iter_mut().enumerate() {
                walk(items, value, &Place { step: Step::Item(index), parent: Some(place) }, told);
            }
        }
        _ => {}
    }
}

/// Whether values of a schema can have fields that are not theirs.
fn holds_objects(schema: &Schema) -> bool {
    match &schema.shape {
        Shape::Object(_) | Shape::Map(_) | Shape::Array(_) => true,
        Shape::Anything
        | Shape::Boolean
        | Shape::Integer { .. }
        | Shape::Number
        | Shape::String(_)
        | Shape::IntOrString(_) => false,
    }
}

fn prune_object(
    shape: &ObjectShape,
    fields: &mut Map<String, Value>,
    place: Option<&Place<'_>>,
    told: &mut Vec<String>,
) {
    let mut any_unknown = false;
    for (name, value) in fields.iter_mut() {
        match shape.properties.get(name) {
            Some(schema) => {
                walk(schema, value, &Place { step: Step::Field(name), parent: place }, told);
            }
            None => any_unknown = true,
        }
    }
    match shape.unknown {
        UnknownFields::Pruned if any_unknown => fields.retain(|name, _| {
            let known = shape.properties.contains_key(name);
            if !known && told.len() < MOST_TOLD {
                told.push(path(&Place { step: Step::Field(name), parent: place }));
            }
            known
        }),
        UnknownFields::Pruned | UnknownFields::Kept => {}
    }
}

fn path(place: &Place<'_>) -> String {
    let mut steps = Vec::new();
    let mut next = Some(place);
    while let Some(place) = next {
        steps.push(place.step);
        next = place.parent;
    }
    let mut path = String::new();
    for step in steps.into_iter().rev() {
        match step {
            Step::Field(name) => push_field(&mut path, name),
            Step::Item(index) => push_index(&mut path, index),
        }
    }
    path
}
