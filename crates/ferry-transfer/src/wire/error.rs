//! Bytes that mean nothing.

use thiserror::Error;

/// Why bytes could not be read as what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// They begin as nothing that ferry sends.
    #[error("this is no connection of a migration: it begins with {found:#018x}")]
    Magic {
        /// The first eight bytes.
        found: u64,
    },
    /// The peer speaks another version.
    #[error("the peer speaks version {found} of the protocol, this side {expected}")]
    Version {
        /// The peer's.
        found: u32,
        /// Our own.
        expected: u32,
    },
    /// A word that is none of those that may stand there.
    #[error("{value} is no {what}")]
    Word {
        /// What should stand there.
        what: &'static str,
        /// What does.
        value: u64,
    },
    /// More than there may be.
    #[error("{value} {what}: there may be {most}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        value: u64,
        /// How many there may be.
        most: u64,
    },
    /// It ends in the middle of something.
    #[error("it ends within {what}")]
    Short {
        /// Within what.
        what: &'static str,
    },
    /// It does not end where it should.
    #[error("{left} bytes are left over behind {what}")]
    Long {
        /// Behind what.
        what: &'static str,
        /// How many.
        left: u64,
    },
    /// A text that is none.
    #[error("a text that is not UTF-8")]
    Text,
}
