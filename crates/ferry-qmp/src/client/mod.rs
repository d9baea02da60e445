//! The side of whoever drives a machine: ferry's guest, or QEMU from 7.2 on.
//!
//! ```text
//!   new ──► Connecting ──greeting──► Negotiating ──answer──► Ready ──► commands, answers, events
//! ```
//!
//! Events and members of answers that this crate does not know are no errors: machines are newer
//! than their drivers all the time.

mod error;
mod message;

use std::collections::BTreeSet;
use std::marker::PhantomData;

use bytes::Bytes;

use crate::command::{Execute, QmpCapabilities};
use crate::json::{Json, Limits, Number, Object, Reader};
use crate::qapi::{Input, Qapi, Reading};
use crate::server::OutOfBand;
use crate::wire::{self, Greeting, WireError};
use crate::words::QmpCapability;

pub use error::ClientError;
use error::quoted;
use message::Message;
pub use message::{Notice, Occurrence};

/// A client's side of a session with one machine. It has no socket: bytes go in, answers and events
/// come out.
#[derive(Debug)]
pub struct Client {
    wish: OutOfBand,
    phase: Phase,
    reader: Reader,
    last_id: u64,
    outstanding: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    /// The negotiation is on its way, and what it asks for.
    Negotiating(OutOfBand),
    Ready(OutOfBand),
}

/// What has come in.
#[derive(Debug)]
pub enum Incoming {
    /// The machine's first words.
    Greeting {
        /// What they were.
        greeting: Greeting,
        /// What is to be sent now, which ends the negotiation.
        answer: Bytes,
    },
    /// The negotiation is over. Commands may be sent, and events will come.
    Ready,
    /// The answer to a command.
    Answer(Answer),
    /// Something has happened.
    Event(Notice),
}

/// An answer, for whoever waits for the command of that id.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Which command it is for.
    pub id: u64,
    /// What it returned, or why it did not.
    pub outcome: Result<Json, WireError>,
}

/// A command that was sent and is not answered yet.
#[derive(Debug)]
#[must_use = "it reads the answer"]
pub struct Pending<C> {
    id: u64,
    command: PhantomData<fn() -> C>,
}

impl<C: Execute> Pending<C> {
    /// Which command it is.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What the command has returned. The answer must be the one with this id.
    pub fn read(self, answer: &Answer) -> Result<C::Return, ClientError> {
        assert_eq!(answer.id, self.id, "an answer belongs to the command with its id");
        let value = answer.outcome.as_ref();
        let value = value
            .map_err(|error| ClientError::Refused { command: C::NAME, error: error.clone() })?;
        C::Return::read(&Input::root(value, Reading::Tolerant))
            .map_err(|error| ClientError::Answer { command: C::NAME, error })
    }
}

impl Client {
    /// How many commands may be unanswered. QEMU stops reading at eight, ferry's guest likewise;
    /// more than this means that nobody is at home.
    pub const MAX_OUTSTANDING: usize = 64;

    /// A session that has just begun. It will agree on out-of-band commands if it is wished for
    /// here and offered there.
    pub fn new(wish: OutOfBand) -> Self {
        Self {
            wish,
            phase: Phase::Connecting,
            reader: Reader::new(Limits::ANSWERS),
            last_id: 0,
            outstanding: BTreeSet::new(),
        }
    }

    /// A command as it is to be sent, and what to read its answer with.
    pub fn send<C: Execute>(&mut self, command: &C) -> Result<(Bytes, Pending<C>), ClientError> {
        match self.phase {
            Phase::Ready(_) => self.compose("execute", command),
            Phase::Connecting | Phase::Negotiating(_) => {
                Err(ClientError::NotReady { command: C::NAME })
            }
        }
    }

    /// A command as it is to be sent out of band: it overtakes those that wait.
    pub fn send_out_of_band<C: Execute>(
        &mut self,
        command: &C,
    ) -> Result<(Bytes, Pending<C>), ClientError> {
        match self.phase {
            Phase::Ready(OutOfBand::On) => self.compose("exec-oob", command),
            Phase::Ready(OutOfBand::Off) => Err(ClientError::InBandOnly { command: C::NAME }),
            Phase::Connecting | Phase::Negotiating(_) => {
                Err(ClientError::NotReady { command: C::NAME })
            }
        }
    }

