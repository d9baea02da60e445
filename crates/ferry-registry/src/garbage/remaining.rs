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
struct Troubles<'a> {
    kinds: BTreeMap<Kind, usize>,
    finalizers: BTreeMap<&'a str, usize>,
}

impl<'a> Troubles<'a> {
    fn of(contents: impl Iterator<Item = &'a Arc<Stored>>) -> Self {
        let mut troubles = Self::default();
        for object in contents {
            *troubles.kinds.entry(object.key.kind).or_default() += 1;
            for finalizer in object.meta.finalizers() {
                *troubles.finalizers.entry(finalizer).or_default() += 1;
            }
        }
        troubles
    }

    /// The status, reason and message of a condition, if it is true.
    // PARITY: pkg/controller/namespace/deletion/status_condition_utils.go#ProcessContentTotals
    fn reason(&self, kind: &str) -> Option<(&'static str, String)> {
        match kind {
            "NamespaceContentRemaining" => {
                let resources = self.kinds.iter().map(|(kind, count)| {
                    let definition = kind.definition();
                    (format!("{}.{}", definition.plural, definition.group), *count)
                });
                let message = says(resources, "Some resources are remaining", "has")?;
                Some(("SomeResourcesRemain", message))
            }
            "NamespaceFinalizersRemaining" => {
                let finalizers =
                    self.finalizers.iter().map(|(name, count)| ((*name).to_owned(), *count));
                let sentence = "Some content in the namespace has finalizers remaining";
                Some(("SomeFinalizersRemain", says(finalizers, sentence, "in")?))
            }
            _ => None,
        }
    }

    /// The conditions that stood there before, with what these are now in their places.
    // PARITY: pkg/controller/namespace/deletion/status_condition_utils.go#updateConditions
    fn conditions(&self, before: &[Value], now: WallTime) -> Vec<Value> {
        let mut conditions = before.to_vec();
        for (kind, reason, message) in CONDITIONS {
            let place = conditions.iter().position(|one| one["type"] == kind);
            let (status, (reason, message)) = match self.reason(kind) {
                Some(trouble) => ("True", trouble),
                None => ("False", (reason, message.to_owned())),
            };
            let same = place.map(|place| &conditions[place]).filter(|one| one["status"] == status);
            let since = same.and_then(|one| one["lastTransitionTime"].as_str());
            let condition = json!({
                "type": kind,
                "status": status,
                "lastTransitionTime": since.map_or_else(|| now.to_string(), str::to_owned),
                "reason": reason,
                "message": message,
            });
            match place {
                Some(place) => conditions[place] = condition,
                None => conditions.push(condition),
            }
        }
        conditions
    }
}

/// One sentence about all of them, if there are any.
fn says(
    counts: impl Iterator<Item = (String, usize)>,
    sentence: &str,
    verb: &str,
) -> Option<String> {
    let each = counts.map(|(name, count)| format!("{name} {verb} {count} resource instances"));
    let mut each: Vec<_> = each.collect();
    each.sort();
    (!each.is_empty()).then(|| format!("{sentence}: {}", each.join(", ")))
}
