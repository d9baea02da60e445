//! Does a document fit its schema?

use serde_json::{Map, Value};

use crate::field_error::{FieldError, FieldPath, MOST_ERRORS, Problem};
use crate::schema::text::problem_of;
use crate::schema::{ObjectShape, Schema, Shape, Text, UnknownFields};

const LOWEST: i128 = i64::MIN as i128;
const HIGHEST: i128 = i64::MAX as i128;
/// 2^63, the first whole number that 64 bits with a sign do not hold.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// Where a walk is, as a chain back to where it began. It becomes a path only where something is wrong:
/// making one for each field took longer than looking at them.
enum Place<'a> {
    Start(&'a FieldPath),
    Field(&'a Place<'a>, &'a str),
    Key(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn path(&self) -> FieldPath {
        match self {
            Self::Start(path) => (*path).clone(),
            Self::Field(parent, name) => parent.path().field(name),
            Self::Key(parent, key) => parent.path().key(key),
            Self::Item(parent, index) => parent.path().index(*index),
        }
    }
}

impl Schema {
    /// Everything that is wrong with `value`, each with its field: wrong types, values outside
    /// their bounds, missing fields and unknown ones. In the order of the document's fields.
    ///
    /// A `null` where something else is optional counts as not written, as for Kubernetes. Of a
    /// document with more than a hundred errors, the first hundred are told.
    pub fn check(&self, value: &Value) -> Vec<FieldError> {
        self.check_at(&FieldPath::root(), value)
    }

    /// The same for a value that stands at `path` of its document.
    pub fn check_at(&self, path: &FieldPath, value: &Value) -> Vec<FieldError> {
        let mut errors = Vec::new();
        self.walk(&Place::Start(path), value, &mut errors);
        errors
    }

    fn walk(&self, place: &Place<'_>, value: &Value, errors: &mut Vec<FieldError>) {
        if errors.len() >= MOST_ERRORS || (value.is_null() && self.nullable) {
            return;
        }
        match (&self.shape, value) {
            (Shape::Anything, _)
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Number, Value::Number(_)) => {}
            (Shape::Integer { minimum, maximum }, Value::Number(number)) => {
                if !whole(number).is_some_and(|whole| (*minimum..=*maximum).contains(&whole)) {
                    errors.push(self.refuse(place, value));
                }
            }
            // A quantity may have a fraction; it is read as if it were in quotes.
            (Shape::IntOrString(text @ Text::Quantity), Value::Number(number)) => {
                let problem = problem_of(text, value, &number.to_string());
                errors.extend(problem.map(|problem| FieldError { path: place.path(), problem }));
            }
            (Shape::IntOrString(_), Value::Number(number)) => {
                if whole(number).is_none() {
                    errors.push(self.refuse(place, value));
                }
            }
            (Shape::String(text) | Shape::IntOrString(text), Value::String(written)) => {
                let problem = problem_of(text, value, written);
                errors.extend(problem.map(|problem| FieldError { path: place.path(), problem }));
            }
            (Shape::Array(items), Value::Array(values)) => {
                for (index, value) in values.iter().enumerate() {
                    items.walk(&Place::Item(place, index), value, errors);
                }
            }
            (Shape::Map(values), Value::Object(entries)) => {
                for (key, value) in entries {
                    let place = Place::Key(place, key);
                    if let Some(accepted) = no_plain_map(key, &values.shape, value) {
                        errors.push(FieldError::invalid(place.path(), value.clone(), accepted));
                    } else {
                        values.walk(&place, value, errors);
                    }
                }
            }
            (Shape::Object(object), Value::Object(fields)) => {
                walk_object(object, place, fields, errors);
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
            ) => errors.push(self.refuse(place, value)),
        }
    }

    fn refuse(&self, place: &Place<'_>, value: &Value) -> FieldError {
        let hint = match (&self.shape, value) {
            (Shape::String(Text::Any | Text::OneOf(_)), Value::Bool(_) | Value::Number(_))
            | (Shape::String(Text::Quantity), Value::Number(_)) => "; put it in quotes",
            (Shape::String(_), Value::Null) => "; write \"\" for an empty one",
            (Shape::Boolean | Shape::Integer { .. } | Shape::Number, Value::String(text))
                if self.fits_unquoted(text) =>
            {
                "; take it out of the quotes"
            }
            (Shape::Integer { maximum: HIGHEST, .. }, Value::Number(number))
                if number.as_f64().is_some_and(|number| number >= TOO_LARGE) =>
            {
                "; this one is too large"
            }
            _ => "",
        };
        let accepted = format!("must be {}{hint}", self.shape.in_words());
        FieldError::invalid(place.path(), value.clone(), accepted)
    }

    /// Whether `text` would be accepted if it were not in quotes.
    fn fits_unquoted(&self, text: &str) -> bool {
        let unquoted = match text {
            "true" | "false" => Value::Bool(text == "true"),
            _ => match text.parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => return false,
            },
        };
        self.check(&unquoted).is_empty()
    }
}

