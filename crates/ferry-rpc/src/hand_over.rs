//! What the source of a migration asks its destination when the link has broken, and the console.

use std::net::IpAddr;

use crate::field::Message;
use crate::{FieldError, wire};

/// Which copy of a guest lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has not run at the destination, and never will: the source may run it.
    NeverRan,
    /// It runs at the destination, or has run there: the source must not run it.
    Arrived,
}

/// Where a destination listens once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reopened {
    /// The address.
    pub address: IpAddr,
    /// The port there.
    pub port: u16,
}

/// How much of a console is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console {
    /// What the guest has printed so far.
    SoFar,
    /// That, and everything that it prints from then on.
    Follow,
}

impl From<Outcome> for wire::GetOutcomeResponse {
    fn from(outcome: Outcome) -> Self {
        let outcome = match outcome {
            Outcome::NeverRan => wire::get_outcome_response::Outcome::NeverRan,
            Outcome::Arrived => wire::get_outcome_response::Outcome::Arrived,
        };
        Self { outcome: outcome.into() }
    }
}

impl TryFrom<wire::GetOutcomeResponse> for Outcome {
    type Error = FieldError;

    /// An outcome that is not known is none: nobody runs a guest for it.
    fn try_from(it: wire::GetOutcomeResponse) -> Result<Self, FieldError> {
        match wire::get_outcome_response::Outcome::try_from(it.outcome) {
            Ok(wire::get_outcome_response::Outcome::NeverRan) => Ok(Self::NeverRan),
            Ok(wire::get_outcome_response::Outcome::Arrived) => Ok(Self::Arrived),
            Ok(wire::get_outcome_response::Outcome::Unspecified) | Err(_) => {
                let why = format!("{} is no outcome", it.outcome);
                Err(Message("GetOutcomeResponse").wrong("outcome", why))
            }
        }
    }
}

impl From<Reopened> for wire::RecoverResponse {
    fn from(it: Reopened) -> Self {
        Self { address: it.address.to_string(), port: it.port.into() }
    }
}

impl TryFrom<wire::RecoverResponse> for Reopened {
    type Error = FieldError;

    fn try_from(it: wire::RecoverResponse) -> Result<Self, FieldError> {
        let message = Message("RecoverResponse");
        let port = u16::try_from(it.port).ok().filter(|port| *port != 0);
        let wrong = || message.wrong("port", format!("{} is no port", it.port));
        Ok(Self {
            address: message.parsed("address", &it.address, "IP address")?,
            port: port.ok_or_else(wrong)?,
        })
    }
}

impl From<Console> for bool {
    fn from(console: Console) -> Self {
        matches!(console, Console::Follow)
    }
}

impl From<bool> for Console {
    fn from(follow: bool) -> Self {
        if follow { Self::Follow } else { Self::SoFar }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_that_is_not_said_is_none() {
        for outcome in [Outcome::NeverRan, Outcome::Arrived] {
            assert_eq!(Outcome::try_from(wire::GetOutcomeResponse::from(outcome)), Ok(outcome));
        }
        for outcome in [0, 3, -1] {
            let error = Outcome::try_from(wire::GetOutcomeResponse { outcome }).unwrap_err();
            assert_eq!(error.field, "outcome");
        }
    }

    #[test]
    fn a_place_to_recover_at_is_an_address_and_a_port() {
        let at = Reopened { address: "127.0.1.2".parse().unwrap(), port: 49_152 };
        assert_eq!(Reopened::try_from(wire::RecoverResponse::from(at)), Ok(at));
        for (address, port, field) in
            [("here", 1, "address"), ("::1", 0, "port"), ("::1", 65_536, "port")]
        {
            let wire = wire::RecoverResponse { address: address.to_owned(), port };
            assert_eq!(Reopened::try_from(wire).unwrap_err().field, field);
        }
    }
}
