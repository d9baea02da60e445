//! Why a request is not carried out, in the words and numbers that Kubernetes' clients act on.
//!
//! Clients read `reason`, `code` and `details` of a `Status`, and people read its message. Both
//! follow `apimachinery/pkg/api/errors/errors.go`.

mod status;
#[cfg(test)]
mod tests;

use ferry_api::{FieldError, KindVersion};
use thiserror::Error;

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
    /// There is no such object (404).
    #[error("{} \"{name}\" not found", qualified(.served))]
    NotFound {
        /// The kind.
        served: KindVersion,
        /// The name.
        name: String,
    },
    /// There is one already (409).
    #[error("{} \"{name}\" already exists", qualified(.served))]
    AlreadyExists {
        /// The kind.
        served: KindVersion,
        /// The name.
        name: String,
    },
    /// There is one that is being deleted (409).
    #[error("object is being deleted: {} \"{name}\" already exists", qualified(.served))]
    BeingDeleted {
        /// The kind.
        served: KindVersion,
        /// The name.
        name: String,
    },
    /// Every name that was generated is taken (409).
    #[error(
        "{} \"{name}\" already exists, the server was not able to generate a unique name for the \
         object",
        qualified(.served)
    )]
    GeneratedNameTaken {
        /// The kind.
        served: KindVersion,
        /// The last name that was tried.
        name: String,
    },
    /// The object is not what the client takes it for (409).
    #[error("Operation cannot be fulfilled on {} \"{name}\": {message}", qualified(.served))]
    Conflict {
        /// The kind.
        served: KindVersion,
        /// The name.
        name: String,
        /// What is different.
        message: String,
    },
    /// The object is not the one that was to be deleted (409). Here the kind stands in the place of
    /// the resource, as in Kubernetes.
    // PARITY: apiserver/pkg/registry/rest/delete.go#BeforeDelete
    #[error("Operation cannot be fulfilled on {} \"{name}\": {message}", qualified_kind(.served))]
    Precondition {
        /// The kind.
        served: KindVersion,
        /// The name.
        name: String,
        /// What is different.
        message: String,
    },
    /// Server-side apply met fields that others own (409).
    #[error("{}", apply_conflicts(.conflicts))]
    ApplyConflict {
        /// Which, and whose.
        conflicts: Vec<FieldConflict>,
    },
    /// The object cannot be so (422).
    #[error("{}", invalid(.kind, .name, .errors))]
    Invalid {
        /// `Kind.group`, as messages have it.
        kind: QualifiedKind,
        /// The name.
        name: String,
        /// What is wrong with it.
        errors: Vec<FieldError>,
    },
    /// The request cannot be read, or contradicts itself (400).
    #[error("{message}")]
    BadRequest {
        /// What is wrong.
        message: String,
    },
    /// An object is to be created that has a revision already (500, without a reason: the storage of
    /// Kubernetes finds out, where nobody gives it one).
    // PARITY: apiserver/pkg/storage/etcd3/store.go#Create
    #[error("resourceVersion should not be set on objects to be created")]
    RevisionOfNew,
    /// The request was understood and makes no sense for this object (422, without causes).
    #[error("{message}")]
    Unprocessable {
        /// What is wrong.
        message: String,
    },
    /// The client did not say who it is, or that could not be believed (401).
    #[error("Unauthorized")]
    Unauthorized,
    /// The user may not do that (403).
    #[error("{} is forbidden: {message}", subject(.served, .name))]
    Forbidden {
        /// The kind that was to be touched.
        served: KindVersion,
        /// The object; empty for a collection.
        name: String,
        /// Why not.
        message: String,
        /// What programs act on, such as `NamespaceTerminating`.
        cause: Option<Box<DeniedCause>>,
    },
    /// The user may not use that path (403).
    #[error("forbidden: {message}")]
    ForbiddenPath {
        /// Why not.
        message: String,
    },
    /// An admission check says no (the code that the check gives).
    #[error("admission webhook \"{webhook}\" denied the request: {message}")]
    Denied {
        /// The name of the check, as the real system calls it.
        webhook: String,
        /// Why.
        message: String,
        /// 400, 403, 409, 422 or 429.
        code: u16,
        /// The fields that are wrong.
        causes: Vec<DeniedCause>,
    },
    /// The revision that was asked for is no longer known (410).
    #[error("{message}")]
    Expired {
        /// What was asked for.
        message: String,
        /// Where a list could go on, though not as of the revision that it began with.
        continue_token: Option<String>,
    },
    /// Not now (429).
    #[error("{message}")]
    TooManyRequests {
        /// Why not.
        message: String,
    },
    /// This path does not do that (405).
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// There is nothing at this path (404).
    #[error("the server could not find the requested resource")]
    NoSuchPath,
    /// None of the formats that the client takes can be made (406).
    #[error("only the following media types are accepted: {}", .accepted.join(", "))]
    NotAcceptable {
        /// The ones that can.
        accepted: Vec<String>,
    },
    /// The body is in a format that is not read here (415).
    #[error(
        "the body of the request was in an unknown format - accepted media types include: {}",
        .accepted.join(", ")
    )]
    UnsupportedMediaType {
        /// The ones that are.
        accepted: Vec<String>,
    },
    /// The body is too long (413).
    #[error("Request entity too large: limit is {limit}")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// What the request would come to is too large, or it asks for too much at once (413).
    #[error("Request entity too large: {message}")]
    Oversized {
        /// What, and how much there may be.
        message: String,
    },
    /// The revision that was asked for is still to come (504).
    #[error("Too large resource version: {asked}, current: {current}")]
    FutureRevision {
        /// The one that was asked for.
        asked: u64,
        /// The newest there is.
        current: u64,
    },
    /// What was written could not be made durable (500).
    #[error("{message}")]
    Internal {
        /// What happened.
        message: String,
    },
    /// The server is about to stop, or cannot store anything now (503).
    #[error("{message}")]
    Unavailable {
        /// What happened.
        message: String,
    },
}

