//! Reading manifests: YAML or JSON text into documents, as `kubectl apply -f` does.
//!
//! A file may hold several documents, each may be a `List`, and what is no object is refused with
//! its place. Kubernetes turns YAML into JSON first and so do we: `yes` and `on` are booleans, and
//! `5.0` is the integer 5. Unlike Kubernetes, a key that stands twice in one mapping is an error:
//! one of the two would be lost.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// How deep a document may nest. Kubernetes objects stay below 30; the walks over them recurse.
const DEEPEST_NESTING: usize = 100;

/// The largest number of documents, and of values in all of them, that one text may hold: a dump
/// of the largest clusters has a few million.
const MOST_DOCUMENTS: usize = 1_000_000;
const MOST_VALUES: usize = 50_000_000;

/// One object of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Where it stands.
    pub place: Place,
    /// What it says: a JSON object.
    pub value: Map<String, Value>,
}

/// Where an object stands in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the document, counted from 1; empty ones do not count.
    pub document: usize,
    /// The number of the item, counted from 1, where the document is a list.
    pub item: Option<usize>,
}

/// A text that is no manifest.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}: {message}")]
pub struct ManifestError {
    /// Where reading stopped.
    pub place: Place,
    /// What is wrong there.
    pub message: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "document {}", self.document)?;
        match self.item {
            Some(item) => write!(f, ", item {item}"),
            None => Ok(()),
        }
    }
}

/// All objects in `text`, in its order. Empty documents are passed over, lists are taken apart.
///
/// ```
/// let text = "
/// apiVersion: v1
/// kind: List
/// items:
/// - {kind: Namespace, apiVersion: v1, metadata: {name: red}}
/// - {kind: Namespace, apiVersion: v1, metadata: {name: blue}}
/// ";
/// let documents = ferry_api::manifest::read(text).unwrap();
/// assert_eq!(documents.len(), 2);
/// assert_eq!(documents[1].place.to_string(), "document 1, item 2");
/// assert_eq!(documents[1].value["metadata"]["name"], "blue");
/// ```
pub fn read(text: &str) -> Result<Vec<Document>, ManifestError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut documents = Vec::new();
    let values = if text.trim_start().starts_with('{') { read_json(text) } else { read_yaml(text) };
    for (index, value) in values.into_iter().enumerate() {
        let place = Place { document: index + 1, item: None };
        let value = value.map_err(|message| ManifestError { place, message })?;
        take_apart(place, value, &mut documents)?;
    }
    Ok(documents)
}

/// Documents up to the first that cannot be read, whose error comes last.
type Values = Vec<Result<Value, String>>;

fn read_json(text: &str) -> Values {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Strict>();
    let mut values = Values::new();
    for value in &mut stream {
        match value {
            Ok(Strict(value)) => values.push(Ok(value)),
            Err(error) => {
                values.push(Err(error.to_string()));
                break;
            }
        }
    }
    values
}

fn read_yaml(text: &str) -> Values {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST_NESTING,
            max_documents: MOST_DOCUMENTS,
            max_nodes: MOST_VALUES,
            max_events: MOST_VALUES,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    };
    let mut bytes = text.as_bytes();
    let mut values = Values::new();
    let reader: &mut dyn Read = &mut bytes;
    let mut reader = reader;
    for value in serde_saphyr::read_with_options::<_, Strict>(&mut reader, options) {
        match value {
            Ok(Strict(value)) => values.push(Ok(value)),
            Err(error) => {
                values.push(Err(error.to_string()));
                break;
            }
        }
    }
    values
}

fn take_apart(
    place: Place,
    value: Value,
    documents: &mut Vec<Document>,
) -> Result<(), ManifestError> {
    let mut value = match value {
        Value::Null => return Ok(()),
        Value::Object(value) => value,
        other => {
            let found = in_words(&other);
            let message = format!("a Kubernetes object is a mapping, this is {found}");
            return Err(ManifestError { place, message });
        }
    };
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|k| k.ends_with("List"));
    match value.get_mut("items") {
        Some(Value::Array(items)) if is_list => {
            for (index, item) in std::mem::take(items).into_iter().enumerate() {
                let place = Place { item: Some(index + 1), ..place };
                match item {
                    Value::Object(value) => documents.push(Document { place, value }),
                    other => {
                        let found = in_words(&other);
                        let message = format!("a Kubernetes object is a mapping, this is {found}");
                        return Err(ManifestError { place, message });
                    }
                }
            }
        }
        _ => documents.push(Document { place, value }),
    }
    Ok(())
}

fn in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// A JSON value whose objects have each key once, and whose whole numbers are integers.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StrictAt { depth: 0 }.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictAt {
    depth: usize,
}

impl StrictAt {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= DEEPEST_NESTING {
            return Err(E::custom(format!("nested more than {DEEPEST_NESTING} deep")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for StrictAt {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictAt {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Number::from_i128(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is too large a number")))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Number::from_u128(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is too large a number")))
    }

    #[expect(clippy::cast_possible_truncation, reason = "only whole numbers in the range are cast")]
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        // Below 2^53 every whole double is that integer and no other.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            return Ok(Value::Number((value as i64).into()));
        }
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom(format!("{value} is no number that JSON has")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element_seed(deeper)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut entries = BTreeMap::new();
        while let Some(key) = mapping.next_key::<String>()? {
            let value = mapping.next_value_seed(deeper)?;
            if entries.insert(key.clone(), value).is_some() {
                return Err(de::Error::custom(format!("the key \"{key}\" stands here twice")));
            }
        }
        Ok(Value::Object(entries.into_iter().collect()))
    }
}
