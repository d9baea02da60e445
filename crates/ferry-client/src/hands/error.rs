//! Why a plan was not carried out to its end.

use ferry_reconcile::ObjectRef;
use kube::core::Status;
use thiserror::Error;

use crate::request::told;

/// Why a plan was not carried out to its end.
#[derive(Debug, Error)]
pub enum HandsError {
    /// The object is no longer as it was seen: the next look sees how it is.
    #[error("cannot {verb} {}: it is not as it was seen: {}", named(object), status.message)]
    Stale {
        /// What was to be done.
        verb: &'static str,
        /// With which object.
        object: ObjectRef,
        /// What the server said.
        status: Box<Status>,
    },
    /// The server refuses.
    #[error("cannot {verb} {}: {}", named(object), status.message)]
    Refused {
        /// What was to be done.
        verb: &'static str,
        /// With which object.
        object: ObjectRef,
        /// What the server said.
        status: Box<Status>,
    },
    /// The server gave no answer, or none that makes sense. Whether it was done is not known.
    #[error("cannot {verb} {}: {why}", named(object))]
    Unanswered {
        /// What was to be done.
        verb: &'static str,
        /// With which object.
        object: ObjectRef,
        /// What happened instead.
        why: String,
    },
}

impl HandsError {
    /// What it means that a request for `object` failed.
    pub(super) fn of(verb: &'static str, object: &ObjectRef, error: kube::Error) -> Self {
        let object = object.clone();
        match error {
            kube::Error::Api(status) if status.is_conflict() || status.is_not_found() => {
                Self::Stale { verb, object, status }
            }
            // What a server says that cannot do it now may have been done all the same.
            kube::Error::Api(status) if status.code >= 500 => {
                Self::Unanswered { verb, object, why: status.message }
            }
            kube::Error::Api(status) => Self::Refused { verb, object, status },
            error => Self::Unanswered { verb, object, why: told(&error) },
        }
    }
}

/// `Kind namespace/name`, for people.
pub(crate) fn named(object: &ObjectRef) -> String {
    let ObjectRef { kind, namespace, name, .. } = object;
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}
