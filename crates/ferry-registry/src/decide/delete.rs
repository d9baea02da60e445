//! The end of an object, or its beginning.

use std::sync::Arc;

use ferry_api::Kind;
use serde_json::Value;

use crate::admission::{Admission, Operation};
use crate::decide::grace::{self, Grace};
use crate::decide::{Job, finish, namespaces};
use crate::document::{self, metadata_mut, section_mut};
use crate::garbage::{FOREGROUND, ORPHAN};
use crate::kinds::is_shown_when_deleted;
use crate::object::{Change, Document, Effect, Stored};
use crate::refusal::Refusal;
use crate::request::{Answer, Decision, DeleteOptions, Propagation};

/// Deletes the object at the request's target, or marks it where something holds it.
// PARITY: apiserver/pkg/registry/generic/registry/store.go#Delete
pub(super) fn delete<A: Admission>(
    job: &Job<'_, A>,
    options: &DeleteOptions,
) -> Result<Decision, Refusal> {
    let live = job.live()?;
    check_preconditions(job, live, options)?;
    namespaces::check_mortal(job)?;
    let before = live.document();
    let review = job.review(job.target(), Operation::Delete { old: &before });
    let warnings = job.admission.validate(&review, job.state)?;
    if live.meta.deleted().is_some() {
        return Ok(again(job, live, &before, options, warnings));
    }
    let mut after = before;
    finalize(&mut after, options.propagation);
    let grace = grace::grace(job.kind(), &after, options.grace_period_seconds);
    let held = !finalizers(&after).is_empty();
    let waits = job.kind() == Kind::Namespace && namespaces::spec_finalizers(&after) > 0;
    if grace == Grace::None && !held && !waits {
        return Ok(gone(job, live, warnings));
    }
    mark(job, &mut after, grace);
    Ok(put(job, live, after, warnings))
}

/// An object that is being deleted is deleted again: what becomes of its dependents may be said anew,
/// and the grace of a pod may become shorter. While that lasts it is all that can be said.
// PARITY: apiserver/pkg/registry/rest/delete.go#BeforeDelete
fn again<A: Admission>(
    job: &Job<'_, A>,
    live: &Arc<Stored>,
    before: &Document,
    options: &DeleteOptions,
    warnings: Vec<String>,
) -> Decision {
    let unchanged =
        |warnings| Decision { change: None, answer: Answer::Object(live.json.clone()), warnings };
    // PARITY: pkg/registry/core/namespace/storage/storage.go#Delete
    if job.kind() == Kind::Namespace && namespaces::spec_finalizers(before) > 0 {
        return unchanged(warnings);
    }
    let mut after = before.clone();
    if let Some(granted) = grace::granted(before).filter(|granted| *granted > 0) {
        let asked = options.grace_period_seconds.map(|asked| if asked < 0 { 1 } else { asked });
        let Some(asked) = asked.filter(|asked| *asked < granted) else {
            return unchanged(warnings);
        };
        let start = live.meta.deleted().map(|end| grace::later(end, -granted));
        let end = grace::later(start.unwrap_or(job.context.now), asked);
        let metadata = metadata_mut(&mut after);
        metadata.insert("deletionTimestamp".to_owned(), Value::from(end.to_string()));
        metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(asked));
    }
    finalize(&mut after, options.propagation);
    if finish::is_over(job.kind(), &after) {
        return gone(job, live, warnings);
    }
    if after == *before {
        return unchanged(warnings);
    }
    put(job, live, after, warnings)
}

fn check_preconditions<A: Admission>(
    job: &Job<'_, A>,
    live: &Stored,
    options: &DeleteOptions,
) -> Result<(), Refusal> {
    let uid = &live.meta.uid;
    if let Some(wanted) = options.uid.as_ref().filter(|wanted| *uid != ***wanted) {
        return Err(outdated(
            job,
            format!(
                "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). The \
             object might have been deleted and then recreated"
            ),
        ));
    }
    let revision = live.revision.to_string();
    if let Some(wanted) = options.resource_version.as_ref().filter(|wanted| **wanted != revision) {
        return Err(outdated(
            job,
            format!(
                "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion \
             in record ({revision}). The object might have been modified"
            ),
        ));
    }
    Ok(())
}

fn outdated<A: Admission>(job: &Job<'_, A>, message: String) -> Refusal {
    let target = job.target();
    Refusal::Precondition { served: target.served, name: target.name.clone(), message }
}

fn finalizers(object: &Document) -> Vec<&str> {
    let list = document::metadata(object).and_then(|it| it.get("finalizers")?.as_array());
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Writes into the finalizers what becomes of the dependents.
// PARITY: apiserver/pkg/registry/generic/registry/store.go#deletionFinalizersForGarbageCollection
fn finalize(object: &mut Document, propagation: Option<Propagation>) {
    let wanted = match propagation {
        // As the object's creator has it.
        None => return,
        Some(Propagation::Background) => None,
        Some(Propagation::Foreground) => Some(FOREGROUND),
        Some(Propagation::Orphan) => Some(ORPHAN),
    };
    let before = finalizers(object);
    let others = before.iter().filter(|name| **name != FOREGROUND && **name != ORPHAN);
    let after: Vec<_> = others.copied().chain(wanted).map(Value::from).collect();
    let metadata = metadata_mut(object);
    if after.is_empty() {
        metadata.remove("finalizers");
    } else {
        metadata.insert("finalizers".to_owned(), Value::Array(after));
    }
}

/// Marks an object as being deleted.
fn mark<A: Admission>(job: &Job<'_, A>, object: &mut Document, grace: Grace) {
    let now = job.context.now;
    let seconds = match grace {
        Grace::None => 0,
        Grace::Seconds(seconds) => seconds,
    };
    let metadata = metadata_mut(object);
    let end = grace::later(now, seconds);
    metadata.insert("deletionTimestamp".to_owned(), Value::from(end.to_string()));
    if job.kind() == Kind::Namespace {
        // PARITY: pkg/registry/core/namespace/storage/storage.go#Delete: no grace is noted.
        let phase = Value::from("Terminating");
        section_mut(object, "status").insert("phase".to_owned(), phase);
    } else {
        metadata.insert("deletionGracePeriodSeconds".to_owned(), Value::from(seconds));
    }
    finish::count_generation(object);
}

/// The object is gone.
fn gone<A: Admission>(job: &Job<'_, A>, live: &Arc<Stored>, warnings: Vec<String>) -> Decision {
    let revision = job.state.revision().next();
    let last = Arc::new(live.at(revision));
    let answer = if is_shown_when_deleted(job.kind()) {
        let shown = if job.is_dry() { live } else { &*last };
        Answer::Object(shown.json.clone())
    } else {
        Answer::Deleted { name: live.key.name.clone(), uid: live.meta.uid.to_string() }
    };
    let change = (!job.is_dry()).then_some(Change { revision, effect: Effect::Deleted(last) });
    Decision { change, answer, warnings }
}

/// The object stays for now.
fn put<A: Admission>(
    job: &Job<'_, A>,
    live: &Arc<Stored>,
    mut after: Document,
    warnings: Vec<String>,
) -> Decision {
    if job.is_dry() {
        let answer = Answer::Object(document::to_json(&after));
        return Decision { change: None, answer, warnings };
    }
    let revision = job.state.revision().next();
    let stored = Arc::new(Stored::new(live.key.clone(), revision, &mut after));
    let answer = Answer::Object(stored.json.clone());
    Decision { change: Some(Change { revision, effect: Effect::Put(stored) }), answer, warnings }
}
