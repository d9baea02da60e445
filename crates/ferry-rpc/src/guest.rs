//! Guests, as their node lists and checks them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ferry_units::Bytes;
use serde::{Deserialize, Serialize};

use crate::field::Message;
use crate::{FieldError, millis, wire};

/// A guest, by the instance that it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GuestName {
    /// The namespace of its VirtualMachineInstance.
    pub namespace: String,
    /// The name of its VirtualMachineInstance.
    pub name: String,
}

/// A guest on a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guest {
    /// The instance that it is.
    pub name: GuestName,
    /// The uid of its pod.
    pub pod_uid: String,
    /// The number of its process, if it has one.
    pub pid: Option<u32>,
    /// What it does.
    pub state: GuestState,
    /// Its memory.
    pub memory: Bytes,
}

/// What a guest does, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GuestState {
    /// Its process is being started.
    Starting,
    /// It waits for a guest from elsewhere.
    Waiting,
    /// It runs.
    Running,
    /// It stands still because somebody wants that.
    Paused,
    /// It stands still because of a migration.
    Held,
    /// It is over.
    Ended,
}

/// What a check of a guest has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Pages that were compared.
    pub pages: u64,
    /// Blocks of disks that were compared.
    pub blocks: u64,
    /// How many of either were wrong.
    pub wrong: u64,
    /// Some of them, in words.
    pub faults: Vec<String>,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "millis")]
    pub duration: Duration,
}

impl GuestName {
    /// The guest of that namespace and name.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for GuestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl GuestState {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Starting, "starting"),
        (Self::Waiting, "waiting"),
        (Self::Running, "running"),
        (Self::Paused, "paused"),
        (Self::Held, "held"),
        (Self::Ended, "ended"),
    ];
}

impl fmt::Display for GuestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::ALL.into_iter().find(|(state, _)| state == self).map(|(_, word)| word);
        f.pad(word.unwrap_or_default())
    }
}

impl FromStr for GuestState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|(_, word)| *word == text).map(|(state, _)| state).ok_or(())
    }
}

impl From<GuestName> for wire::GuestName {
    fn from(name: GuestName) -> Self {
        Self { namespace: name.namespace, name: name.name }
    }
}

impl TryFrom<wire::GuestName> for GuestName {
    type Error = FieldError;

    fn try_from(it: wire::GuestName) -> Result<Self, FieldError> {
        let message = Message("GuestName");
        Ok(Self {
            namespace: message.text("namespace", it.namespace)?,
            name: message.text("name", it.name)?,
        })
    }
}

impl From<Guest> for wire::Guest {
    fn from(guest: Guest) -> Self {
        Self {
            name: Some(guest.name.into()),
            pod_uid: guest.pod_uid,
            pid: guest.pid.unwrap_or(0),
            state: guest.state.to_string(),
            memory_bytes: guest.memory.get(),
        }
    }
}

impl TryFrom<wire::Guest> for Guest {
    type Error = FieldError;

    fn try_from(it: wire::Guest) -> Result<Self, FieldError> {
        let message = Message("Guest");
        Ok(Self {
            name: message.there("name", it.name)?.try_into()?,
            pod_uid: message.text("pod_uid", it.pod_uid)?,
            pid: Some(it.pid).filter(|pid| *pid != 0),
            state: message.parsed("state", &it.state, "state of a guest")?,
            memory: Bytes::new(it.memory_bytes),
        })
    }
}

impl From<Verification> for wire::VerifyGuestResponse {
    fn from(found: Verification) -> Self {
        Self {
            pages: found.pages,
            blocks: found.blocks,
            wrong: found.wrong,
            faults: found.faults,
            duration_ms: millis::of(found.duration),
        }
    }
}

impl From<wire::VerifyGuestResponse> for Verification {
    fn from(it: wire::VerifyGuestResponse) -> Self {
        Self {
            pages: it.pages,
            blocks: it.blocks,
            wrong: it.wrong,
            faults: it.faults,
            duration: Duration::from_millis(it.duration_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest() -> Guest {
        Guest {
            name: GuestName::new("shop", "db"),
            pod_uid: "1".to_owned(),
            pid: Some(7),
            state: GuestState::Held,
            memory: Bytes::from_mib(64),
        }
    }

    #[test]
    fn a_guest_crosses_the_wire_unchanged() {
        for (state, _) in GuestState::ALL {
            for pid in [None, Some(7)] {
                let guest = Guest { pid, state, ..guest() };
                assert_eq!(Guest::try_from(wire::Guest::from(guest.clone())), Ok(guest));
            }
        }
    }

    #[test]
    fn what_does_not_parse_is_named() {
        let whole = wire::Guest::from(guest());
        for (broken, text) in [
            (wire::Guest { name: None, ..whole.clone() }, "Guest.name: it is missing"),
            (wire::Guest { pod_uid: String::new(), ..whole.clone() }, "Guest.pod_uid: it is empty"),
            (
                wire::Guest { state: "asleep".to_owned(), ..whole.clone() },
                "Guest.state: \"asleep\" is no state of a guest",
            ),
            (
                wire::Guest { name: Some(wire::GuestName::default()), ..whole.clone() },
                "GuestName.namespace: it is empty",
            ),
        ] {
            assert_eq!(Guest::try_from(broken).unwrap_err().to_string(), text);
        }
    }
}
