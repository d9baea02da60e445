//! What is asked of objects so often that it is kept beside their JSON, and how it is read from it.

use ferry_api::{Kind, selectable_value};
use ferry_units::WallTime;
use serde_json::Value;

use crate::document::{at, metadata, text};
use crate::labels::Labels;
use crate::object::{Document, Meta, Owner, Rest};

impl Meta {
    /// What `document` says. Whatever has the wrong type counts as absent.
    pub fn of(kind: Kind, document: &Document) -> Self {
        let empty = Document::new();
        let metadata = metadata(document).unwrap_or(&empty);
        let rest = Rest {
            deleted: time(metadata.get("deletionTimestamp")),
            finalizers: list(metadata.get("finalizers"))
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            owners: list(metadata.get("ownerReferences"))
                .filter_map(Value::as_object)
                .map(owner)
                .collect(),
            seen: if kind == Kind::Event { last_seen(document) } else { None },
        };
        Self {
            uid: text(metadata, "uid").into(),
            labels: labels(metadata.get("labels")),
            created: time(metadata.get("creationTimestamp")),
            fields: selectable_values(kind, document),
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
        }
    }
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn labels(value: Option<&Value>) -> Labels {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

fn time(value: Option<&Value>) -> Option<WallTime> {
    value?.as_str()?.parse().ok()
}

fn owner(reference: &Document) -> Owner {
    Owner {
        api_version: text(reference, "apiVersion").to_owned(),
        kind: text(reference, "kind").to_owned(),
        name: text(reference, "name").to_owned(),
        uid: text(reference, "uid").to_owned(),
        blocks_deletion: reference.get("blockOwnerDeletion") == Some(&Value::Bool(true)),
    }
}

/// When an Event was last seen: the latest of the times that its several reporters write.
fn last_seen(document: &Document) -> Option<WallTime> {
    ["lastTimestamp", "series.lastObservedTime", "eventTime", "firstTimestamp"]
        .into_iter()
        .filter_map(|path| time(at(document, path)))
        .max()
}

fn selectable_values(kind: Kind, document: &Document) -> Box<[(&'static str, Box<str>)]> {
    let fields = kind.selectable_fields().iter();
    fields
        .map(|(label, path)| (*label, selectable_value(document, path)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| (label, value.into_boxed_str()))
        .collect()
}
