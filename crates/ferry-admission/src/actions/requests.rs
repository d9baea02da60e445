//! The writes that actions come to.
//!
//! They are the API server's own, as upstream they are virt-api's: a user who may start a machine
//! need not be allowed to write its status.

use ferry_api::{Kind, KindVersion};
use ferry_registry::{
    DeleteOptions, Document, Draft, FieldValidation, Part, Patch, Refusal, Request, Run, Target,
    User, Write, WriteOptions,
};
use serde_json::Value;

use crate::actions::Subject;
use crate::identity;

/// Whom the fields belong to that actions write.
const MANAGER: &str = "virt-api";

fn target(kind: Kind, part: Part, subject: &Subject) -> Target {
    Target {
        served: KindVersion::storage(kind),
        namespace: subject.namespace.clone(),
        name: subject.name.clone(),
        part,
    }
}

fn request(user: User, target: Target, write: Write, run: Run) -> Request {
    let options = WriteOptions {
        run,
        unknown_fields: FieldValidation::Ignore,
        manager: MANAGER.to_owned(),
        ..WriteOptions::default()
    };
    Request { user: user.into(), target, write, options }
}

/// A merge patch of a part of an object.
pub(super) fn merge(kind: Kind, part: Part, subject: &Subject, patch: Value, run: Run) -> Request {
    let write = Write::Patch(Patch::Merge(patch));
    request(identity::api_server(), target(kind, part, subject), write, run)
}

/// A strategic merge patch of a part of an object of a built-in kind.
pub(super) fn strategic(
    kind: Kind,
    part: Part,
    subject: &Subject,
    patch: Value,
    run: Run,
) -> Request {
    let write = Write::Patch(Patch::Strategic(patch));
    request(identity::api_server(), target(kind, part, subject), write, run)
}

/// A new object in the subject's namespace, with a name that is generated.
pub(super) fn create(
    kind: Kind,
    subject: &Subject,
    object: Document,
    run: Run,
) -> Result<Request, Refusal> {
    let mut target = target(kind, Part::Main, subject);
    target.name.clear();
    let draft = Draft::read(&target, object.into(), FieldValidation::Ignore)?;
    Ok(request(identity::api_server(), target, Write::Create(draft), run))
}

/// The end of an object, asked for by `user`.
pub(super) fn delete(
    user: User,
    kind: Kind,
    subject: &Subject,
    options: DeleteOptions,
    run: Run,
) -> Request {
    request(user, target(kind, Part::Main, subject), Write::Delete(options), run)
}
