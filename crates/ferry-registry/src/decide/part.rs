//! Which part of an object a write reaches: each path writes its own part and leaves the rest.

use ferry_api::Kind;
use serde_json::Value;

use crate::decide::namespaces;
use crate::document::{metadata, metadata_mut, section_mut};
use crate::draft::has_status_path;
use crate::object::{Document, Part, Target};

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
            // Who owns the fields of the status is the one thing in the metadata that is written
            // with it.
            let managers = metadata(&after).and_then(|it| it.get("managedFields")).cloned();
            after.retain(|name, _| name == "status" || before.contains_key(name));
            for (name, value) in before.iter().filter(|(name, _)| *name != "status") {
                // Mostly they are the same, and to see that costs less than to copy them.
                if after.get(name) != Some(value) {
                    after.insert(name.clone(), value.clone());
                }
            }
            if let Some(managers) = managers {
                metadata_mut(&mut after).insert("managedFields".to_owned(), managers);
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

/// Puts back what the main path does not write.
pub(super) fn keep_others(target: &Target, before: &Document, after: &mut Document) {
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

fn copy(from: &Document, to: &mut Document, name: &str) {
    match from.get(name) {
        Some(value) => drop(to.insert(name.to_owned(), value.clone())),
        None => drop(to.remove(name)),
    }
}
