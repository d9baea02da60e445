//! Events, to everybody who listens.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferry_qmp::{Event, Timestamp, event_line};
use ferry_runtime::Clock;

use super::outbox::{Delivery, Outbox};

/// Tells every client that has ended its negotiation what has happened, and the log. Clones tell
/// the same clients.
#[derive(Clone, Debug)]
pub struct Events {
    clock: Clock,
    listeners: Arc<Mutex<Vec<Listener>>>,
}

/// A client, for as long as it is there.
#[derive(Debug)]
struct Listener {
    outbox: Arc<Outbox>,
    socket: Arc<UnixStream>,
}

impl Events {
    /// With nobody who listens yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, listeners: Arc::default() }
    }

    /// Tells it, with the present time. Never waits for a client: one that does not read until
    /// there is no more room for it is cut off.
    ///
    /// What one thread tells, and what it answers afterwards, reaches a client in this order.
    #[expect(clippy::needless_pass_by_value, reason = "an event is told once")]
    pub fn emit(&self, event: Event) {
        // With the mutex in hand, so that all clients hear the same order, and time never goes back.
        let listeners = self.lock();
        let line = event_line(&event, Timestamp::since_epoch(self.clock.wall()));
        tracing::info!(
            name = event.name(),
            data = event.data().map(|data| data.to_string()),
            "event"
        );
        for listener in listeners.iter() {
            match listener.outbox.event(&line) {
                Delivery::Done => {}
                Delivery::NoRoom => {
                    tracing::warn!("a QMP client does not read; it is cut off");
                    // It may have closed it at the same time.
                    let _closed = listener.socket.shutdown(Shutdown::Both);
                }
            }
        }
    }

    /// Hears everything from now on.
    #[cfg(test)]
    pub(crate) fn hear(&self) -> Ear {
        let outbox = Arc::new(Outbox::default());
        outbox.open(bytes::Bytes::new());
        assert_eq!(outbox.next(), Some(bytes::Bytes::new()));
        let (socket, _) = UnixStream::pair().unwrap();
        self.add(&outbox, &Arc::new(socket));
        Ear { outbox }
    }

    pub(super) fn add(&self, outbox: &Arc<Outbox>, socket: &Arc<UnixStream>) {
        let listener = Listener { outbox: Arc::clone(outbox), socket: Arc::clone(socket) };
        self.lock().push(listener);
    }

    pub(super) fn remove(&self, outbox: &Arc<Outbox>) {
        self.lock().retain(|listener| !Arc::ptr_eq(&listener.outbox, outbox));
    }

    /// Reads no more from any client: each is answered what it has asked for, and gone then.
    pub(super) fn hang_up(&self) {
        for listener in self.lock().iter() {
            // It may have gone at the same time.
            let _closed = listener.socket.shutdown(Shutdown::Read);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Listener>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a test hears.
#[cfg(test)]
pub(crate) struct Ear {
    outbox: Arc<Outbox>,
}

#[cfg(test)]
impl Ear {
    /// The names of the events since it was asked last.
    pub(crate) fn heard(&self) -> Vec<String> {
        // A mark, so that this ends without waiting.
        self.outbox.answer(bytes::Bytes::from_static(b"mark"));
        let lines = std::iter::from_fn(|| self.outbox.next().filter(|line| line != "mark"));
        lines
            .map(|line| {
                let line = String::from_utf8(line.to_vec()).unwrap();
                let (_, rest) = line.split_once("\"event\": \"").unwrap();
                rest.split('"').next().unwrap().to_owned()
            })
            .collect()
    }
}
