//! Why a patch cannot be done.

use thiserror::Error;

use crate::refusal::Refusal;

/// Why a patch cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum PatchError {
    /// It contradicts itself, or its directives are none.
    #[error("{message}")]
    Malformed {
        /// How.
        message: String,
    },
    /// It can be read, and makes no sense for this object. Kubernetes does not say more.
    #[error("the server rejected our request due to an error in our request")]
    DoesNotFit,
    /// It has too many operations.
    #[error("The allowed maximum operations in a JSON patch is {limit}, got {given}")]
    TooLong {
        /// As many it has.
        given: usize,
        /// As many there may be.
        limit: usize,
    },
}

impl PatchError {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::Malformed { message: message.into() }
    }
}

// PARITY: apiserver/pkg/endpoints/handlers/patch.go#interpretStrategicMergePatchError
impl From<PatchError> for Refusal {
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::Malformed { message } => Self::BadRequest { message },
            PatchError::DoesNotFit => Self::Unprocessable { message: error.to_string() },
            PatchError::TooLong { .. } => Self::Oversized { message: error.to_string() },
        }
    }
}
