//! What is wrong with arguments, in QEMU's words.

use thiserror::Error;

/// What is wrong with an argument of a command, or with an answer.
///
/// A `place` is the way to it from the outside: `capabilities[0].state`. A `name` is its last part
/// alone, or `null` for an element of a list: where QEMU names only that, so does this.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// Something that must be there is not.
    // PARITY: qapi/qobject-input-visitor.c#qobject_input_get_object
    #[error("Parameter '{place}' is missing")]
    Missing {
        /// Where it belongs.
        place: String,
    },
    /// Something is there that nobody knows.
    // PARITY: qapi/qobject-input-visitor.c#qobject_input_check_struct
    #[error("Parameter '{place}' is unexpected")]
    Unexpected {
        /// Where it is.
        place: String,
    },
    /// Another JSON type than expected.
    #[error("Invalid parameter type for '{place}', expected: {expected}")]
    Type {
        /// Where it is; the name alone for an alternate.
        place: String,
        /// `string`, `boolean`, `integer`, `number`, `array`, `object`, or an alternate's name.
        expected: &'static str,
    },
    /// A number outside the range of its type, or something else where an unsigned one belongs.
    // PARITY: qapi/qapi-visit-core.c#visit_type_uintN
    #[error("Parameter '{place}' expects {expected}")]
    Range {
        /// Where it is; the name alone where a number is too large.
        place: String,
        /// The type as C calls it.
        expected: &'static str,
    },
    /// A word that is none of an enumeration's.
    // PARITY: qapi/qapi-visit-core.c#input_type_enum
    #[error("Parameter '{name}' does not accept value '{given}'")]
    Value {
        /// The name of the member.
        name: String,
        /// The word.
        given: String,
    },
}
