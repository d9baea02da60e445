//! What a client may be disappointed by.

use thiserror::Error;

use crate::json::{Json, JsonError};
use crate::qapi::ArgumentError;
use crate::wire::WireError;

/// What a client may be disappointed by.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum ClientError {
    /// The machine has sent something that is no JSON, or too much of it. The session may go on.
    #[error("the machine sent what is no message: {0}")]
    Json(#[source] JsonError),
    /// The first message was no greeting: something else listens there.
    #[error("the machine did not greet as QMP does, but sent {message}")]
    NoGreeting {
        /// What it was, as far as it fits a line.
        message: String,
    },
    /// A message that is neither an answer nor an event.
    #[error("the machine sent what is neither answer nor event: {message}")]
    NoMessage {
        /// What it was, as far as it fits a line.
        message: String,
    },
    /// An answer to a command that nobody has sent, or that was answered before.
    #[error("the machine answered a command that was not sent: {id}")]
    NotAsked {
        /// The id of the answer.
        id: Json,
    },
    /// An error that names no command: the machine could not read what it was sent.
    #[error("the machine could not read what it was sent: {0}")]
    NotUnderstood(#[source] WireError),
    /// The machine did not end the negotiation.
    #[error("the machine refused to negotiate: {0}")]
    NotNegotiated(#[source] WireError),
    /// A command before the negotiation was over.
    #[error("the session has not begun: wait until it is ready before sending '{command}'")]
    NotReady {
        /// Its name.
        command: &'static str,
    },
    /// A command out of band in a session that has not agreed on that.
    #[error("the session cannot send '{command}' out of band")]
    InBandOnly {
        /// Its name.
        command: &'static str,
    },
    /// Too many commands that are not answered.
    #[error("{outstanding} commands are not answered yet: wait before sending '{command}'")]
    TooManyOutstanding {
        /// How many there are.
        outstanding: usize,
        /// The name of the one that is too many.
        command: &'static str,
    },
    /// The machine refused the command.
    #[error("the machine refused '{command}': {error}")]
    Refused {
        /// Its name.
        command: &'static str,
        /// Why.
        #[source]
        error: WireError,
    },
    /// The command returned something else than it should.
    #[error("the machine's answer to '{command}' is not understood: {error}")]
    Answer {
        /// Its name.
        command: &'static str,
        /// What is wrong with it.
        #[source]
        error: ArgumentError,
    },
}

/// How much of a message is quoted.
const QUOTED: usize = 200;

/// A message as far as it fits a line.
pub(super) fn quoted(message: &Json) -> String {
    // What is written is ASCII only, so any length will do.
    let mut text = message.to_string();
    if text.len() > QUOTED {
        text.truncate(QUOTED);
        text.push_str(" ...");
    }
    text
}
