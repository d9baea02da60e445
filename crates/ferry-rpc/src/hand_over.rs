//! What the source of a migration asks its destination when the link has broken, and the console.

use std::net::IpAddr;
use std::time::Duration;

use ferry_units::WallTime;

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

/// What the source of a migration tells its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The source never runs the guest again: let it run.
    Run,
    /// The source is gone, and with it everything that has not crossed.
    Lost,
    /// The source never runs the guest again, and somebody wanted that it stands still.
    Keep,
}

/// What a destination answers to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concluded {
    /// Whether all of the guest is there.
    pub wholeness: Wholeness,
    /// When it began to run there, if that is known.
    pub resumed: Option<WallTime>,
}

/// Whether all of a guest has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wholeness {
    /// It has.
    Whole,
    /// It has not, and never will: the guest cannot go on.
    Torn,
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

impl From<Conclusion> for wire::conclude_request::Conclusion {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Run => Self::Run,
            Conclusion::Lost => Self::Lost,
            Conclusion::Keep => Self::Keep,
        }
    }
}

impl Conclusion {
    pub(crate) fn read(conclusion: i32) -> Result<Self, FieldError> {
        match wire::conclude_request::Conclusion::try_from(conclusion) {
            Ok(wire::conclude_request::Conclusion::Run) => Ok(Self::Run),
            Ok(wire::conclude_request::Conclusion::Lost) => Ok(Self::Lost),
            Ok(wire::conclude_request::Conclusion::Keep) => Ok(Self::Keep),
            Ok(wire::conclude_request::Conclusion::Unspecified) | Err(_) => {
                let why = format!("{conclusion} is no conclusion");
                Err(Message("ConcludeRequest").wrong("conclusion", why))
            }
        }
    }
}

impl From<Concluded> for wire::ConcludeResponse {
    fn from(it: Concluded) -> Self {
        let since = it.resumed.map(|resumed| resumed.since(WallTime::BEGINNING).as_nanos());
        let resumed_at_ns = since.and_then(|nanos| u64::try_from(nanos).ok()).unwrap_or(0);
        Self { whole: it.wholeness == Wholeness::Whole, resumed_at_ns }
    }
}

impl From<wire::ConcludeResponse> for Concluded {
    fn from(it: wire::ConcludeResponse) -> Self {
        let wholeness = if it.whole { Wholeness::Whole } else { Wholeness::Torn };
        let since = Duration::from_nanos(it.resumed_at_ns);
        let resumed = (!since.is_zero()).then(|| WallTime::BEGINNING.after(since));
        Self { wholeness, resumed }
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
    fn a_conclusion_that_is_not_said_is_none() {
        for conclusion in [Conclusion::Run, Conclusion::Lost, Conclusion::Keep] {
            let wire = wire::conclude_request::Conclusion::from(conclusion);
            assert_eq!(Conclusion::read(wire.into()), Ok(conclusion));
        }
        assert_eq!(Conclusion::read(0).unwrap_err().field, "conclusion");
        let at = "2026-11-23T08:15:00Z".parse().unwrap();
        for (wholeness, resumed) in
            [(Wholeness::Whole, None), (Wholeness::Whole, Some(at)), (Wholeness::Torn, None)]
        {
            let told = Concluded { wholeness, resumed };
            assert_eq!(Concluded::from(wire::ConcludeResponse::from(told)), told);
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
