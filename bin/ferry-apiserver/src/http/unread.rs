//! Answers that wait for their reader: how much of them a connection holds, and since when.
//!
//! With HTTP/2 the socket says little about that: a client can keep it moving and still take nothing
//! of what it has asked for. So each answer says here what it holds, and when it was last asked for
//! more.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{self, Notify};
use tokio::time::{Instant, sleep, sleep_until};

use super::traffic::now;

/// All of a connection.
#[derive(Debug, Default)]
pub(super) struct Unread {
    held: Mutex<Held>,
    /// Some of it was taken.
    taken: Notify,
    /// Whose turn it is to ask for more than there is room for.
    turn: sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    bytes: u64,
    since: BTreeSet<(Instant, u64)>,
    of: BTreeMap<u64, (Instant, u64)>,
}

/// One answer, for as long as it waits for its reader.
#[derive(Debug)]
pub(super) struct Waiting {
    unread: Arc<Unread>,
    number: u64,
}

/// The turn of whoever had to wait, until the answer is there and counted.
pub(super) type Turn<'a> = Option<sync::MutexGuard<'a, ()>>;

impl Unread {
    /// An answer of so many bytes begins to wait.
    pub(super) fn begin(self: &Arc<Self>, bytes: u64) -> Waiting {
        let mut held = self.held();
        let number = held.next;
        held.next += 1;
        held.put(number, bytes);
        drop(held);
        Waiting { unread: Arc::clone(self), number }
    }

    /// Waits until less than `most` is held. Whoever has waited goes on alone, so that what a
    /// hundred others want is not there all at once.
    pub(super) async fn room(&self, most: u64) -> Turn<'_> {
        if self.held().bytes < most {
            return None;
        }
        let turn = self.turn.lock().await;
        loop {
            let mut taken = pin!(self.taken.notified());
            // What happens from here on is not missed.
            taken.as_mut().enable();
            if self.held().bytes < most {
                return Some(turn);
            }
            taken.await;
        }
    }

    /// Waits until one has waited for longer than `patience`.
    pub(super) async fn stalled(&self, patience: Duration) {
        loop {
            let first = self.held().since.first().map(|(since, _)| *since + patience);
            match first {
                None => sleep(patience).await,
                Some(end) if end <= now() => return,
                Some(end) => sleep_until(end).await,
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn put(&mut self, number: u64, bytes: u64) {
        let since = now();
        self.bytes += bytes;
        self.since.insert((since, number));
        self.of.insert(number, (since, bytes));
    }

    fn take(&mut self, number: u64) {
        if let Some((since, bytes)) = self.of.remove(&number) {
            self.bytes -= bytes;
            self.since.remove(&(since, number));
        }
    }
}

impl Waiting {
    /// It was asked for more, and still holds so many bytes.
    pub(super) fn goes_on(&self, bytes: u64) {
        let mut held = self.unread.held();
        held.take(self.number);
        held.put(self.number, bytes);
        drop(held);
        self.unread.taken.notify_waiters();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.unread.held().take(self.number);
        self.unread.taken.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_is_asked_for_more_has_not_waited() {
        let unread = Arc::new(Unread::default());
        let patience = Duration::from_secs(30);
        let begun = now();
        let (first, second) = (unread.begin(10), unread.begin(10));
        tokio::time::advance(Duration::from_secs(20)).await;
        first.goes_on(5);
        drop(second);
        unread.stalled(patience).await;
        assert_eq!((now() - begun).as_secs(), 50);
        drop(first);
        assert!(unread.stalled(patience).now_or_never().is_none());
        assert!(unread.held().of.is_empty() && unread.held().since.is_empty());
    }

    #[tokio::test]
    async fn whoever_finds_no_room_waits_for_it_one_after_the_other() {
        let unread = Arc::new(Unread::default());
        let first = unread.begin(10);
        assert!(unread.room(11).now_or_never().unwrap().is_none());
        assert!(unread.room(10).now_or_never().is_none());
        first.goes_on(9);
        assert!(unread.room(10).now_or_never().unwrap().is_none());
        first.goes_on(10);
        let (mut second, mut third) = (pin!(unread.room(10)), pin!(unread.room(10)));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        let turn = second.now_or_never().unwrap();
        assert!(turn.is_some() && third.as_mut().now_or_never().is_none());
        drop(turn);
        assert!(third.now_or_never().unwrap().is_some());
        assert_eq!(unread.held().bytes, 0);
    }
}
