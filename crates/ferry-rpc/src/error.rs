//! What may go wrong between a daemon and whoever asks it.

use std::fmt;
use std::net::SocketAddr;

use thiserror::Error;
use tonic::{Code, Status};

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum RpcError {
    /// The name of a node that no certificate can have.
    #[error("\"{node}\" is no name of a node")]
    Name {
        /// The name.
        node: String,
    },
    /// The daemon cannot be reached, or is not who it should be.
    #[error("cannot talk to the daemon of {node} at {address}: {why}")]
    Connect {
        /// Whose daemon.
        node: String,
        /// Where it should be.
        address: SocketAddr,
        /// What was found instead.
        why: String,
    },
    /// It answers, and does not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The answer does not mean anything.
    #[error("the daemon of {node} answers with something else: {error}")]
    Answer {
        /// Whose daemon.
        node: String,
        /// What is wrong with it.
        error: FieldError,
    },
}

impl RpcError {
    /// Why the daemon does not do it, if it has answered that.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Name { .. } | Self::Connect { .. } | Self::Answer { .. } => None,
        }
    }
}

/// A field of a message that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}.{field}: {why}")]
pub struct FieldError {
    /// The message.
    pub message: &'static str,
    /// The field.
    pub field: &'static str,
    /// What is wrong with it, and what is accepted.
    pub why: String,
}

/// What is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct Refusal {
    /// What kind of reason it is.
    pub kind: RefusalKind,
    /// In a sentence.
    pub text: String,
}

/// Kinds of reasons not to do something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// What was asked means nothing.
    Invalid,
    /// There is no such guest or migration.
    NotFound,
    /// Whoever asks may not.
    Forbidden,
    /// It cannot be done as things are.
    NotNow,
    /// Nobody can say: it is to be asked again.
    Unavailable,
    /// It took longer than it may.
    TooLate,
    /// Something is broken.
    Broken,
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(kind: RefusalKind, text: impl fmt::Display) -> Self {
        Self { kind, text: text.to_string() }
    }

    /// There is no such thing.
    pub fn not_found(text: impl fmt::Display) -> Self {
        Self::new(RefusalKind::NotFound, text)
    }

    /// It is to be asked again.
    pub fn unavailable(text: impl fmt::Display) -> Self {
        Self::new(RefusalKind::Unavailable, text)
    }
}

impl From<FieldError> for Refusal {
    fn from(error: FieldError) -> Self {
        Self::new(RefusalKind::Invalid, error)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.kind {
            RefusalKind::Invalid => Code::InvalidArgument,
            RefusalKind::NotFound => Code::NotFound,
            RefusalKind::Forbidden => Code::PermissionDenied,
            RefusalKind::NotNow => Code::FailedPrecondition,
            RefusalKind::Unavailable => Code::Unavailable,
            RefusalKind::TooLate => Code::DeadlineExceeded,
            RefusalKind::Broken => Code::Internal,
        };
        Self::new(code, refusal.text)
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let kind = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => RefusalKind::Invalid,
            Code::NotFound => RefusalKind::NotFound,
            Code::PermissionDenied | Code::Unauthenticated => RefusalKind::Forbidden,
            Code::FailedPrecondition | Code::AlreadyExists => RefusalKind::NotNow,
            Code::Unavailable | Code::Cancelled | Code::Aborted | Code::ResourceExhausted => {
                RefusalKind::Unavailable
            }
            Code::DeadlineExceeded => RefusalKind::TooLate,
            Code::Ok | Code::Unknown | Code::Unimplemented | Code::Internal | Code::DataLoss => {
                RefusalKind::Broken
            }
        };
        let text = match (status.message(), status.code()) {
            // tonic cancels what is beyond its deadline.
            ("Timeout expired", _) => {
                return Self::new(RefusalKind::TooLate, "the daemon does not answer in time");
            }
            ("", code) => code.description(),
            (text, _) => text,
        };
        Self::new(kind, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_crosses_the_wire_unchanged() {
        for kind in [
            RefusalKind::Invalid,
            RefusalKind::NotFound,
            RefusalKind::Forbidden,
            RefusalKind::NotNow,
            RefusalKind::Unavailable,
            RefusalKind::TooLate,
            RefusalKind::Broken,
        ] {
            let refusal = Refusal::new(kind, "no");
            assert_eq!(Refusal::from(Status::from(refusal.clone())), refusal);
        }
        let late = Refusal::from(Status::cancelled("Timeout expired"));
        assert_eq!(late.kind, RefusalKind::TooLate);
    }
}
