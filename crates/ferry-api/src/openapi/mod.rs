//! The documents that describe the API: what `kubectl explain`, `--validate` and generators of
//! clients read.
//!
//! There is one document for each group and version, and an index that names each with a hash of
//! its text. Clients keep a document for as long as its hash is the same, which saves them some
//! hundred kilobytes with each command.

mod components;
mod operations;
mod options;
mod paths;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use crate::catalog::Misfiled;
use crate::discovery::group_versions;

/// What all documents call themselves.
const TITLE: &str = "Kubernetes";

/// Documents say nothing of the server's version: they change when the API does.
const VERSION: &str = "unversioned";

/// The index at `/openapi/v3`: where each document is, with its hash.
pub fn v3_index(misfiled: Misfiled) -> Value {
    let paths: Map<String, Value> = hashes(misfiled)
        .iter()
        .map(|(path, hash)| {
            let url = format!("/openapi/v3/{path}?hash={hash}");
            (path.clone(), json!({ "serverRelativeURL": url }))
        })
        .collect();
    json!({ "paths": paths })
}

/// The document at `/openapi/v3/api/<version>` or `/openapi/v3/apis/<group>/<version>`, if that is
/// served.
pub fn v3(group: &str, version: &str, misfiled: Misfiled) -> Option<Value> {
    if !group_versions().contains(&(group, version)) {
        return None;
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": { "title": TITLE, "version": VERSION },
        "paths": paths::of(group, version, misfiled),
        "components": { "schemas": components::of(group, version, misfiled) },
    }))
}

/// The hash of a document's text. It changes if and only if the document does.
pub fn v3_hash(group: &str, version: &str, misfiled: Misfiled) -> Option<&'static str> {
    hashes(misfiled).get(&path_of(group, version)).map(String::as_str)
}

/// The document at `/openapi/v2`, for clients that want it in JSON: all types, and no paths.
pub fn v2_json(misfiled: Misfiled) -> Value {
    let mut definitions = Map::new();
    for (group, version) in group_versions() {
        definitions.extend(components::of(group, version, misfiled));
    }
    let mut definitions = Value::Object(definitions);
    as_v2(&mut definitions);
    json!({
        "swagger": "2.0",
        "info": { "title": TITLE, "version": VERSION },
        "paths": {},
        "definitions": definitions,
    })
}

/// Where a document stands below `/openapi/v3`.
fn path_of(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The hash of each document, by its path. Documents are made again when they are asked for: they
/// are large, and few ask.
fn hashes(misfiled: Misfiled) -> &'static BTreeMap<String, String> {
    static SERVED: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    static UNKNOWN: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let hashes = match misfiled {
        Misfiled::Served => &SERVED,
        Misfiled::NotServed => &UNKNOWN,
    };
    hashes.get_or_init(|| {
        group_versions()
            .into_iter()
            .filter_map(|(group, version)| {
                let document = v3(group, version, misfiled)?;
                Some((path_of(group, version), hash(document.to_string().as_bytes())))
            })
            .collect()
    })
}

/// FNV-1a with 64 bits: documents are told apart, not protected.
fn hash(text: &[u8]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = text.iter().fold(BASIS, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:016X}")
}

/// Version 2 keeps types elsewhere and knows neither `nullable` nor `anyOf`.
fn as_v2(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get_mut("$ref") {
                *target = target.replace(components::PREFIX, "#/definitions/");
            }
            // The one item of such a list stands for all of it.
            if let Some(Value::Array(mut all)) = fields.remove("allOf")
                && let Some(Value::Object(only)) = all.pop()
            {
                fields.extend(only);
                as_v2(value);
                return;
            }
            // A field may have these names, but then it is an object.
            if fields.get("anyOf").is_some_and(Value::is_array) {
                fields.remove("anyOf");
                fields.insert("type".to_owned(), json!("string"));
                fields.insert("format".to_owned(), json!("int-or-string"));
            }
            if fields.get("nullable").is_some_and(Value::is_boolean) {
                fields.remove("nullable");
            }
            fields.values_mut().for_each(as_v2);
        }
        Value::Array(items) => items.iter_mut().for_each(as_v2),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The test vectors of its authors.
        assert_eq!(hash(b""), "CBF29CE484222325");
        assert_eq!(hash(b"a"), "AF63DC4C8601EC8C");
        assert_eq!(hash(b"foobar"), "85944171F73967E8");
    }
}
