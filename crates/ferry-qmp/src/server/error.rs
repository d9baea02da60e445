//! Why a machine refuses what it was sent.

use thiserror::Error;

use crate::json::JsonError;
use crate::qapi::ArgumentError;
use crate::rules::Refusal;
use crate::wire::{ErrorClass, WireError};

/// Why a machine refuses what it was sent. Each prints as QEMU says it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ServerError {
    /// It is no JSON, or too much.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is no object.
    // PARITY: qapi/qmp-dispatch.c#qmp_dispatch
    #[error("QMP input must be a JSON object")]
    NoObject,
    /// A member that no command has.
    // PARITY: qapi/qmp-dispatch.c#qmp_dispatch_check_obj
    #[error("QMP input member '{member}' is unexpected")]
    UnexpectedMember {
        /// The member.
        member: String,
    },
    /// It names no command.
    #[error("QMP input lacks member 'execute'")]
    NoCommand,
    /// It names two.
    #[error("QMP input member '{member}' clashes with '{other}'")]
    TwoCommands {
        /// Where the second is named.
        member: &'static str,
        /// Where the first is.
        other: &'static str,
    },
    /// A command's name that is no string.
    #[error("QMP input member '{member}' must be a string")]
    NameIsNoString {
        /// Where it is named.
        member: &'static str,
    },
    /// Arguments that are no object.
    #[error("QMP input member 'arguments' must be an object")]
    ArgumentsAreNoObject,
    /// Anything before the negotiation is over.
    // PARITY: monitor/qmp.c#monitor_qmp_dispatch
    #[error("Expecting capabilities negotiation with 'qmp_capabilities'")]
    NotNegotiated,
    /// A second negotiation.
    // PARITY: monitor/qmp-cmds-control.c#qmp_qmp_capabilities
    #[error("Capabilities negotiation is already complete, command ignored")]
    AlreadyNegotiated,
    /// A capability that was not offered.
    // PARITY: monitor/qmp-cmds-control.c#qmp_caps_accept
    #[error("Capability {capabilities} not available")]
    NotOffered {
        /// Which, with commas between them.
        capabilities: String,
    },
    /// There is no such command.
    #[error("The command {name} has not been found")]
    CommandNotFound {
        /// Its name.
        name: String,
    },
    /// The command must wait for others.
    #[error("The command {name} does not support OOB")]
    InBandOnly {
        /// Its name.
        name: String,
    },
    /// Something is wrong with its arguments.
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    /// It makes no sense now.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl ServerError {
    /// What kind of error it is on the wire.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NotNegotiated | Self::AlreadyNegotiated | Self::CommandNotFound { .. } => {
                ErrorClass::CommandNotFound
            }
            Self::Json(_)
            | Self::NoObject
            | Self::UnexpectedMember { .. }
            | Self::NoCommand
            | Self::TwoCommands { .. }
            | Self::NameIsNoString { .. }
            | Self::ArgumentsAreNoObject
            | Self::NotOffered { .. }
            | Self::InBandOnly { .. }
            | Self::Arguments(_)
            | Self::Refused(_) => ErrorClass::GenericError,
        }
    }
}

impl From<ServerError> for WireError {
    fn from(error: ServerError) -> Self {
        Self { class: error.class(), desc: error.to_string() }
    }
}

impl From<Refusal> for WireError {
    fn from(refusal: Refusal) -> Self {
        ServerError::from(refusal).into()
    }
}
