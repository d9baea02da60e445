//! Reaching into documents: the few fields of their metadata that the registry itself looks at.

use bytes::Bytes;
use memchr::memchr3_iter;
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

/// The document as JSON, in a buffer of just its size: it may be kept for long.
pub(crate) fn to_json(document: &Document) -> Bytes {
    // Measured first: a buffer that grows is copied, and leaves holes between what is kept.
    let mut json = Vec::with_capacity(object_length(document));
    serde_json::to_writer(&mut json, document).expect("JSON values have text as keys");
    Bytes::from(json.into_boxed_slice())
}

/// How long the JSON of an object is. Rare numbers and characters make it differ.
fn object_length(object: &Document) -> usize {
    let fields = object.iter().map(|(key, value)| text_length(key) + ":".len() + length(value));
    fields.map(|field| field + ",".len()).sum::<usize>().max(",".len()) + "{}".len() - ",".len()
}

fn length(value: &Value) -> usize {
    match value {
        Value::Null => "null".len(),
        Value::Bool(true) => "true".len(),
        Value::Bool(false) => "false".len(),
        Value::Number(number) => match number.as_u64() {
            Some(number) => number.checked_ilog10().unwrap_or_default() as usize + 1,
            None => number.to_string().len(),
        },
        Value::String(text) => text_length(text),
        Value::Array(items) => {
            let items = items.iter().map(|item| length(item) + ",".len());
            items.sum::<usize>().max(",".len()) + "[]".len() - ",".len()
        }
        Value::Object(object) => object_length(object),
    }
}

fn text_length(text: &str) -> usize {
    let escaped = memchr3_iter(b'"', b'\\', b'\n', text.as_bytes()).count();
    text.len() + escaped + "\"\"".len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_length_of_json_is_known_before_it_is_written() {
        for value in [
            json!({}),
            json!({ "a": {}, "b": [], "c": null, "d": true, "e": false }),
            json!({ "a": [1, 22, [0], -5, 18_446_744_073_709_551_615_u64, 1.5], "b": ["", "x"] }),
            json!({ "quoted \"key\"": "back\\slash\nand line", "wide": "\u{fc}\u{1f980}" }),
        ] {
            let document = value.as_object().unwrap();
            assert_eq!(object_length(document), value.to_string().len(), "{value}");
            assert_eq!(to_json(document), value.to_string());
        }
    }
}
