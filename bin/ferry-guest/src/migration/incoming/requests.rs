//! Pages that vCPUs wait for: who asks for them, and how long they take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferry_runtime::Clock;
use ferry_units::{Instant, PageIndex, PageRun};

use crate::link::Connection;

/// How many waits are remembered, for their distribution: the latest ones.
const REMEMBERED: usize = 65_536;

/// Asks for pages on the urgent connection.
pub(super) struct Requests {
    clock: Clock,
    connection: Mutex<Option<Arc<Connection>>>,
    waits: Mutex<Waits>,
}

#[derive(Default)]
struct Waits {
    asked: BTreeMap<u64, Instant>,
    /// Nanoseconds.
    took: Vec<u64>,
    count: usize,
}

impl Requests {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, connection: Mutex::default(), waits: Mutex::default() }
    }

    /// From now on there is a connection to ask on, or there is none.
    pub(super) fn connect(&self, connection: Option<Arc<Connection>>) {
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
    }

    /// A vCPU waits for that page. Called on its thread: passing it on to another would cost more
    /// than to ask.
    pub(super) fn ask(&self, page: PageIndex) {
        self.waits().asked.insert(page.0, self.clock.now());
        self.send(page);
    }

    /// Asks again for what vCPUs wait for, on a new connection.
    pub(super) fn ask_again(&self, pages: &[PageIndex]) {
        for page in pages {
            self.send(*page);
        }
    }

    /// Pages have arrived.
    pub(super) fn arrived(&self, run: PageRun) {
        let mut waits = self.waits();
        if waits.asked.is_empty() {
            return;
        }
        let now = self.clock.now();
        let here: Vec<_> =
            waits.asked.range(run.numbers()).map(|(page, at)| (*page, *at)).collect();
        for (page, at) in here {
            waits.asked.remove(&page);
            waits.remember(now.since(at));
        }
    }

    /// How long vCPUs waited: half of the times at most so long, and 99 of 100.
    pub(super) fn waited(&self) -> Option<(Duration, Duration)> {
        let mut took = self.waits().took.clone();
        took.sort_unstable();
        let at = |part: usize| took.get(took.len() * part / 100).copied();
        Some((Duration::from_nanos(at(50)?), Duration::from_nanos(at(99)?)))
    }

    fn send(&self, page: PageIndex) {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(connection) = connection {
            // When it is lost, a recovery asks again.
            let _lost = connection.write(&page.0.to_le_bytes());
        }
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waits {
    fn remember(&mut self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        match self.took.get_mut(self.count % REMEMBERED) {
            Some(oldest) => *oldest = took,
            None => self.took.push(took),
        }
        self.count += 1;
    }
}
