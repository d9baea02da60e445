//! Why somebody is not let in, as the `Status` that clients act on.

use serde_json::{Value, json};
use thiserror::Error;

use super::Whom;

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AccessError {
    /// Nobody, or credentials that cannot be believed (401).
    #[error("Unauthorized")]
    Unauthorized,
    /// A user who may not act for another (403).
    // PARITY: apiserver/pkg/endpoints/handlers/responsewriters/errors.go#ForbiddenStatusError
    #[error("{} is forbidden: User \"{user}\" cannot impersonate {whom}", .whom.subject())]
    Impersonation {
        /// Who wants to.
        user: String,
        /// For whom.
        whom: Whom,
    },
    /// Part of another user without its name (400).
    #[error("requested impersonation of {what} without impersonating a user")]
    NoUser {
        /// Which part.
        what: &'static str,
    },
    /// A header that is no text (400).
    #[error("the header {name} is no UTF-8 text")]
    Header {
        /// Which.
        name: String,
    },
}

impl AccessError {
    /// The code of the answer.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Impersonation { .. } => 403,
            Self::NoUser { .. } | Self::Header { .. } => 400,
        }
    }

    /// The answer.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.to_string(),
            "reason": match self {
                Self::Unauthorized => "Unauthorized",
                Self::Impersonation { .. } => "Forbidden",
                Self::NoUser { .. } | Self::Header { .. } => "BadRequest",
            },
            "code": self.code(),
        });
        if let Self::Impersonation { whom, .. } = self {
            status["details"] = whom.details();
        }
        status
    }
}