    /// Takes bytes off the front of `input` until something has come in; `None` means that they are
    /// used up. Ask again until then.
    pub fn receive(&mut self, input: &mut &[u8]) -> Option<Result<Incoming, ClientError>> {
        let message = self.reader.next(input)?;
        Some(message.map_err(ClientError::Json).and_then(|json| self.take(&json)))
    }

    fn compose<C: Execute>(
        &mut self,
        verb: &str,
        command: &C,
    ) -> Result<(Bytes, Pending<C>), ClientError> {
        let outstanding = self.outstanding.len();
        if outstanding >= Self::MAX_OUTSTANDING {
            return Err(ClientError::TooManyOutstanding { outstanding, command: C::NAME });
        }
        self.last_id += 1;
        let id = self.last_id;
        self.outstanding.insert(id);
        let mut message = Object::from_iter([(verb, Json::from(C::NAME)), ("id", Json::from(id))]);
        let mut arguments = Object::new();
        command.write_members(&mut arguments);
        if !arguments.is_empty() {
            message.insert("arguments", arguments);
        }
        Ok((wire::line(message), Pending { id, command: PhantomData }))
    }

    fn take(&mut self, json: &Json) -> Result<Incoming, ClientError> {
        let quote = match self.phase {
            Phase::Connecting => quoted(json),
            Phase::Negotiating(_) | Phase::Ready(_) => String::new(),
        };
        match (Message::read(json), self.phase) {
            (Ok(Message::Greeting(greeting)), Phase::Connecting) => self.greeted(greeting),
            (_, Phase::Connecting) => Err(ClientError::NoGreeting { message: quote }),
            (Ok(Message::Event(event)), Phase::Negotiating(_) | Phase::Ready(_)) => {
                Ok(Incoming::Event(event))
            }
            (Ok(Message::Answer { id, outcome }), phase) => self.answered(id, outcome, phase),
            (Ok(Message::Greeting(_)), Phase::Negotiating(_) | Phase::Ready(_)) => {
                Err(ClientError::NoMessage { message: "a second greeting".to_owned() })
            }
            (Err(error), Phase::Negotiating(_) | Phase::Ready(_)) => Err(error),
        }
    }

    fn greeted(&mut self, greeting: Greeting) -> Result<Incoming, ClientError> {
        let is_offered = greeting.capabilities.contains(&QmpCapability::Oob);
        let (oob, enable) = match self.wish {
            OutOfBand::On if is_offered => (OutOfBand::On, Some(vec![QmpCapability::Oob])),
            OutOfBand::On | OutOfBand::Off => (OutOfBand::Off, None),
        };
        self.phase = Phase::Negotiating(oob);
        let (answer, _) = self.compose("execute", &QmpCapabilities { enable })?;
        Ok(Incoming::Greeting { greeting, answer })
    }

    fn answered(
        &mut self,
        id: Option<Json>,
        outcome: Result<Json, WireError>,
        phase: Phase,
    ) -> Result<Incoming, ClientError> {
        let asked = id.as_ref().and_then(Json::as_number).and_then(Number::as_u64);
        let asked = asked.filter(|id| self.outstanding.remove(id));
        match (asked, id, outcome, phase) {
            (Some(id), _, outcome, Phase::Ready(_)) => Ok(Incoming::Answer(Answer { id, outcome })),
            (Some(_), _, Ok(_), Phase::Negotiating(oob)) => {
                self.phase = Phase::Ready(oob);
                Ok(Incoming::Ready)
            }
            (Some(_), _, Err(error), Phase::Negotiating(_)) => {
                Err(ClientError::NotNegotiated(error))
            }
            (None, None, Err(error), _) => Err(ClientError::NotUnderstood(error)),
            (_, id, _, _) => Err(ClientError::NotAsked { id: id.unwrap_or(Json::Null) }),
        }
    }
}
