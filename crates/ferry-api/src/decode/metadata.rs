//! What Kubernetes asks of the metadata of every object, whatever its kind: a name, a namespace where
//! there are any, and labels that selectors can speak of.

use serde_json::{Map, Value};

use crate::catalog::{Kind, Scope};
use crate::field_error::{FieldError, FieldPath, MOST_ERRORS};
use crate::names::{NameError, NameRule};

/// Everything that is wrong with a document's metadata, after `apimachinery
/// pkg/api/validation/objectmeta.go`.
pub(super) fn check_metadata(kind: Kind, document: &Map<String, Value>) -> Vec<FieldError> {
    let path = FieldPath::of("metadata");
    let empty = Map::new();
    let metadata = match document.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        None | Some(Value::Null) => &empty,
        Some(_) => return Vec::new(),
    };
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mistyped = |field: &str| {
        let found = metadata.get(field);
        found.is_some_and(|found| !found.is_null() && !found.is_string())
    };
    let mut errors = Vec::new();
    match (text("name"), text("generateName")) {
        (Some(name), _) => {
            push(&mut errors, path.field("name"), name, kind.name_rule().check(name));
        }
        (None, Some(prefix)) => {
            let checked = kind.name_rule().check_prefix(prefix);
            push(&mut errors, path.field("generateName"), prefix, checked);
        }
        // A name of the wrong type, like a metadata of the wrong type, is the schema's to report.
        (None, None) if mistyped("name") || mistyped("generateName") => {}
        (None, None) => {
            errors
                .push(FieldError::required(path.field("name"), "name or generateName is required"));
        }
    }
    match (kind.definition().scope, text("namespace")) {
        (Scope::Namespaced, Some(name)) => {
            push(&mut errors, path.field("namespace"), name, NameRule::DnsLabel.check(name));
        }
        (Scope::Cluster, Some(name)) => errors.push(FieldError::invalid(
            path.field("namespace"),
            Value::from(name),
            "must not be set: objects of this kind belong to the whole cluster",
        )),
        (_, None) => {}
    }
    check_labels(&path.field("labels"), metadata.get("labels"), &mut errors);
    check_annotations(&path.field("annotations"), metadata.get("annotations"), &mut errors);
    if kind == Kind::VirtualMachine {
        // They become the instance's own.
        let template = document.get("spec").and_then(|spec| spec.get("template"));
        let labels = template.and_then(|template| template.get("metadata")?.get("labels"));
        check_labels(&FieldPath::of("spec.template.metadata.labels"), labels, &mut errors);
    }
    errors
}

fn check_labels(path: &FieldPath, labels: Option<&Value>, errors: &mut Vec<FieldError>) {
    let Some(Value::Object(labels)) = labels else { return };
    for (key, value) in labels {
        push(errors, path.clone(), key, NameRule::LabelKey.check(key));
        if let Value::String(value) = value {
            push(errors, path.key(key), value, NameRule::LabelValue.check(value));
        }
    }
}

fn check_annotations(path: &FieldPath, annotations: Option<&Value>, errors: &mut Vec<FieldError>) {
    let Some(Value::Object(annotations)) = annotations else { return };
    for key in annotations.keys() {
        // PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateAnnotations
        let checked = NameRule::LabelKey.check(&key.to_lowercase());
        push(errors, path.clone(), key, checked);
    }
}

fn push(
    errors: &mut Vec<FieldError>,
    path: FieldPath,
    value: &str,
    checked: Result<(), NameError>,
) {
    if let Err(error) = checked
        && errors.len() < MOST_ERRORS
    {
        errors.push(FieldError::invalid(path, Value::from(value), error.to_string()));
    }
}
