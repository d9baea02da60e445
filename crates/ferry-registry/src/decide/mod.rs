//! What a write comes to.
//!
//! A decision is made from the state, the request and what the [`Context`] brings; nothing is
//! changed. One file for each kind of write, and one for what all of them share.

mod binding;
mod create;
mod delete;
mod finish;
mod grace;
mod metadata;
mod namespaces;
mod part;
mod patch;
mod pods;
mod qos;
mod size;
#[cfg(test)]
mod tests;
mod update;

use std::sync::Arc;

use ferry_api::{FieldError, Kind};

use crate::admission::{Admission, Operation, Review};
use crate::convert::Layouts;
use crate::draft::as_read;
use crate::fields::{self, ManagerId};
use crate::object::{Document, ObjectKey, Part, Stored, Target};
use crate::refusal::Refusal;
use crate::request::{Context, Creation, Decision, Request, Run, Write};
use crate::state::State;

/// What a request comes to in a state.
///
/// # Errors
/// The [`Refusal`] that the client is answered with.
pub fn decide(
    state: &State,
    request: &Request,
    context: &Context,
    admission: &impl Admission,
) -> Result<Decision, Refusal> {
    let job = Job { state, request, context, admission };
    match &request.write {
        Write::Create(draft) if request.target.part == Part::Binding => {
            binding::bind(&job, draft.object())
        }
        Write::Create(draft) => {
            with_warnings(draft.warnings(), create::create(&job, draft.object(), Owning::Track))
        }
        Write::Update(draft) => {
            with_warnings(draft.warnings(), update::update(&job, draft.object()))
        }
        Write::Patch(patch) => patch::patch(&job, patch),
        Write::Delete(options) => delete::delete(&job, options),
    }
}

/// Whether it is yet to be noted who owns which field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owning {
    /// It is.
    Track,
    /// It was, by server-side apply, or the write makes nobody an owner.
    Noted,
}

/// A request, and all that is needed to decide it.
struct Job<'a, A> {
    state: &'a State,
    request: &'a Request,
    context: &'a Context,
    admission: &'a A,
}

impl<A: Admission> Job<'_, A> {
    fn target(&self) -> &Target {
        &self.request.target
    }

    fn kind(&self) -> Kind {
        self.target().served.kind()
    }

    fn live(&self) -> Result<&Arc<Stored>, Refusal> {
        self.state.object(&self.target().key()).ok_or_else(|| self.not_found())
    }

    /// What is there, as it is read.
    fn read(&self, live: &Stored) -> Document {
        as_read(self.kind(), live.document())
    }

    fn is_dry(&self) -> bool {
        self.request.options.run == Run::Dry
    }

    fn review<'a>(&'a self, target: &'a Target, operation: Operation<'a>) -> Review<'a> {
        Review {
            user: &self.request.user,
            target,
            operation,
            run: self.request.options.run,
            now: self.context.now,
        }
    }

    fn manager(&self, operation: fields::Operation) -> ManagerId {
        let target = self.target();
        ManagerId {
            name: self.request.options.manager.clone(),
            operation,
            api_version: target.served.api_version(),
            subresource: match target.part {
                Part::Main => "",
                Part::Status => "status",
                Part::Finalize => "finalize",
                Part::Binding => "binding",
            },
        }
    }

    /// Notes who owns what of an object that was changed by other means than server-side apply.
    fn track(&self, owning: Owning, before: Option<&Document>, after: &mut Document) {
        match owning {
            Owning::Noted => {
                if let Some(before) = before {
                    fields::settle(before, after);
                }
            }
            Owning::Track => {
                let versions = Layouts::of(self.kind());
                let manager = self.manager(fields::Operation::Update);
                fields::track_update(&versions, before, after, &manager, self.context.now);
            }
        }
    }

    /// Refuses to make an object for whoever may only change it.
    // PARITY: apiserver/pkg/endpoints/handlers/create.go#withAuthorization
    fn check_creation(&self) -> Result<(), Refusal> {
        let target = self.target();
        match &self.request.options.creation {
            Creation::Allowed => Ok(()),
            Creation::Denied { message } => Err(Refusal::Forbidden {
                served: target.served,
                name: target.name.clone(),
                message: message.clone(),
                cause: None,
            }),
        }
    }

    fn not_found(&self) -> Refusal {
        let target = self.target();
        Refusal::NotFound { served: target.served, name: target.name.clone() }
    }

    fn conflict(&self, message: impl Into<String>) -> Refusal {
        let target = self.target();
        Refusal::Conflict {
            served: target.served,
            name: target.name.clone(),
            message: message.into(),
        }
    }

    fn modified(&self) -> Refusal {
        self.conflict(
            "the object has been modified; please apply your changes to the latest version and \
             try again",
        )
    }

    fn invalid(&self, name: &str, errors: Vec<FieldError>) -> Refusal {
        Refusal::Invalid { kind: self.target().served.into(), name: name.to_owned(), errors }
    }
}

/// The decision, with warnings before its own.
fn with_warnings(
    warnings: &[String],
    decision: Result<Decision, Refusal>,
) -> Result<Decision, Refusal> {
    let mut decision = decision?;
    decision.warnings.splice(0..0, warnings.iter().cloned());
    Ok(decision)
}

/// The key of the namespace that objects at `target` are in; none for kinds of the whole cluster.
fn namespace_of(target: &Target) -> Option<ObjectKey> {
    (!target.namespace.is_empty()).then(|| crate::garbage::namespace_key(&target.namespace))
}
