//! Reaching into documents: the few fields of their metadata that the registry itself looks at.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::object::Document;

/// The metadata, if there is any.
pub(crate) fn metadata(document: &Document) -> Option<&Document> {
    document.get("metadata")?.as_object()
}

/// The metadata, which is made where there is none.
pub(crate) fn metadata_mut(document: &mut Document) -> &mut Document {
    section_mut(document, "metadata")
}

/// The object at `name`, which is made where there is none.
pub(crate) fn section_mut<'a>(document: &'a mut Document, name: &str) -> &'a mut Document {
    if !document.get(name).is_some_and(Value::is_object) {
        document.insert(name.to_owned(), Value::Object(Map::new()));
    }
    document.get_mut(name).and_then(Value::as_object_mut).expect("it is an object or was made one")
}

/// The text at `name`; empty where there is none.
pub(crate) fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The text at `name` of the metadata; empty where there is none.
pub(crate) fn meta_text<'a>(document: &'a Document, name: &str) -> &'a str {
    metadata(document).map_or("", |metadata| text(metadata, name))
}

/// The value at a dotted path.
pub(crate) fn at<'a>(document: &'a Document, path: &str) -> Option<&'a Value> {
    let mut fields = path.split('.');
    let first = document.get(fields.next()?)?;
    fields.try_fold(first, |value, field| value.as_object()?.get(field))
}

/// Writes the revision that an object has.
pub(crate) fn set_revision(document: &mut Document, revision: crate::object::Revision) {
    let value = Value::from(revision.to_string());
    metadata_mut(document).insert("resourceVersion".to_owned(), value);
}

/// The document as JSON, in a buffer of just its size: it may be kept for long. `guess` is how long
/// it may become.
pub(crate) fn to_json(document: &Document, guess: usize) -> Bytes {
    let mut json = Vec::with_capacity(guess);
    serde_json::to_writer(&mut json, document).expect("JSON values have text as keys");
    Bytes::from(json.into_boxed_slice())
}
