//! Reading manifests: YAML or JSON text into documents, as `kubectl apply -f` does.
//!
//! A file may hold several documents, each may be a `List`, and what is no object is refused with
//! its place. Kubernetes turns YAML into JSON first and so do we: `yes` and `on` are booleans,
//! `0644` is octal, and `5.0` is the integer 5. Unlike Kubernetes, a key that stands twice in one
//! mapping is an error: one of the two would be lost. And a key stays the text that was written: an
//! unquoted `y` is no `true`.

mod text;
mod value;

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

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
    let mut place = Place { document: 1, item: None };
    let values = if is_json(text) { text::read_json(text) } else { text::read_yaml(text) };
    for value in values {
        match value.map_err(|message| ManifestError { place, message })? {
            Value::Null => {}
            value => {
                take_apart(place, value, &mut documents)?;
                place.document += 1;
            }
        }
    }
    Ok(documents)
}

/// Whether a text begins as an object does in JSON. For kubectl the brace alone decides, which leaves
/// a mapping in braces that YAML would read, `{kind: Pod}`, without a reader.
fn is_json(text: &str) -> bool {
    let inside = text.trim_start().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.is_empty() || inside.starts_with(['"', '}']))
}

/// A list becomes its items, anything else stays one object.
fn take_apart(
    place: Place,
    value: Value,
    documents: &mut Vec<Document>,
) -> Result<(), ManifestError> {
    let mut value = object(place, value)?;
    if !is_list(&value) {
        documents.push(Document { place, value });
        return Ok(());
    }
    let items = match value.remove("items") {
        Some(Value::Array(items)) => items,
        None | Some(Value::Null) => Vec::new(),
        Some(other) => {
            let message = format!("items must be a list, this is {}", in_words(&other));
            return Err(ManifestError { place, message });
        }
    };
    for (index, item) in items.into_iter().enumerate() {
        let place = Place { item: Some(index + 1), ..place };
        let mut item = object(place, item)?;
        if is_list(&item) {
            let message = "a list cannot hold a list; put its items into the outer one".to_owned();
            return Err(ManifestError { place, message });
        }
        inherit_type(&value, &mut item);
        documents.push(Document { place, value: item });
    }
    Ok(())
}

fn object(place: Place, value: Value) -> Result<Map<String, Value>, ManifestError> {
    match value {
        Value::Object(value) => Ok(value),
        other => {
            let found = in_words(&other);
            let message = format!("a Kubernetes object is a mapping, this is {found}");
            Err(ManifestError { place, message })
        }
    }
}

/// `List`, or the list of one kind, such as `VirtualMachineList`. A kind whose own name ends in
/// "List" has no items.
fn is_list(value: &Map<String, Value>) -> bool {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    kind == "List" || (kind.ends_with("List") && value.contains_key("items"))
}

/// The server leaves out of the items of a typed list what the list's own type already says.
// PARITY: apimachinery/pkg/apis/meta/v1/unstructured/helpers.go#decodeToList
fn inherit_type(list: &Map<String, Value>, item: &mut Map<String, Value>) {
    if item.contains_key("kind") || item.contains_key("apiVersion") {
        return;
    }
    let kind = list.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    if let (Some(kind), Some(api_version)) = (kind, list.get("apiVersion"))
        && !kind.is_empty()
    {
        item.insert("kind".to_owned(), Value::from(kind));
        item.insert("apiVersion".to_owned(), api_version.clone());
    }
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
