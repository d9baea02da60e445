//! What a command comes in.

use super::ServerError;
use crate::command::Band;
use crate::json::{Json, Object};

/// A command before it is known whether there is one of that name.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    /// What it is called.
    pub(super) name: &'a str,
    /// Its arguments, if it has any.
    pub(super) arguments: Option<&'a Object>,
    /// Whether it wants to overtake others.
    pub(super) band: Band,
}

/// Whether a session has agreed that commands may overtake others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfBand {
    /// Some may.
    On,
    /// None may.
    Off,
}

/// The members by which a command may be named.
const EXECUTE: &str = "execute";
const EXEC_OOB: &str = "exec-oob";

impl<'a> Envelope<'a> {
    /// Opens what a command comes in. Members are judged in QEMU's order.
    // PARITY: qapi/qmp-dispatch.c#qmp_dispatch_check_obj
    pub(super) fn open(message: &'a Object, oob: OutOfBand) -> Result<Self, ServerError> {
        let mut named: Option<(&'static str, &str)> = None;
        let mut arguments = None;
        for (member, value) in message.members() {
            let member = match (member, oob) {
                (EXECUTE, _) => EXECUTE,
                (EXEC_OOB, OutOfBand::On) => EXEC_OOB,
                ("arguments", _) => {
                    let object = value.as_object().ok_or(ServerError::ArgumentsAreNoObject)?;
                    arguments = Some(object);
                    continue;
                }
                ("id", _) => continue,
                (member, _) => {
                    return Err(ServerError::UnexpectedMember { member: member.to_owned() });
                }
            };
            let Json::String(name) = value else {
                return Err(ServerError::NameIsNoString { member });
            };
            if let Some((other, _)) = named {
                return Err(ServerError::TwoCommands { member, other });
            }
            named = Some((member, name));
        }
        let (member, name) = named.ok_or(ServerError::NoCommand)?;
        let band = if member == EXEC_OOB { Band::OutOfBand } else { Band::InBand };
        Ok(Self { name, arguments, band })
    }
}
