//! What waits to be sent to one client.
//!
//! Answers and events stand in one line, so that a client reads them in the order in which they came
//! about. Whoever answers a command waits for room, which slows down only the client that does not
//! read its answers. An event waits for nobody: a client that has no room for it is cut off.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// How much may wait for one client, in bytes. The largest answer, the schema, is a third of it.
const ROOM: usize = 512 << 10;

/// What waits to be sent to one client.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Line {
    messages: VecDeque<Bytes>,
    bytes: usize,
    hearing: Hearing,
    end: End,
}

/// Whether the client hears events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hearing {
    /// It has not ended the negotiation.
    #[default]
    Nothing,
    Events,
}

/// Whether more can come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    Open,
    /// Nothing more comes; what waits is still sent.
    Closing,
    /// Nothing is sent any more.
    CutOff,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It waits to be sent, or the client does not hear events.
    Done,
    /// The client has no room for it and is cut off: whoever is told so closes its socket.
    NoRoom,
}

impl Outbox {
    /// An answer: waits until there is room for it, or until nobody sends any more.
    pub(super) fn answer(&self, message: Bytes) {
        let mut line = self.room_for(&message);
        line.push(message);
        self.changed.notify_all();
    }

    /// The answer that ends the negotiation: from here on, the client hears events.
    pub(super) fn open(&self, message: Bytes) {
        let mut line = self.room_for(&message);
        line.push(message);
        line.hearing = Hearing::Events;
        self.changed.notify_all();
    }

    /// Waits until [`open`](Self::open) was called, or nobody sends any more.
    pub(super) fn wait_until_open(&self) {
        let mut line = self.lock();
        while line.hearing == Hearing::Nothing && line.end == End::Open {
            line = self.wait(line);
        }
    }

    /// An event: for clients that hear them, and never waits.
    pub(super) fn event(&self, message: &Bytes) -> Delivery {
        let mut line = self.lock();
        match (line.hearing, line.end) {
            (Hearing::Nothing, _) | (Hearing::Events, End::Closing | End::CutOff) => Delivery::Done,
            (Hearing::Events, End::Open) if line.has_room_for(message) => {
                line.push(message.clone());
                self.changed.notify_all();
                Delivery::Done
            }
            (Hearing::Events, End::Open) => {
                line.cut_off();
                self.changed.notify_all();
                Delivery::NoRoom
            }
        }
    }

    /// What to send next, in one piece; waits for it. `None` when nothing more comes.
    pub(super) fn next(&self) -> Option<Bytes> {
        let mut line = self.lock();
        loop {
            match line.end {
                End::CutOff => return None,
                End::Open | End::Closing => {}
            }
            if let Some(message) = line.messages.pop_front() {
                line.bytes -= message.len();
                self.changed.notify_all();
                return Some(message);
            }
            match line.end {
                End::Closing | End::CutOff => return None,
                End::Open => line = self.wait(line),
            }
        }
    }

    /// Nothing more comes; what waits is still sent.
    pub(super) fn close(&self) {
        let mut line = self.lock();
        if line.end == End::Open {
            line.end = End::Closing;
        }
        self.changed.notify_all();
    }

    /// Nothing is sent any more: the client has gone.
    pub(super) fn cut_off(&self) {
        self.lock().cut_off();
        self.changed.notify_all();
    }

    fn room_for(&self, message: &Bytes) -> MutexGuard<'_, Line> {
        let mut line = self.lock();
        while line.end == End::Open && !line.has_room_for(message) {
            line = self.wait(line);
        }
        line
    }

    // The line is right whenever the mutex is free.

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, line: MutexGuard<'a, Line>) -> MutexGuard<'a, Line> {
        self.changed.wait(line).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// A message that is larger than all room has some when nothing else waits.
    fn has_room_for(&self, message: &Bytes) -> bool {
        self.messages.is_empty() || self.bytes + message.len() <= ROOM
    }

    fn push(&mut self, message: Bytes) {
        if self.end == End::Open {
            self.bytes += message.len();
            self.messages.push_back(message);
        }
    }

    fn cut_off(&mut self) {
        self.end = End::CutOff;
        self.messages.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn message(length: usize) -> Bytes {
        Bytes::from(vec![b'x'; length])
    }

    #[test]
    fn events_are_heard_after_the_answer_that_ends_the_negotiation() {
        let outbox = Outbox::default();
        assert_eq!(outbox.event(&message(1)), Delivery::Done);
        outbox.open(message(2));
        assert_eq!(outbox.event(&message(3)), Delivery::Done);
        outbox.close();
        assert_eq!(outbox.event(&message(4)), Delivery::Done);
        let lengths: Vec<_> = std::iter::from_fn(|| outbox.next()).map(|each| each.len()).collect();
        assert_eq!(lengths, [2, 3]);
    }

    #[test]
    fn an_event_that_has_no_room_ends_the_line() {
        let outbox = Outbox::default();
        outbox.open(message(1));
        let most = (ROOM - 1) / 1000;
        for _ in 0..most {
            assert_eq!(outbox.event(&message(1000)), Delivery::Done);
        }
        assert_eq!(outbox.event(&message(1000)), Delivery::NoRoom);
        assert_eq!(outbox.next(), None);
        assert_eq!(outbox.event(&message(1)), Delivery::Done);
    }

    #[test]
    fn an_answer_waits_for_room_and_not_for_a_client_that_has_gone() {
        let outbox = Outbox::default();
        outbox.answer(message(ROOM));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| outbox.answer(message(1)));
            assert_eq!(outbox.next().map(|each| each.len()), Some(ROOM));
            waiting.join().unwrap();
            assert_eq!(outbox.next().map(|each| each.len()), Some(1));

            outbox.answer(message(ROOM));
            let waiting = scope.spawn(|| outbox.answer(message(1)));
            outbox.cut_off();
            waiting.join().unwrap();
        });
        assert_eq!(outbox.next(), None);
    }

    #[test]
    fn what_is_larger_than_all_room_goes_alone() {
        let outbox = Outbox::default();
        outbox.answer(message(ROOM * 2));
        assert_eq!(outbox.next().map(|each| each.len()), Some(ROOM * 2));
    }
}
