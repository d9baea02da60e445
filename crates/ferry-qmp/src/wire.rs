//! Messages as they stand on the wire: greeting, answers, errors and events.

use std::time::Duration;

use bytes::Bytes;

use crate::event::Event;
use crate::json::{Json, Object};
use crate::qapi::{Qapi, qapi_enum, qapi_struct};
use crate::words::{QmpCapability, VersionInfo};

qapi_enum! {
    /// What kind of error. Nearly everything is generic.
    pub enum ErrorClass: "QapiErrorClass" {
        /// Anything else.
        GenericError => "GenericError",
        /// There is no such command, or not now.
        CommandNotFound => "CommandNotFound",
        /// A device was not activated.
        DeviceNotActive => "DeviceNotActive",
        /// There is no such device.
        DeviceNotFound => "DeviceNotFound",
        /// The kernel's hypervisor lacks something.
        KvmMissingCap => "KVMMissingCap",
    }
}

/// An error as it stands on the wire: a kind for programs, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{desc} ({class})")]
pub struct WireError {
    /// What kind of error.
    pub class: ErrorClass,
    /// What is wrong, for people.
    pub desc: String,
}

qapi_struct! {
    /// What a machine says first.
    #[derive(Eq)]
    pub struct Greeting: "QMPGreeting" {
        /// The version of its program.
        pub version: VersionInfo => "version",
        /// What a session can agree on.
        pub capabilities: Vec<QmpCapability> => "capabilities",
    }
}

qapi_struct! {
    /// When something happened, on the machine's wall clock.
    #[derive(Copy, Eq, PartialOrd, Ord)]
    pub struct Timestamp: "QMPTimestamp" {
        /// Seconds since 1970; -1 if the machine does not know.
        pub seconds: i64 => "seconds",
        /// Microseconds of the next one; -1 if the machine does not know.
        pub microseconds: i64 => "microseconds",
    }
}

impl WireError {
    /// An error of no special kind.
    pub fn generic(desc: impl Into<String>) -> Self {
        Self { class: ErrorClass::GenericError, desc: desc.into() }
    }
}

impl Timestamp {
    /// The time so long after 1970.
    pub fn since_epoch(elapsed: Duration) -> Self {
        Self {
            seconds: i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX),
            microseconds: i64::from(elapsed.subsec_micros()),
        }
    }

    /// How long after 1970 it was, if the machine knew.
    pub fn as_duration(self) -> Option<Duration> {
        let seconds = u64::try_from(self.seconds).ok()?;
        let microseconds = u64::try_from(self.microseconds).ok()?;
        Duration::from_secs(seconds).checked_add(Duration::from_micros(microseconds))
    }
}

/// A message as a line. QEMU ends them as a terminal wants it.
// PARITY: monitor/qmp.c#qmp_send_response
pub(crate) fn line(message: impl Into<Json>) -> Bytes {
    Bytes::from(format!("{}\r\n", message.into()))
}

// PARITY: monitor/qmp.c#qmp_greeting
pub(crate) fn greeting(greeting: &Greeting) -> Bytes {
    line(Object::from_iter([("QMP", greeting.write())]))
}

/// An answer to whoever sent `id`.
// PARITY: qapi/qmp-dispatch.c#qmp_dispatch
pub(crate) fn answer(outcome: Result<&Json, &WireError>, id: Option<Json>) -> Bytes {
    let mut message = Object::new();
    match outcome {
        Ok(value) => message.insert("return", value.clone()),
        Err(error) => message.insert(
            "error",
            Object::from_iter([
                ("class", Json::from(error.class.as_str())),
                ("desc", Json::from(error.desc.as_str())),
            ]),
        ),
    }
    if let Some(id) = id {
        message.insert("id", id);
    }
    line(message)
}

/// An event as it is sent to everybody who listens.
///
/// ```
/// use ferry_qmp::{Event, Timestamp, event_line};
/// use std::time::Duration;
///
/// let at = Timestamp::since_epoch(Duration::from_micros(1_755_000_000_000_250));
/// assert_eq!(
///     event_line(&Event::Stop, at),
///     "{\"timestamp\": {\"seconds\": 1755000000, \"microseconds\": 250}, \"event\": \"STOP\"}\r\n"
/// );
/// ```
// PARITY: qapi/qmp-event.c#qmp_event_build_dict
pub fn event_line(event: &Event, at: Timestamp) -> Bytes {
    let mut message =
        Object::from_iter([("event", Json::from(event.name())), ("timestamp", at.write())]);
    if let Some(data) = event.data() {
        message.insert("data", data);
    }
    line(message)
}
