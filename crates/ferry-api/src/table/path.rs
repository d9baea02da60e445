//! As much of JSONPath as columns are written in: fields, an index, and a filter that compares one
//! field with a text.

use serde_json::{Map, Value};

/// One step of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step<'p> {
    /// `.name`
    Field(&'p str),
    /// `[0]`
    Index(usize),
    /// `[?(@.field=='text')]`
    Where(&'p str, &'p str),
}

/// The first of the values that `path` leads to; nothing for a path that is none.
pub(super) fn first<'v>(object: &'v Map<String, Value>, path: &str) -> Option<&'v Value> {
    let (step, mut rest) = step(path)?;
    let Step::Field(field) = step else { return None };
    let mut found: Vec<&Value> = object.get(field).into_iter().collect();
    while !rest.is_empty() && !found.is_empty() {
        let (next, after) = self::step(rest)?;
        found = found.into_iter().flat_map(|value| follow(value, next)).collect();
        rest = after;
    }
    found.first().copied()
}

/// Where a step leads from `value`.
fn follow<'v>(value: &'v Value, step: Step<'_>) -> Vec<&'v Value> {
    match step {
        Step::Field(field) => value.get(field).into_iter().collect(),
        Step::Index(index) => value.get(index).into_iter().collect(),
        Step::Where(field, text) => {
            let items = value.as_array().map_or(&[][..], Vec::as_slice);
            items.iter().filter(|item| item.get(field).is_some_and(|is| is == text)).collect()
        }
    }
}

/// The first step of a path, and what follows it.
fn step(path: &str) -> Option<(Step<'_>, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        return (end > 0).then(|| (Step::Field(&rest[..end]), &rest[end..]));
    }
    if let Some(rest) = path.strip_prefix("[?(@.") {
        let (field, rest) = rest.split_once("=='")?;
        let (text, rest) = rest.split_once("')]")?;
        return Some((Step::Where(field, text), rest));
    }
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((Step::Index(index.parse().ok()?), rest))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_to_the_first_value() {
        let object = json!({
            "a": { "b": [{ "c": 1 }, { "c": 2 }] },
            "conditions": [
                { "type": "Ready" },
                { "type": "Paused", "status": "False" },
                { "type": "Ready", "status": "True" },
            ],
        });
        let object = object.as_object().unwrap();
        for (path, expected) in [
            (".a.b[1].c", Some(json!(2))),
            (".a.b[2].c", None),
            (".a.b.c", None),
            (".a", Some(object["a"].clone())),
            (".conditions[?(@.type=='Ready')].status", Some(json!("True"))),
            (".conditions[?(@.type=='Synchronized')].status", None),
            (".a[?(@.type=='Ready')].status", None),
            ("", None),
            ("a", None),
            (".", None),
            (".a[", None),
            (".a[b]", None),
            (".conditions[?(@.type=='Ready", None),
        ] {
            assert_eq!(first(object, path), expected.as_ref(), "{path}");
        }
    }
}