/// `Kind.group`, as the messages about invalid objects have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QualifiedKind {
    /// The kind.
    pub kind: String,
    /// Its group; empty for the core.
    pub group: String,
}

/// A field that another manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldConflict {
    /// The other manager, as conflict messages describe it: `"kubectl" using v1`, say.
    pub manager: String,
    /// The field: `.spec.running`.
    pub field: String,
}

/// What is wrong with a field, for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedCause {
    /// `FieldValueInvalid`, `NamespaceTerminating` and the like.
    pub reason: String,
    /// What is wrong.
    pub message: String,
    /// Where: `spec.vmiName`.
    pub field: String,
}

impl From<KindVersion> for QualifiedKind {
    fn from(served: KindVersion) -> Self {
        Self { kind: served.definition().kind.to_owned(), group: served.group().to_owned() }
    }
}

/// `VirtualMachine.kubevirt.io`; only the kind for Kubernetes' core.
fn qualified_kind(served: &KindVersion) -> String {
    let kind = served.definition().kind;
    if served.group().is_empty() { kind.to_owned() } else { format!("{kind}.{}", served.group()) }
}

/// `virtualmachines.kubevirt.io`; only the plural for Kubernetes' core.
fn qualified(served: &KindVersion) -> String {
    let plural = served.definition().plural;
    if served.group().is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{}", served.group())
    }
}

fn subject(served: &KindVersion, name: &str) -> String {
    if name.is_empty() { qualified(served) } else { format!("{} \"{name}\"", qualified(served)) }
}

// PARITY: apimachinery/pkg/api/errors/errors.go#NewInvalid
fn invalid(kind: &QualifiedKind, name: &str, errors: &[FieldError]) -> String {
    let qualified = if kind.group.is_empty() {
        kind.kind.clone()
    } else {
        format!("{}.{}", kind.kind, kind.group)
    };
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    match errors.as_slice() {
        [] => format!("{qualified} \"{name}\" is invalid"),
        [error] => format!("{qualified} \"{name}\" is invalid: {error}"),
        several => format!("{qualified} \"{name}\" is invalid: [{}]", several.join(", ")),
    }
}

// PARITY: structured-merge-diff/merge/conflict.go#Error
fn apply_conflicts(conflicts: &[FieldConflict]) -> String {
    match conflicts {
        [conflict] => format!(
            "Apply failed with 1 conflict: conflict with {}: {}",
            conflict.manager, conflict.field
        ),
        several => {
            let mut message = format!("Apply failed with {} conflicts: ", several.len());
            let mut last: Option<&str> = None;
            for conflict in several {
                if last == Some(conflict.manager.as_str()) {
                    message.extend(["\n- ", &conflict.field]);
                } else {
                    let FieldConflict { manager, field } = conflict;
                    let start = if last.is_some() { "\n" } else { "" };
                    message.extend([start, "conflicts with ", manager, ":\n- ", field]);
                }
                last = Some(&conflict.manager);
            }
            message
        }
    }
}
