//! Why a text is no message, in QEMU's words.

use thiserror::Error;

/// Why a text is no message. Each prints as QEMU says it.
// PARITY: qobject/json-parser.c#parse_error
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    /// A byte that begins or continues no token.
    #[error("JSON parse error, stray '{token}'")]
    Stray {
        /// The token up to and with that byte.
        token: String,
    },
    /// A word that is neither `true`, `false` nor `null`.
    #[error("JSON parse error, invalid keyword '{}", quoted(keyword))]
    Keyword {
        /// The word, as far as QEMU's buffer holds it.
        keyword: String,
    },
    /// Something else where a value belongs.
    #[error("JSON parse error, expecting value")]
    NoValue,
    /// A member whose name is no string.
    #[error("JSON parse error, key is not a string in object")]
    NameIsNoString,
    /// A member's name without a colon behind it.
    #[error("JSON parse error, missing : in object pair")]
    NoColon,
    /// A second member of the same name.
    #[error("JSON parse error, duplicate key")]
    DuplicateName,
    /// Neither a comma nor the end after a member.
    #[error("JSON parse error, expected separator in dict")]
    NoCommaInObject,
    /// Neither a comma nor the end after an element.
    #[error("JSON parse error, expected separator in list")]
    NoCommaInArray,
    /// A backslash before something that it cannot escape.
    #[error("JSON parse error, invalid escape sequence in string")]
    Escape,
    /// An escape for half of a surrogate pair or for a noncharacter.
    #[error("JSON parse error, {escape} is not a valid Unicode character")]
    Character {
        /// The escape, as far as it goes.
        escape: String,
    },
    /// Bytes that are no UTF-8.
    #[error("JSON parse error, invalid UTF-8 sequence in string")]
    Utf8,
    /// More bytes than a message may have.
    #[error("JSON token size limit exceeded")]
    TooManyBytes,
    /// More tokens than a message may have.
    #[error("JSON token count limit exceeded")]
    TooManyTokens,
    /// Brackets in brackets, too many times.
    #[error("JSON nesting depth limit exceeded")]
    TooDeep,
}

/// How much of a keyword fits the buffer in which QEMU makes its message: 1023 bytes, with
/// `invalid keyword '` before it.
pub(super) const KEYWORD_MAX: usize = 1023 - "invalid keyword '".len();

/// A keyword and the quote behind it, for which a long one leaves no room.
fn quoted(keyword: &str) -> String {
    let quote = if keyword.len() < KEYWORD_MAX { "'" } else { "" };
    format!("{keyword}{quote}")
}