/// The habit of other Kubernetes selectors, where the map of labels is one level deeper.
fn no_plain_map(key: &str, values: &Shape, value: &Value) -> Option<&'static str> {
    match (key, values, value) {
        ("matchLabels", Shape::String(_), Value::Object(_)) => Some(
            "must be a string: this selector is itself the map of labels; \
             write them in it, without matchLabels",
        ),
        ("matchExpressions", Shape::String(_), Value::Array(_)) => Some(
            "must be a string: this selector is itself the map of labels; \
             there are no expressions",
        ),
        _ => None,
    }
}

fn walk_object(
    object: &ObjectShape,
    place: &Place<'_>,
    fields: &Map<String, Value>,
    errors: &mut Vec<FieldError>,
) {
    for (name, value) in fields {
        if errors.len() >= MOST_ERRORS {
            return;
        }
        match (object.properties.get(name), object.unknown) {
            (Some(_), _) if value.is_null() && !object.required.contains(name) => {}
            (Some(property), _) => property.walk(&Place::Field(place, name), value, errors),
            (None, UnknownFields::Kept) => {}
            (None, UnknownFields::Pruned) => errors.push(FieldError {
                path: place.path().field(name),
                problem: Problem::Unknown {
                    name: name.clone(),
                    accepted: object.properties.keys().cloned().collect(),
                },
            }),
        }
    }
    for name in &object.required {
        if !fields.contains_key(name) {
            let accepted = object
                .properties
                .get(name)
                .map_or_else(|| "a value".to_owned(), |schema| schema.shape.in_words());
            errors.push(FieldError::required(
                place.path().field(name),
                format!("must be {accepted}"),
            ));
        }
    }
}

/// The number, if it is a whole one.
fn whole(number: &serde_json::Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

impl Shape {
    /// What the shape is, to follow "must be".
    fn in_words(&self) -> String {
        let words = match self {
            Self::Anything => "a value",
            Self::Boolean => "true or false",
            Self::Integer { minimum: LOWEST, maximum: HIGHEST } => "a whole number",
            Self::Integer { minimum, maximum } if *maximum >= HIGHEST => {
                return format!("a whole number, {minimum} or more");
            }
            Self::Integer { minimum, maximum } => {
                return format!("a whole number from {minimum} to {maximum}");
            }
            Self::Number => "a number",
            Self::String(Text::Quantity) => "a string that is a quantity, such as \"64Mi\"",
            Self::String(Text::DateTime | Text::MicroTime) => {
                "an RFC 3339 time such as 2026-11-23T08:15:00Z"
            }
            Self::String(_) => "a string",
            Self::IntOrString(Text::Quantity) => "a quantity such as 64Mi",
            Self::IntOrString(_) => "a whole number or a string",
            Self::Array(_) => "a list",
            Self::Map(values) => match values.shape {
                Self::String(_) => "a map of strings to strings",
                _ => "a map",
            },
            Self::Object(_) => "an object",
        };
        words.to_owned()
    }
}
