//! Why a text is no quantity, or a quantity no such number.

use thiserror::Error;

use super::Quantity;
use super::suffix::suggestion;

/// A text that is no quantity, or a quantity that is not the number that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// There is no digit where the number should be.
    #[error("{text:?} is not a quantity: it has no number; write one such as 64Mi, 500m or 1e3")]
    NoNumber {
        /// What was written.
        text: String,
    },
    /// What follows the number is no suffix.
    #[error(
        "{text:?} is not a quantity: {suffix:?} is no suffix; use Ki Mi Gi Ti Pi Ei, \
         n u m k M G T P E, or an exponent such as 1e3{}",
        hint(suffix)
    )]
    UnknownSuffix {
        /// What was written.
        text: String,
        /// What stands behind the number.
        suffix: String,
    },
    /// A number that no quantity can hold.
    #[error("{text:?} is out of range: a quantity lies between -1.7e29 and 1.7e29")]
    OutOfRange {
        /// What was written.
        text: String,
    },
    /// Less than zero, where only an amount makes sense.
    #[error("{quantity} is negative; use 0 or more")]
    Negative {
        /// The value.
        quantity: Quantity,
    },
    /// More than a 64-bit number holds.
    #[error("{quantity} is too large: it does not fit 64 bits")]
    TooLarge {
        /// The value.
        quantity: Quantity,
    },
}

fn hint(suffix: &str) -> String {
    suggestion(suffix).map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"))
}
