//! What a machine sends, told apart.

use super::error::{ClientError, quoted};
use crate::event::Event;
use crate::json::{Json, Object};
use crate::qapi::{Input, Qapi, Reading};
use crate::wire::{ErrorClass, Greeting, Timestamp, WireError};

/// A message of a machine.
#[derive(Debug)]
pub(super) enum Message {
    Greeting(Greeting),
    Answer { id: Option<Json>, outcome: Result<Json, WireError> },
    Event(Notice),
}

/// An event, and when it happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// When, on the machine's wall clock.
    pub at: Timestamp,
    /// What.
    pub event: Occurrence,
}

/// What has happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Occurrence {
    /// An event that this crate knows.
    Known(Event),
    /// Another one, or one that has changed since.
    Other {
        /// What it is called.
        name: String,
        /// What came with it.
        data: Object,
    },
}

impl Notice {
    /// The event, if this crate knows it.
    pub fn known(&self) -> Option<&Event> {
        match &self.event {
            Occurrence::Known(event) => Some(event),
            Occurrence::Other { .. } => None,
        }
    }

    /// What the event is called.
    pub fn name(&self) -> &str {
        match &self.event {
            Occurrence::Known(event) => event.name(),
            Occurrence::Other { name, .. } => name,
        }
    }
}

impl Message {
    pub(super) fn read(json: &Json) -> Result<Self, ClientError> {
        let read = match json {
            Json::Object(object) => {
                greeting(object).or_else(|| event(object)).or_else(|| answer(object))
            }
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => None,
        };
        read.ok_or_else(|| ClientError::NoMessage { message: quoted(json) })
    }
}

fn greeting(object: &Object) -> Option<Message> {
    read(object.get("QMP")?).map(Message::Greeting)
}

fn event(object: &Object) -> Option<Message> {
    let name = object.get("event")?.as_str()?;
    let at = read(object.get("timestamp")?)?;
    let nothing = Object::new();
    let data = match object.get("data") {
        Some(data) => data.as_object()?,
        None => &nothing,
    };
    let event = match Event::read(name, data, Reading::Tolerant) {
        Some(Ok(event)) => Occurrence::Known(event),
        Some(Err(_)) | None => Occurrence::Other { name: name.to_owned(), data: data.clone() },
    };
    Some(Message::Event(Notice { at, event }))
}

fn answer(object: &Object) -> Option<Message> {
    let outcome = match (object.get("return"), object.get("error")) {
        (Some(value), None) => Ok(value.clone()),
        (None, Some(error)) => Err(wire_error(error.as_object()?)?),
        (None, None) | (Some(_), Some(_)) => return None,
    };
    Some(Message::Answer { id: object.get("id").cloned(), outcome })
}

/// An error; of a class that this crate does not know, it is one of no special kind.
fn wire_error(error: &Object) -> Option<WireError> {
    let class = ErrorClass::from_word(error.get("class")?.as_str()?);
    let desc = error.get("desc")?.as_str()?.to_owned();
    Some(WireError { class: class.unwrap_or(ErrorClass::GenericError), desc })
}

fn read<T: Qapi>(json: &Json) -> Option<T> {
    T::read(&Input::root(json, Reading::Tolerant)).ok()
}
