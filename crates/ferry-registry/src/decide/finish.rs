//! The end of every write that changes an object: admission, counting, and whether anything changes
//! at all.

use std::sync::Arc;

use ferry_api::Kind;
use serde_json::Value;

use crate::admission::{Admission, Operation};
use crate::decide::{Job, Owning, create, metadata, namespaces, pods, size};
use crate::document::{self, metadata_mut};
use crate::draft::has_status_path;
use crate::object::{Change, Document, Effect, Part, Stored};
use crate::refusal::Refusal;
use crate::request::{Answer, Decision};

/// Makes `after` of the object `before`, which is `live`.
pub(super) fn finish<A: Admission>(
    job: &Job<'_, A>,
    live: &Arc<Stored>,
    before: &Document,
    mut after: Document,
    owning: Owning,
) -> Result<Decision, Refusal> {
    let target = job.target();
    let mut errors = metadata::settle(before, &mut after);
    if job.kind() == Kind::Secret {
        create::encode_plain(&mut after);
    }
    if target.part == Part::Main {
        errors.extend(pods::check_change(job.kind(), before, &after));
    }
    if !errors.is_empty() {
        return Err(job.invalid(&target.name, errors));
    }
    let review = job.review(target, Operation::Update { old: before, new: before });
    job.admission.mutate(&review, &mut after, job.state)?;
    let review = job.review(target, Operation::Update { old: before, new: &after });
    let warnings = job.admission.validate(&review, job.state)?;

    if is_new_generation(job.kind(), before, &after) {
        count_generation(&mut after);
    }
    job.track(owning, Some(before), &mut after);
    if after == *before {
        let answer = Answer::Object(live.json.clone());
        return Ok(Decision { change: None, answer, warnings });
    }
    if job.is_dry() {
        let json = size::fit(&mut after, live.json.len(), owning, |object| {
            let json = document::to_json(object);
            (json.len(), json)
        })?;
        return Ok(Decision { change: None, answer: Answer::Object(json), warnings });
    }
    let revision = job.state.revision().next();
    if is_over(job.kind(), &after) {
        document::set_revision(&mut after, revision);
        let answer = Answer::Object(document::to_json(&after));
        // Watchers see the state that they know, with the revision of its end.
        let effect = Effect::Deleted(Arc::new(live.at(revision)));
        return Ok(Decision { change: Some(Change { revision, effect }), answer, warnings });
    }
    let stored = size::fit(&mut after, live.json.len(), owning, |object| {
        let stored = Stored::new(live.key.clone(), revision, object);
        (stored.json.len(), Arc::new(stored))
    })?;
    let answer = Answer::Object(stored.json.clone());
    let change = Some(Change { revision, effect: Effect::Put(stored) });
    Ok(Decision { change, answer, warnings })
}

/// Whether what is wanted of an object changed.
// PARITY: apiextensions-apiserver/pkg/registry/customresource/strategy.go#PrepareForUpdate
fn is_new_generation(kind: Kind, before: &Document, after: &Document) -> bool {
    if kind == Kind::Pod {
        return before.get("spec") != after.get("spec");
    }
    if !kind.is_custom() {
        return false;
    }
    let with_status = !has_status_path(ferry_api::KindVersion::storage(kind));
    let counts = |name: &str| name != "metadata" && (with_status || name != "status");
    let wanted = |object: &Document| object.keys().filter(|name| counts(name)).count();
    wanted(before) != wanted(after)
        || after.iter().any(|(name, value)| counts(name) && before.get(name) != Some(value))
}

/// Raises the generation, where there is one.
pub(super) fn count_generation(object: &mut Document) {
    let metadata = metadata_mut(object);
    if let Some(generation) = metadata.get("generation").and_then(Value::as_i64)
        && generation > 0
    {
        metadata.insert("generation".to_owned(), Value::from(generation.saturating_add(1)));
    }
}

/// Whether nothing holds an object any longer that is being deleted.
// PARITY: apiserver/pkg/registry/generic/registry/store.go#ShouldDeleteDuringUpdate
pub(super) fn is_over(kind: Kind, object: &Document) -> bool {
    let Some(metadata) = document::metadata(object) else { return false };
    let grace = metadata.get("deletionGracePeriodSeconds").and_then(Value::as_i64).unwrap_or(0);
    metadata.contains_key("deletionTimestamp")
        && grace == 0
        && metadata::finalizers(metadata).next().is_none()
        && (kind != Kind::Namespace || namespaces::spec_finalizers(object) == 0)
}
