//! How far the migrations of a guest are, and who hears of it.
//!
//! A status changes as in QEMU: by comparing and swapping. What does not follow from the present
//! status by its rules does not happen and is not told, so a thread that comes too late with its
//! news, for instance because somebody has cancelled meanwhile, changes nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ferry_qmp::rules::Side;
use ferry_qmp::words::{MigrationStatus, SocketAddress};
use ferry_qmp::{Event, MigrationChange, MigrationPass};

use crate::monitor::Events;

/// Whether changes are told to those who listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    /// They are not: the capability `events` is off.
    #[default]
    No,
    /// They are.
    Yes,
}

/// How far the migrations of a guest are.
pub(super) struct Board {
    events: Events,
    facts: Mutex<Facts>,
}

/// What is on it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    told: Told,
    /// How far the migration is that is sent.
    pub(super) outgoing: MigrationStatus,
    /// How far the migration is that is awaited.
    pub(super) incoming: MigrationStatus,
    /// What went wrong with the one that is sent.
    pub(super) outgoing_error: Option<String>,
    /// What went wrong with the one that is awaited.
    pub(super) incoming_error: Option<String>,
    /// Where it is awaited.
    pub(super) addresses: Vec<SocketAddress>,
}

impl Board {
    pub(super) fn new(events: Events) -> Self {
        Self { events, facts: Mutex::default() }
    }

    pub(super) fn facts(&self) -> Facts {
        self.lock().clone()
    }

    pub(super) fn tell(&self, told: Told) {
        self.lock().told = told;
    }

    pub(super) fn listens(&self, addresses: Vec<SocketAddress>) {
        self.lock().addresses = addresses;
    }

    /// A migration begins to be sent: what went wrong before is forgotten.
    pub(super) fn begin_outgoing(&self) {
        self.lock().outgoing_error = None;
        self.advance(Side::Source, MigrationStatus::Setup);
    }

    /// Something went wrong. Only the first thing that does is of interest.
    pub(super) fn blame(&self, side: Side, why: &str) {
        let mut facts = self.lock();
        let error = match side {
            Side::Source => &mut facts.outgoing_error,
            Side::Destination => &mut facts.incoming_error,
        };
        error.get_or_insert_with(|| why.to_owned());
    }

    /// What went wrong is mended, or is to be named anew.
    pub(super) fn forgive(&self, side: Side) {
        let mut facts = self.lock();
        match side {
            Side::Source => facts.outgoing_error = None,
            Side::Destination => facts.incoming_error = None,
        }
    }

    /// Comes to another status, if that may follow.
    // PARITY: migration/migration.c#migrate_set_state
    pub(super) fn advance(&self, side: Side, status: MigrationStatus) {
        let mut facts = self.lock();
        let present = match side {
            Side::Source => &mut facts.outgoing,
            Side::Destination => &mut facts.incoming,
        };
        if !present.successors(side).contains(&status) {
            return;
        }
        *present = status;
        tracing::info!(?side, %status, "migration");
        if facts.told == Told::Yes {
            // With the mutex in hand, so that everybody hears of changes in their order.
            self.events.emit(Event::Migration(MigrationChange { status }));
        }
    }

    /// A pass over memory begins.
    pub(super) fn pass(&self, pass: u64) {
        let facts = self.lock();
        if facts.told == Told::Yes {
            self.events.emit(Event::MigrationPass(MigrationPass { pass }));
        }
    }

    /// Something else has happened.
    pub(super) fn emit(&self, event: Event) {
        self.events.emit(event);
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
