//! What namespaces that are being deleted still wait for, as their conditions tell it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use ferry_api::Kind;
use ferry_units::WallTime;
use serde_json::{Value, json};

use crate::document::at;
use crate::garbage::chores::{MOST_CHORES, NAMESPACES, request};
use crate::garbage::demand::contents;
use crate::object::{Part, Stored};
use crate::request::{Patch, Request, Write};
use crate::state::State;

/// A condition of a namespace: its type, and its reason and message while there is no trouble.
// PARITY: pkg/controller/namespace/deletion/status_condition_utils.go#okReasons
const CONDITIONS: [(&str, &str, &str); 5] = [
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
];

/// The writes by which each namespace that waits for its contents says so, where it does not yet.
pub(crate) fn remaining(state: &State, now: WallTime) -> Vec<Request> {
    let namespaces = state.objects().range(Kind::Namespace, None, Bound::Unbounded);
    namespaces.filter_map(|namespace| tell(state, namespace, now)).take(MOST_CHORES).collect()
}

fn tell(state: &State, namespace: &Arc<Stored>, now: WallTime) -> Option<Request> {
    let name = &namespace.key.name;
    namespace.meta.deleted()?;
    let document = namespace.document();
    let told = at(&document, "status.conditions").and_then(Value::as_array);
    let told = told.map(Vec::as_slice).unwrap_or_default();
    if told.is_empty() && state.population().of_namespace(name) == 0 {
        return None;
    }
    let troubles = Troubles::of(contents(state, name));
    let conditions = troubles.conditions(told, now);
    if conditions == told {
        return None;
    }
    let patch = json!({
        "metadata": { "resourceVersion": namespace.revision.to_string() },
        "status": { "conditions": conditions },
    });
    Some(request(NAMESPACES, &namespace.key, Part::Status, Write::Patch(Patch::Merge(patch))))
}

/// What is left in a namespace, and what holds it.
#[derive(Default)]
struct Troubles {
    resources: BTreeMap<String, usize>,
    finalizers: BTreeMap<String, usize>,
}

impl Troubles {
    fn of<'a>(contents: impl Iterator<Item = &'a Arc<Stored>>) -> Self {
        let mut troubles = Self::default();
        for object in contents {
            let definition = object.key.kind.definition();
            let resource = format!("{}.{}", definition.plural, definition.group);
            *troubles.resources.entry(resource).or_default() += 1;
            for finalizer in object.meta.finalizers() {
                *troubles.finalizers.entry(finalizer.clone()).or_default() += 1;
            }
        }
        troubles
    }

    /// The conditions, after those that stood there before.
    // PARITY: pkg/controller/namespace/deletion/status_condition_utils.go#ProcessContentTotals
    fn conditions(&self, before: &[Value], now: WallTime) -> Vec<Value> {
        let remaining = says(&self.resources, "Some resources are remaining", "has");
        let held =
            says(&self.finalizers, "Some content in the namespace has finalizers remaining", "in");
        let troubles = [
            ("NamespaceContentRemaining", "SomeResourcesRemain", remaining),
            ("NamespaceFinalizersRemaining", "SomeFinalizersRemain", held),
        ];
        let condition = |(kind, reason, message): &(&str, &str, &str)| {
            let trouble = troubles.iter().find(|(of, _, message)| of == kind && message.is_some());
            let (status, reason, message) = match trouble {
                Some((_, reason, Some(message))) => ("True", *reason, message.as_str()),
                Some((_, _, None)) | None => ("False", *reason, *message),
            };
            let same = before.iter().find(|one| one["type"] == *kind && one["status"] == status);
            let since = same.map_or_else(
                || Value::from(now.to_string()),
                |one| one["lastTransitionTime"].clone(),
            );
            json!({
                "type": kind,
                "status": status,
                "lastTransitionTime": since,
                "reason": reason,
                "message": message,
            })
        };
        CONDITIONS.iter().map(condition).collect()
    }
}

/// One sentence about all of them, if there are any.
fn says(counts: &BTreeMap<String, usize>, sentence: &str, verb: &str) -> Option<String> {
    let each =
        counts.iter().map(|(name, count)| format!("{name} {verb} {count} resource instances"));
    let mut each: Vec<_> = each.collect();
    each.sort();
    (!each.is_empty()).then(|| format!("{sentence}: {}", each.join(", ")))
}
