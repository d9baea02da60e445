//! How it is with the watches: whether all have been filled, and whether all hear.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_api::Kind;
use ferry_units::WallTime;
use tokio::sync::watch;

use crate::Calendar;

/// How it is with all watches of a cache.
#[derive(Debug)]
pub(super) struct Health {
    calendar: Calendar,
    state: Mutex<State>,
    filled: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    /// Kinds that have not been listed yet.
    empty: BTreeSet<Kind>,
    /// Kinds of which nothing is heard at the moment.
    deaf: BTreeSet<Kind>,
    /// Since when all are heard of.
    since: Option<WallTime>,
    /// Whether people know that something is not heard of.
    is_told: bool,
}

/// What a follower may say to people, as the first or the last of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Others have said so already, or will.
    None,
    /// Until now all was well, or it is now.
    Worth,
}

impl Health {
    pub(super) fn new(calendar: Calendar) -> Self {
        Self { calendar, state: Mutex::default(), filled: watch::Sender::new(false) }
    }

    /// Another kind is to be followed.
    pub(super) fn expect(&self, kind: Kind) {
        let mut state = self.state();
        state.empty.insert(kind);
        state.deaf.insert(kind);
        state.since = None;
        self.filled.send_replace(false);
    }

    /// The kind has been listed, and is heard of.
    pub(super) fn hears(&self, kind: Kind) -> News {
        let mut state = self.state();
        state.empty.remove(&kind);
        state.deaf.remove(&kind);
        if state.empty.is_empty() {
            self.filled.send_if_modified(|filled| !std::mem::replace(filled, true));
        }
        if state.deaf.is_empty() && state.since.is_none() {
            state.since = Some((self.calendar)());
            state.is_told = false;
            return News::Worth;
        }
        News::None
    }

    /// Nothing is heard of the kind.
    pub(super) fn fails(&self, kind: Kind) -> News {
        let mut state = self.state();
        state.deaf.insert(kind);
        state.since = None;
        if std::mem::replace(&mut state.is_told, true) { News::None } else { News::Worth }
    }

    pub(super) fn is_filled(&self) -> bool {
        *self.filled.borrow()
    }

    pub(super) async fn filled(&self) {
        let mut filled = self.filled.subscribe();
        // It cannot end while this is borrowed.
        let _is_filled = filled.wait_for(|filled| *filled).await;
    }

    pub(super) fn listening_since(&self) -> Option<WallTime> {
        self.state().since
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> WallTime {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn all_have_to_hear_and_the_first_and_the_last_say_so() {
        let health = Health::new(noon);
        health.expect(Kind::Pod);
        health.expect(Kind::Node);
        assert_eq!(health.fails(Kind::Pod), News::Worth, "it is not there from the start");
        assert_eq!(health.fails(Kind::Pod), News::None);
        assert_eq!(health.hears(Kind::Pod), News::None);
        assert!(!health.is_filled() && health.listening_since().is_none());
        assert_eq!(health.hears(Kind::Node), News::Worth);
        assert!(health.is_filled());
        assert_eq!(health.listening_since(), Some(noon()));
        assert_eq!(health.hears(Kind::Node), News::None);

        assert_eq!(health.fails(Kind::Node), News::Worth);
        assert_eq!(health.fails(Kind::Pod), News::None);
        assert!(health.is_filled(), "what was listed stays");
        assert_eq!(health.listening_since(), None);
        assert_eq!(health.hears(Kind::Node), News::None);
        assert_eq!(health.hears(Kind::Pod), News::Worth);
        assert_eq!(health.listening_since(), Some(noon()));
    }
}
