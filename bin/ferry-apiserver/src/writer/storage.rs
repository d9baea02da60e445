//! Whether the disk takes writes: what is refused while it does not, and who hears of it how often.
//!
//! A disk that is nearly full refuses group after group, each with a failed attempt that takes
//! everything decided on top of it along. So once it is known, ordinary writes are refused before they
//! are decided upon, and what makes room goes on undisturbed. The log hears of it once in a while,
//! and when it is over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_api::Kind;
use ferry_registry::{Change, Effect, Refusal};
use ferry_runtime::Clock;
use ferry_store::{Room, StoreError};
use ferry_units::Instant;

use crate::api::Trouble;

/// How often the log hears of the same trouble. A full disk refuses thousands of groups a second, and
/// somebody who reads the log wants to know within a minute that it still does.
const REPEATED_EVERY: Duration = Duration::from_secs(60);

/// How much it matters that a change is written on a nearly full disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// As much as all others.
    Ordinary,
    /// It makes room, lets something go that is to go, or keeps a leader a leader.
    Essential,
}

impl Urgency {
    pub(super) fn of(change: &Change) -> Self {
        match &change.effect {
            Effect::Deleted(_) => Self::Essential,
            Effect::Put(object)
                if object.meta.deleted().is_some() || object.key.kind == Kind::Lease =>
            {
                Self::Essential
            }
            Effect::Put(_) => Self::Ordinary,
        }
    }
}

/// What is known of the disk.
#[derive(Debug)]
pub(super) struct Storage {
    room: Room,
    clock: Clock,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// Ordinary writes are refused until there is room.
    is_short: bool,
    /// Why nothing is written any more until the next start.
    stopped: Option<String>,
    complaints: Complaints,
}

impl Storage {
    pub(super) fn new(room: Room, clock: Clock) -> Self {
        Self { room, clock, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is in there is whole after each line.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses an ordinary write for which there is no room.
    pub(super) fn admit(&self) -> Result<(), Refusal> {
        if !self.known().is_short {
            return Ok(());
        }
        self.room.check_ample().map_err(|error| self.refused(&error))
    }

    /// Whether there is room; ample room, once there was none, so that writes at the edge are not
    /// taken and refused by turns.
    fn check(&self) -> Result<(), StoreError> {
        if self.known().is_short { self.room.check_ample() } else { self.room.check() }
    }

    /// The journal has refused a group: what its clients are told.
    pub(super) fn refused(&self, error: &StoreError) -> Refusal {
        let message = chain(error);
        let mut known = self.known();
        known.is_short |= matches!(error, StoreError::NoSpace { .. });
        if let Some(refused) = known.complaints.complain(self.clock.now()) {
            tracing::error!(refused, "writes are refused: {message}");
        }
        match error {
            // The one failure after which nobody knows: the records may be on the disk.
            StoreError::Failed { .. } => {
                known.stopped = Some(message.clone());
                Refusal::Internal {
                    message: format!("whether this was written is not known: {message}"),
                }
            }
            StoreError::NotAJournal { .. }
            | StoreError::Locked { .. }
            | StoreError::NewerFormat { .. }
            | StoreError::Inaccessible { .. }
            | StoreError::Damaged { .. }
            | StoreError::LostWrites { .. }
            | StoreError::NoSpace { .. }
            | StoreError::TooLarge { .. }
            | StoreError::OutOfOrder { .. }
            | StoreError::Compacted { .. } => {
                Refusal::Unavailable { message: format!("nothing can be written: {message}") }
            }
        }
    }

    /// The journal has taken a group.
    pub(super) fn worked(&self, urgency: Urgency) {
        // One that was decided before there was no room is no sign that there is. To look costs a system
        // call, and most of the time there is nothing to recover from.
        let may_recover = urgency == Urgency::Ordinary && self.known().is_in_trouble();
        if may_recover && self.check().is_ok() {
            self.recovered();
        }
    }

    fn recovered(&self) {
        let mut known = self.known();
        known.is_short = false;
        if known.complaints.relieve() {
            tracing::info!("writes are taken again");
        }
    }

    /// Looks whether there is room, without anybody writing. Says whether there is.
    pub(super) fn look(&self) -> bool {
        match self.check() {
            Ok(()) => {
                if self.known().is_short {
                    self.recovered();
                }
                true
            }
            Err(error) => {
                self.refused(&error);
                false
            }
        }
    }

    /// What keeps it from taking writes, if anything does.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        if let Some(message) = self.known().stopped.clone() {
            return Some(Trouble::Stopped(message));
        }
        self.check().err().map(|error| Trouble::NoRoom(chain(&error)))
    }
}

impl Known {
    fn is_in_trouble(&self) -> bool {
        self.is_short || self.complaints.is_open
    }
}

/// How often the same thing is said.
#[derive(Debug, Default)]
struct Complaints {
    told: Option<Instant>,
    /// Refusals since then.
    untold: u64,
    /// Whether somebody has heard of trouble and not of its end.
    is_open: bool,
}

impl Complaints {
    /// One more refusal. If it is to be told, how many there are to tell of.
    fn complain(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        if self.told.is_some_and(|told| now.since(told) < REPEATED_EVERY) {
            return None;
        }
        self.told = Some(now);
        self.is_open = true;
        Some(std::mem::take(&mut self.untold))
    }

    /// It is over. Says whether that is to be told.
    fn relieve(&mut self) -> bool {
        std::mem::take(&mut self.is_open)
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusal_is_told_then_one_a_minute_and_the_end() {
        let mut complaints = Complaints::default();
        let begin = Instant::from_nanos(0);
        let after = |seconds| begin + Duration::from_secs(seconds);
        assert!(!complaints.relieve(), "nothing was told");
        assert_eq!(complaints.complain(after(0)), Some(1));
        for second in 1..60 {
            assert_eq!(complaints.complain(after(second)), None);
        }
        assert_eq!(complaints.complain(after(60)), Some(60));
        assert!(complaints.relieve());
        assert!(!complaints.relieve(), "it was told");
        // One that comes and goes is no reason to say more.
        assert_eq!(complaints.complain(after(61)), None);
        assert!(!complaints.relieve());
        assert_eq!(complaints.complain(after(200)), Some(2));
        assert!(complaints.relieve());
    }
}
