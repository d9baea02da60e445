//! Why a configuration cannot be applied.

use thiserror::Error;

use crate::fields::validate::as_message;
use crate::refusal::{FieldConflict, Refusal};

/// Why a configuration cannot be applied.
#[derive(Clone, Debug, PartialEq, Error)]
pub(crate) enum ApplyError {
    /// It does not fit the schema: fields that are not declared, lists whose items cannot be told
    /// apart, values of the wrong type.
    #[error("failed to create typed patch object ({object}): {}", as_message(.problems))]
    Schema {
        /// The object: `namespace/name; group/version, Kind=Kind`.
        object: String,
        /// Each with its path.
        problems: Vec<String>,
    },
    /// It wants other values for fields that others own.
    #[error("Apply failed with {} conflicts", .conflicts.len())]
    Conflicts {
        /// Which, and whose.
        conflicts: Vec<FieldConflict>,
    },
}

// PARITY: apimachinery/pkg/util/managedfields/internal/structuredmerge.go#Apply
impl From<ApplyError> for Refusal {
    fn from(error: ApplyError) -> Self {
        match error {
            // An internal error upstream, though it is the client's.
            ApplyError::Schema { .. } => Self::BadRequest { message: error.to_string() },
            ApplyError::Conflicts { conflicts } => Self::ApplyConflict { conflicts },
        }
    }
}
