//! Does a document fit its schema?

use serde_json::{Map, Value};

use crate::field_error::{FieldError, FieldPath, Problem};
use crate::quantity::Quantity;
use crate::schema::{ObjectShape, Schema, Shape, Text, UnknownFields};

impl Schema {
    /// Everything that is wrong with `value`, each with its field: wrong types, values outside
    /// their bounds, missing fields and unknown ones. In the order of the document's fields.
    ///
    /// A `null` where something else is optional counts as not written, as for Kubernetes.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        self.check_at(&FieldPath::root(), value)
    }

    /// The same for a value that stands at `path` of its document.
    pub fn check_at(&self, path: &FieldPath, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.walk(path, value, &mut errors);
        errors
    }

    fn walk(&self, path: &FieldPath, value: &Value, errors: &mut Vec<FieldError>) {
        if value.is_null() && self.nullable {
            return;
        }
        match (&self.shape, value) {
            (Shape::Anything, _)
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_)) => {}
            (Shape::Integer { minimum, maximum }, Value::Number(number)) => {
                if !whole(number).is_some_and(|whole| (*minimum..=*maximum).contains(&whole)) {
                    errors.push(self.refuse(path, value));
                }
            }
            (Shape::IntOrString(text), Value::Number(number)) => match text {
                // A quantity may have a fraction; it is read as if it were in quotes.
                Text::Quantity => walk_text(text, path, value, &number.to_string(), errors),
                Text::Any | Text::OneOf(_) | Text::DateTime => {
                    if whole(number).is_none() {
                        errors.push(self.refuse(path, value));
                    }
                }
            },
            (Shape::String(text) | Shape::IntOrString(text), Value::String(written)) => {
                walk_text(text, path, value, written, errors);
            }
            (Shape::Array(items), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    items.walk(&path.index(index), value, errors);
                }
            }
            (Shape::Map(values), Value::Object(entries)) => {
                for (key, value) in entries {
                    values.walk(&path.key(key), value, errors);
                }
            }
            (Shape::Object(object), Value::Object(fields)) => {
                walk_object(object, path, fields, errors);
            }
            (
                Shape::Boolean
                | Shape::Integer { .. }
                | Shape::Number
                | Shape::String(_)
                | Shape::IntOrString(_)
                | Shape::Array(_)
                | Shape::Map(_)
                | Shape::Object(_),
                _,
            ) => errors.push(self.refuse(path, value)),
        }
    }

    fn refuse(&self, path: &FieldPath, value: &Value) -> FieldError {
        let mut accepted = format!("must be {}", self.shape.in_words());
        match (&self.shape, value) {
            (Shape::String(_) | Shape::IntOrString(_), Value::Bool(_) | Value::Number(_)) => {
                accepted.push_str(&format!("; put it in quotes: \"{value}\""));
            }
            (Shape::String(_), Value::Null) => accepted.push_str("; write \"\" for an empty one"),
            _ => {}
        }
        FieldError::invalid(path.clone(), value.clone(), accepted)
    }
}

fn walk_object(
    object: &ObjectShape,
    path: &FieldPath,
    fields: &Map<String, Value>,
    errors: &mut Vec<FieldError>,
) {
    for (name, value) in fields {
        match (object.properties.get(name), object.unknown) {
            (Some(_), _) if value.is_null() && !object.required.contains(name) => {}
            (Some(property), _) => property.walk(&path.field(name), value, errors),
            (None, UnknownFields::Kept) => {}
            (None, UnknownFields::Pruned) => errors.push(FieldError {
                path: path.field(name),
                problem: Problem::Unknown { accepted: object.properties.keys().cloned().collect() },
            }),
        }
    }
    for name in &object.required {
        if !fields.contains_key(name) {
            let accepted =
                object.properties.get(name).map_or("a value", |schema| schema.shape.in_words());
            errors.push(FieldError::required(path.field(name), format!("must be {accepted}")));
        }
    }
}

fn walk_text(
    text: &Text,
    path: &FieldPath,
    value: &Value,
    written: &str,
    errors: &mut Vec<FieldError>,
) {
    let problem = match text {
        Text::Any => return,
        Text::OneOf(accepted) => {
            if accepted.iter().any(|one| one == written) {
                return;
            }
            Problem::NotSupported { value: value.clone(), accepted: accepted.clone() }
        }
        Text::DateTime => match written.parse::<ferry_units::WallTime>() {
            Ok(_) => return,
            Err(_) => Problem::Invalid {
                value: value.clone(),
                accepted: "must be an RFC 3339 time such as 2026-11-23T08:15:00Z".to_owned(),
            },
        },
        Text::Quantity => match written.parse::<Quantity>() {
            Ok(_) => return,
            Err(error) => Problem::Invalid { value: value.clone(), accepted: error.to_string() },
        },
    };
    errors.push(FieldError { path: path.clone(), problem });
}

/// The number, if it is a whole one.
fn whole(number: &serde_json::Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

impl Shape {
    /// What the shape is, to follow "must be".
    fn in_words(&self) -> &'static str {
        match self {
            Self::Anything => "a value",
            Self::Boolean => "true or false",
            Self::Integer { minimum: 0, .. } => "a whole number, 0 or more",
            Self::Integer { minimum: 1, .. } => "a whole number, 1 or more",
            Self::Integer { .. } => "a whole number",
            Self::Number => "a number",
            Self::String(Text::Quantity) => "a quantity in quotes, such as \"64Mi\"",
            Self::String(_) => "a string",
            Self::IntOrString(Text::Quantity) => "a quantity such as 64Mi",
            Self::IntOrString(_) => "a whole number or a string",
            Self::Array(_) => "a list",
            Self::Map(values) => match values.shape {
                Self::String(_) => "a map of strings to strings",
                _ => "a map",
            },
            Self::Object(_) => "an object",
        }
    }
}
