//! What is told when something fails: one message, or one for each thing that is wrong.

use std::error::Error;
use std::fmt;

use kube::core::Status;
use thiserror::Error;

/// Several things that are wrong, each a message of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problems(Vec<String>);

/// The API server has not done what it was asked for.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    /// It has said why.
    #[error("{}", said(.0))]
    Refused(Box<Status>),
    /// It could not be asked.
    #[error("cannot reach the API server at {server} ({kubeconfig}): {why}; does it run?")]
    Unreachable {
        /// Where it should be.
        server: String,
        /// The file that says so.
        kubeconfig: String,
        /// The last of the causes, which is the one that tells.
        why: String,
    },
    /// It has answered something that cannot be understood.
    #[error("the API server at {server} has answered what ferry does not understand: {why}")]
    Garbled {
        /// Where it is.
        server: String,
        /// What is wrong.
        why: String,
    },
}

impl Problems {
    /// An error where there are any.
    pub(crate) fn none_of(problems: Vec<String>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// The messages of an error.
    pub(crate) fn told(error: &anyhow::Error) -> Vec<String> {
        match error.downcast_ref::<Self>() {
            Some(Self(problems)) => problems.clone(),
            None => vec![format!("{error:#}")],
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl Error for Problems {}

impl ApiError {
    /// The status, where the server has answered with one.
    pub(crate) fn status(&self) -> Option<&Status> {
        match self {
            Self::Refused(status) => Some(status),
            Self::Unreachable { .. } | Self::Garbled { .. } => None,
        }
    }

    /// Whether what was asked for is not there.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status().is_some_and(Status::is_not_found)
    }
}

/// The server's message, or its reason where it has none.
fn said(status: &Status) -> String {
    if status.message.is_empty() {
        format!("the API server refused: {} ({})", status.reason, status.code)
    } else {
        status.message.clone()
    }
}

/// The innermost cause of an error: the one that names the trouble.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
