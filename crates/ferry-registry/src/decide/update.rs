//! Another content for an object that is there.

use ferry_api::{FieldError, FieldPath};
use serde_json::Value;

use crate::admission::Admission;
use crate::decide::{Job, Owning, create, finish, part};
use crate::document::meta_text;
use crate::kinds::{is_created_by_update, needs_revision};
use crate::object::{Document, Part};
use crate::refusal::Refusal;
use crate::request::Decision;
use crate::uid::Uid;

/// Replaces the object at the request's target by what `client` describes.
pub(super) fn update<A: Admission>(
    job: &Job<'_, A>,
    client: &Document,
) -> Result<Decision, Refusal> {
    let given = given_revision(job, client)?;
    let target = job.target();
    let Some(live) = job.state.object(&target.key()) else {
        check_uid(job, &Uid::default(), client)?;
        let is_creatable = target.part == Part::Main && is_created_by_update(job.kind());
        if given.is_some() || !is_creatable {
            return Err(job.not_found());
        }
        job.check_creation()?;
        return create::create(job, client, Owning::Track);
    };
    check_uid(job, &live.meta.uid, client)?;
    match given {
        Some(given) if given != live.revision.0 => return Err(job.modified()),
        None if needs_revision(job.kind()) && target.part != Part::Finalize => {
            return Err(job.invalid(
                &target.name,
                vec![FieldError::invalid(
                    FieldPath::of("metadata.resourceVersion"),
                    Value::from(0),
                    "must be specified for an update",
                )],
            ));
        }
        Some(_) | None => {}
    }
    let before = job.read(live);
    let after = part::replaced(job.target(), &before, client.clone());
    finish::finish(job, live, &before, after, Owning::Track)
}

/// The revision that the client says it changes; 0 is none.
fn given_revision<A: Admission>(
    job: &Job<'_, A>,
    client: &Document,
) -> Result<Option<u64>, Refusal> {
    let text = meta_text(client, "resourceVersion");
    match (text, text.parse::<u64>()) {
        ("", _) | (_, Ok(0)) => Ok(None),
        (_, Ok(revision)) => Ok(Some(revision)),
        (text, Err(_)) => Err(job.invalid(
            &job.target().name,
            vec![FieldError::invalid(
                FieldPath::of("metadata.resourceVersion"),
                Value::from(text),
                "must be a whole number, as the server gave it",
            )],
        )),
    }
}

/// Checks that the client means the object that is there, if it says which. One that is not there
/// has no uid, and a client that knows one does not mean a new object.
// PARITY: apiserver/pkg/registry/rest/update.go#UpdatedObject
pub(super) fn check_uid<A: Admission>(
    job: &Job<'_, A>,
    live: &Uid,
    client: &Document,
) -> Result<(), Refusal> {
    let uid = meta_text(client, "uid");
    if uid.is_empty() || *live == *uid {
        return Ok(());
    }
    Err(job.conflict(format!(
        "Precondition failed: UID in precondition: {uid}, UID in object meta: {live}"
    )))
}
