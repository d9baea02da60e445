//! kubectl's step from client-side to server-side apply.
//!
//! Client-side apply leaves what it applied in an annotation. When kubectl applies server-side
//! to such an object, it may take what that annotation says it wanted before; and the annotation
//! follows, so that one may go back.

use serde_json::{Map, Value};

use crate::fields::ManagerId;
use crate::fields::compare::compare;
use crate::fields::form::Form;
use crate::fields::managers::Entry;
use crate::fields::mention::mentioned;
use crate::fields::set::FieldSet;
use crate::fields::validate::problems;
use crate::object::Document;

/// Only for a manager of this name; another name opts out.
const KUBECTL: &str = "kubectl";
/// What client-side apply applied last.
const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// As many bytes an object's annotations may have. One that would make them more is left out:
/// what is applied server-side may be larger than what an annotation holds.
// PARITY: apimachinery/pkg/api/validation/objectmeta.go#TotalAnnotationSizeLimitB
const MOST_ANNOTATIONS: usize = 256 * 1024;

/// The conflicts without those about fields that kubectl applied client-side, and that still have
/// the values that it gave them. If others remain, these are told; otherwise there are none.
// PARITY: apimachinery/pkg/util/managedfields/internal/lastappliedmanager.go#Apply
pub(super) fn unless_client_side<'e>(
    form: Form<'_>,
    manager: &ManagerId,
    live: &Document,
    mut found: Vec<(&'e Entry, FieldSet)>,
) -> Vec<(&'e Entry, FieldSet)> {
    if manager.name != KUBECTL || found.is_empty() {
        return found;
    }
    let Some(allowed) = applied_client_side(form, manager, live) else { return found };
    for (_, fields) in &mut found {
        fields.subtract(&allowed);
    }
    found.retain(|(_, fields)| !fields.is_empty());
    found
}

fn applied_client_side(form: Form<'_>, manager: &ManagerId, live: &Document) -> Option<FieldSet> {
    let applied: Map<String, Value> = serde_json::from_str(annotation(live)?).ok()?;
    let api_version = applied.get("apiVersion")?.as_str()?;
    if api_version != manager.api_version || !problems(form, &applied).is_empty() {
        return None;
    }
    let mut fields = mentioned(form, &applied);
    let comparison = compare(form, &applied, live);
    fields.subtract(&comparison.modified);
    fields.subtract(&comparison.added);
    fields.subtract(&comparison.removed);
    Some(fields)
}

/// Brings the annotation up to what was applied now, if there is one.
// PARITY: apimachinery/pkg/util/managedfields/internal/lastappliedupdater.go#Apply
pub(super) fn follow(manager: &ManagerId, config: &Document, after: &mut Document) {
    if manager.name != KUBECTL || annotation(after).is_none() {
        return;
    }
    let mut config = config.clone();
    let annotations = config
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"))
        .and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(ANNOTATION);
    }
    // As `json.Encoder` ends it, and as kubectl writes it.
    let text = format!("{}\n", Value::Object(config));
    let annotations = after
        .get_mut("metadata")
        .and_then(|metadata| metadata.get_mut("annotations"))
        .and_then(Value::as_object_mut);
    let Some(annotations) = annotations else { return };
    annotations.insert(ANNOTATION.to_owned(), Value::String(text));
    let length = |(name, value): (&String, &Value)| name.len() + value.as_str().map_or(0, str::len);
    if annotations.iter().map(length).sum::<usize>() > MOST_ANNOTATIONS {
        annotations.remove(ANNOTATION);
    }
}

fn annotation(object: &Document) -> Option<&str> {
    let annotations = object.get("metadata")?.get("annotations")?;
    annotations.get(ANNOTATION)?.as_str().filter(|text| !text.is_empty())
}
