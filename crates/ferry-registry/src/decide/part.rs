//! Which part of an object a write reaches: each path writes its own part and leaves the rest.

use ferry_api::Kind;
use serde_json::Value;

use crate::decide::namespaces;
use crate::document::{at, metadata, metadata_mut, section_mut};
use crate::draft::has_status_path;
use crate::fields::Reach;
use crate::kinds::{status_leaves, status_takes_metadata};
use crate::object::{Document, Part, Target};

/// What `target` writes of its object.
pub(super) fn reach(target: &Target) -> Reach {
    match target.part {
        Part::Main if has_status_path(target.served) => Reach::AllButStatus,
        Part::Main | Part::Binding | Part::Finalize => Reach::Everything,
        Part::Status if status_takes_metadata(target.served.kind()) => {
            Reach::StatusAndMetadata { but: status_leaves(target.served.kind()) }
        }
        Part::Status => Reach::Status,
    }
}

/// `before` with the part that `target` writes replaced by that of `client`.
pub(super) fn replaced(target: &Target, before: &Document, client: Document) -> Document {
    match target.part {
        Part::Main => {
            let mut after = client;
            keep_others(target, before, &mut after);
            after
        }
        Part::Status => {
            let mut after = client;
            keep_all_but(&["metadata", "status"], before, &mut after);
            keep_metadata(target.served.kind(), before, &mut after);
            if target.served.kind() == Kind::Pod {
                keep_class(before, &mut after);
            }
            after
        }
        Part::Finalize => {
            let mut after = before.clone();
            let spec = section_mut(&mut after, "spec");
            let empty = Document::new();
            let wanted = client.get("spec").and_then(Value::as_object).unwrap_or(&empty);
            copy(wanted, spec, "finalizers");
            after
        }
        // A binding is no part of a pod; see `binding`.
        Part::Binding => before.clone(),
    }
}

/// Puts back the class of service of a pod where a new status does not say one.
// PARITY: pkg/registry/core/pod/strategy.go#podStatusStrategy.PrepareForUpdate
fn keep_class(before: &Document, after: &mut Document) {
    let Some(class) = at(before, "status.qosClass") else { return };
    section_mut(after, "status").entry("qosClass").or_insert_with(|| class.clone());
}

/// Puts back what the main path does not write.
fn keep_others(target: &Target, before: &Document, after: &mut Document) {
    if has_status_path(target.served) {
        copy(before, after, "status");
    }
    if target.served.kind() == Kind::Namespace {
        // PARITY: pkg/registry/core/namespace/strategy.go#PrepareForUpdate
        let empty = Document::new();
        let kept = before.get("spec").and_then(Value::as_object).unwrap_or(&empty);
        copy(kept, section_mut(after, "spec"), "finalizers");
        namespaces::label(after);
    }
}

/// Puts back the metadata that is not written with a status. Where none is, who owns the fields of
/// the status still changes with it.
fn keep_metadata(kind: Kind, before: &Document, after: &mut Document) {
    let empty = Document::new();
    let old = metadata(before).unwrap_or(&empty);
    if !status_takes_metadata(kind) {
        return keep_all_but(&["managedFields"], old, metadata_mut(after));
    }
    for field in status_leaves(kind) {
        copy(old, metadata_mut(after), field);
    }
    if kind == Kind::Namespace {
        namespaces::label(after);
    }
}

/// Puts back all but the fields of these names.
fn keep_all_but(written: &[&str], before: &Document, after: &mut Document) {
    let is_written = |name: &str| written.contains(&name);
    after.retain(|name, _| is_written(name) || before.contains_key(name));
    for (name, value) in before.iter().filter(|(name, _)| !is_written(name)) {
        // Mostly they are the same, and to see that costs less than to copy them.
        if after.get(name) != Some(value) {
            after.insert(name.clone(), value.clone());
        }
    }
}

fn copy(from: &Document, to: &mut Document, name: &str) {
    match from.get(name) {
        Some(value) => drop(to.insert(name.to_owned(), value.clone())),
        None => drop(to.remove(name)),
    }
}
