//! A machine's side of a session.
//!
//! ```text
//!   new ──► Negotiating ──────────────────────► Ready
//!              greeting    qmp_capabilities       commands, events
//!              no events   nothing else           no second qmp_capabilities
//! ```

mod envelope;
mod error;

use bytes::Bytes;

use crate::command::{Band, COMMANDS, Command, QmpCapabilities, Reply, SessionCommand, served};
use crate::event::Event;
use crate::json::{Json, Limits, Object, Reader};
use crate::qapi::Qapi;
use crate::schema::served_schema;
use crate::wire::{self, Greeting, Timestamp, WireError};
use crate::words::{CommandName, Empty, QmpCapability, VersionInfo};

use envelope::Envelope;
pub use envelope::OutOfBand;
pub use error::ServerError;

/// How many commands of a session may wait before the machine should stop reading.
// PARITY: include/monitor/monitor.h#QMP_REQ_QUEUE_LEN_MAX
pub const QUEUE_LIMIT: usize = 8;

/// A machine's side of a session with one client. It has no socket: bytes go in, commands and bytes
/// come out.
#[derive(Debug)]
pub struct Server {
    version: VersionInfo,
    offer: OutOfBand,
    phase: Phase,
    reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Negotiating,
    Ready(OutOfBand),
}

/// What has come in.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart")]
pub enum Received {
    /// A command for the machine to execute and answer.
    Request(Request),
    /// Something that the session has dealt with. These bytes go out, after the answers to all
    /// commands that came before; out of band, at once.
    Answered {
        /// The answer.
        answer: Bytes,
        /// Whether it waits for those to what came before.
        band: Band,
    },
}

/// A command for the machine to execute and answer.
#[derive(Debug)]
#[must_use = "a client waits for the answer"]
pub struct Request {
    /// What to do.
    pub command: Command,
    /// Whether to do it before what came before.
    pub band: Band,
    /// With what to answer.
    pub ticket: Ticket,
}

/// Turns a machine's answer into bytes, with the id that the client has given its command.
#[derive(Debug)]
#[must_use = "a client waits for the answer"]
pub struct Ticket {
    id: Option<Json>,
}

impl Ticket {
    /// The answer as it goes out.
    pub fn answer(self, reply: &Reply) -> Bytes {
        wire::answer(reply.outcome(), self.id)
    }
}

impl Server {
    /// A session that has just begun. Its first bytes are those of [`Server::greeting`].
    ///
    /// It takes less at a time than QEMU does, [`Limits::COMMANDS`].
    pub fn new(version: VersionInfo, offer: OutOfBand) -> Self {
        Self::with_limits(version, offer, Limits::COMMANDS)
    }

    /// A session that takes messages of some size, for instance of QEMU's.
    pub fn with_limits(version: VersionInfo, offer: OutOfBand, limits: Limits) -> Self {
        Self { version, offer, phase: Phase::Negotiating, reader: Reader::new(limits) }
    }

    /// What goes out first.
    // PARITY: monitor/qmp.c#qmp_greeting
    pub fn greeting(&self) -> Bytes {
        let capabilities = match self.offer {
            OutOfBand::On => vec![QmpCapability::Oob],
            OutOfBand::Off => Vec::new(),
        };
        wire::greeting(&Greeting { version: self.version.clone(), capabilities })
    }

    /// Whether the client has ended the negotiation. Until then it hears no events.
    pub fn is_ready(&self) -> bool {
        match self.phase {
            Phase::Negotiating => false,
            Phase::Ready(_) => true,
        }
    }

    /// An event as it goes out; `None` as long as the client has not ended the negotiation. For
    /// several clients, [`event_line`](crate::event_line) makes the bytes once.
    // PARITY: monitor/monitor.c#monitor_qapi_event_emit
    pub fn event(&self, event: &Event, at: Timestamp) -> Option<Bytes> {
        self.is_ready().then(|| wire::event_line(event, at))
    }

    /// Takes bytes off the front of `input` until something has come in; `None` means that they are
    /// used up. Ask again until then. How the bytes are cut into inputs makes no difference.
    pub fn receive(&mut self, input: &mut &[u8]) -> Option<Received> {
        Some(match self.reader.next(input)? {
            Ok(Json::Object(message)) => self.take(&message),
            Ok(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
                refuse(ServerError::NoObject, None, Band::InBand)
            }
            Err(error) => refuse(error.into(), None, Band::InBand),
        })
    }

