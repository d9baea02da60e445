//! What it means to be a command: a name, arguments, and what it returns.

use crate::json::Json;
use crate::qapi::{Qapi, QapiObject, ShapeOf};
use crate::wire::WireError;
use crate::words::Empty;

/// A command: its arguments are the members of the type that implements this.
pub trait Execute: QapiObject {
    /// What it is called.
    const NAME: &'static str;

    /// Whether it may overtake others.
    const BAND: Band;

    /// What it returns.
    type Return: Qapi;

    /// The answer of a machine that has executed it.
    fn reply(&self, value: &Self::Return) -> Reply {
        Reply { outcome: Ok(value.write()) }
    }

    /// The answer of a machine that has executed it, where it returns nothing.
    fn done(&self) -> Reply
    where
        Self: Execute<Return = Empty>,
    {
        self.reply(&Empty {})
    }
}

/// Whether a command may overtake others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Band {
    /// It waits for those that came before it.
    InBand,
    /// It is executed at once if it was sent that way.
    OutOfBand,
}

/// What a machine has to say about a command. Made by [`Execute::reply`] of that command, so that
/// no command can be answered with what another returns, or from an error.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a client waits for it"]
pub struct Reply {
    outcome: Result<Json, WireError>,
}

impl Reply {
    /// The value that is returned, or why there is none.
    pub fn outcome(&self) -> Result<&Json, &WireError> {
        self.outcome.as_ref()
    }
}

impl<E: Into<WireError>> From<E> for Reply {
    fn from(error: E) -> Self {
        Self { outcome: Err(error.into()) }
    }
}

/// What the schema says of a command.
#[derive(Clone, Copy, Debug)]
pub struct CommandInfo {
    /// What it is called.
    pub name: &'static str,
    /// Its arguments, an object.
    pub arguments: ShapeOf,
    /// What it returns.
    pub returns: ShapeOf,
    /// Whether it may overtake others.
    pub band: Band,
}
