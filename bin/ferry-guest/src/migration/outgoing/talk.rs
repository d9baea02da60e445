//! What the destination is asked, and what it says.

use std::sync::PoisonError;
use std::time::Duration;

use ferry_transfer::SourceInput;
use ferry_transfer::wire::{SourceMessage, TargetMessage};

use super::Outgoing;
use super::connect::{ConnectError, read_message};
use crate::link::Connection;

/// How often to ask whether it is there: often enough that a silent peer is told from a busy one.
const PULSE: Duration = Duration::from_secs(1);

/// Hears what the destination says, until the connection ends.
pub(super) fn hear(outgoing: &Outgoing, control: &Connection) {
    loop {
        let input = match read_message(control, outgoing.memory()) {
            Ok(TargetMessage::Pong(number)) => match round_trip(outgoing, number) {
                Some(took) => SourceInput::RoundTrip(took),
                None => continue,
            },
            Ok(TargetMessage::Echo(channel, number)) => SourceInput::Echoed(channel, number),
            Ok(TargetMessage::Ready) => SourceInput::Ready,
            Ok(TargetMessage::Resumed { at }) => {
                outgoing.lock_times().resumed_at = Some(at);
                SourceInput::Resumed
            }
            Ok(TargetMessage::Complete) => SourceInput::Complete,
            Ok(TargetMessage::Refuse(why)) => {
                SourceInput::Lost(format!("the destination has given up: {why}"))
            }
            Ok(TargetMessage::Accept | TargetMessage::Missing(_)) => {
                return outgoing.lost(&ConnectError::OutOfTurn);
            }
            Err(error) => return outgoing.lost(&error),
        };
        outgoing.tell(input);
    }
}

/// Asks again and again whether the destination is there, until the migration ends. If it does not
/// answer, reading from it fails.
pub(super) fn ask(outgoing: &Outgoing, control: &Connection) {
    for number in 0.. {
        let now = outgoing.clock.now();
        *outgoing.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, now));
        if let Err(error) = control.write(&SourceMessage::Ping(number).encode()) {
            return outgoing.lost(&error);
        }
        if outgoing.desk.over_within(PULSE) {
            return;
        }
    }
}

fn round_trip(outgoing: &Outgoing, number: u64) -> Option<Duration> {
    let asked = *outgoing.asked.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, at) = asked.filter(|(asked, _)| *asked == number)?;
    Some(outgoing.clock.now().since(at))
}