    // PARITY: qapi/qmp-dispatch.c#qmp_dispatch
    fn take(&mut self, message: &Object) -> Received {
        let id = message.get("id").cloned();
        // What looks like a command out of band is dealt with at once, even if it is none.
        // PARITY: qapi/qmp-dispatch.c#qmp_is_oob
        let is_oob = message.contains("exec-oob") && !message.contains("execute");
        let band = if is_oob { Band::OutOfBand } else { Band::InBand };
        match self.dispatch(message) {
            Ok(Dispatched::Command(command)) => {
                Received::Request(Request { command, band, ticket: Ticket { id } })
            }
            Ok(Dispatched::Answer(value)) => {
                Received::Answered { answer: wire::answer(Ok(&value), id), band }
            }
            Err(error) => refuse(error, id, band),
        }
    }

    fn dispatch(&mut self, message: &Object) -> Result<Dispatched, ServerError> {
        let oob = match self.phase {
            Phase::Negotiating => OutOfBand::Off,
            Phase::Ready(oob) => oob,
        };
        let envelope = Envelope::open(message, oob)?;
        let nothing = Object::new();
        let arguments = envelope.arguments.unwrap_or(&nothing);
        if envelope.band == Band::OutOfBand {
            may_overtake(envelope.name)?;
        }
        if self.phase == Phase::Negotiating && envelope.name != "qmp_capabilities" {
            return Err(ServerError::NotNegotiated);
        }
        if let Some(command) = SessionCommand::read(envelope.name, arguments) {
            return self.answer(&command?).map(Dispatched::Answer);
        }
        match Command::read(envelope.name, arguments) {
            Some(command) => Ok(Dispatched::Command(command?)),
            None => Err(ServerError::CommandNotFound { name: envelope.name.to_owned() }),
        }
    }

    /// Answers what a session knows by itself.
    fn answer(&mut self, command: &SessionCommand) -> Result<Json, ServerError> {
        match command {
            SessionCommand::QmpCapabilities(command) => self.negotiate(command),
            SessionCommand::QueryVersion(_) => Ok(self.version.write()),
            SessionCommand::QueryCommands(_) => {
                let names = served().map(|command| CommandName { name: command.name.to_owned() });
                Ok(names.collect::<Vec<_>>().write())
            }
            SessionCommand::QueryQmpSchema(_) => Ok(served_schema().write()),
        }
    }

    // PARITY: monitor/qmp-cmds-control.c#qmp_qmp_capabilities
    fn negotiate(&mut self, command: &QmpCapabilities) -> Result<Json, ServerError> {
        match self.phase {
            Phase::Ready(_) => return Err(ServerError::AlreadyNegotiated),
            Phase::Negotiating => {}
        }
        let enable = command.enable.as_deref().unwrap_or_default();
        let oob = match (enable, self.offer) {
            ([], _) => OutOfBand::Off,
            (_, OutOfBand::On) => OutOfBand::On,
            (_, OutOfBand::Off) => {
                let names: Vec<_> = enable.iter().map(|capability| capability.as_str()).collect();
                return Err(ServerError::NotOffered { capabilities: names.join(", ") });
            }
        };
        self.phase = Phase::Ready(oob);
        Ok(Empty {}.write())
    }
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken apart")]
enum Dispatched {
    Command(Command),
    Answer(Json),
}

/// Whether the command of that name may overtake others.
fn may_overtake(name: &str) -> Result<(), ServerError> {
    match COMMANDS.iter().chain(crate::command::SESSION_COMMANDS).find(|each| each.name == name) {
        None => Err(ServerError::CommandNotFound { name: name.to_owned() }),
        Some(command) => match command.band {
            Band::OutOfBand => Ok(()),
            Band::InBand => Err(ServerError::InBandOnly { name: name.to_owned() }),
        },
    }
}

fn refuse(error: ServerError, id: Option<Json>, band: Band) -> Received {
    let answer = wire::answer(Err(&WireError::from(error)), id);
    Received::Answered { answer, band }
}
