//! QMP sockets: where those who drive the guest connect, and as many at once as they like.

mod client;
mod hub;
mod outbox;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ferry_qmp::words::{VersionInfo, VersionTriple};
use ferry_qmp::{OutOfBand, Server};
use ferry_runtime::Clock;

pub use client::Executor;
#[cfg(test)]
pub(crate) use hub::Ear;
pub use hub::Events;
pub use socket::SocketError;
use socket::SocketFile;

/// How many clients may be connected at once, over all sockets. More are turned away: each takes
/// three threads.
const CLIENTS: usize = 64;

/// How long the end of the process waits for clients to read their last answers.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long accepting rests after an error, such as that there are no more descriptors.
const REST: Duration = Duration::from_millis(100);

/// The QMP sockets of a machine. Their files go when this is dropped.
#[derive(Debug)]
pub struct Monitor {
    files: Vec<SocketFile>,
    /// Those that do not accept yet.
    listeners: Vec<UnixListener>,
    clients: Arc<Clients>,
    events: Events,
    clock: Clock,
}

impl Monitor {
    /// Makes all sockets, or none. Clients can connect from now on; they are greeted when
    /// [`serve`](Self::serve) is called.
    ///
    /// # Errors
    /// [`SocketError`].
    pub fn bind(
        paths: &[impl AsRef<Path>],
        events: Events,
        clock: Clock,
    ) -> Result<Self, SocketError> {
        let mut monitor = Self {
            files: Vec::new(),
            listeners: Vec::new(),
            clients: Arc::default(),
            events,
            clock,
        };
        for path in paths {
            let (listener, file) = SocketFile::bind(path.as_ref())?;
            monitor.files.push(file);
            monitor.listeners.push(listener);
        }
        Ok(monitor)
    }

    /// Serves clients from now on, with `executor` for their commands.
    ///
    /// # Errors
    /// What Linux says when it has no thread for it.
    pub fn serve(&mut self, executor: &Arc<dyn Executor>) -> io::Result<()> {
        for listener in self.listeners.drain(..) {
            let reception = Reception {
                clients: Arc::clone(&self.clients),
                events: self.events.clone(),
                executor: Arc::clone(executor),
                clock: self.clock,
            };
            let accept = move || reception.accept_all(&listener);
            let thread = thread::Builder::new().name("qmp/accept".to_owned());
            thread.stack_size(256 << 10).spawn(accept)?;
        }
        Ok(())
    }

    /// The end: reads no more commands, answers those that were read, sends what waits, and removes
    /// the sockets. Clients that do not take what is sent are left after a second.
    pub fn close(self) {
        drop(self.files);
        self.events.hang_up();
        self.clients.wait_until_gone(FAREWELL);
    }
}

/// Whoever receives clients at a socket.
struct Reception {
    clients: Arc<Clients>,
    events: Events,
    executor: Arc<dyn Executor>,
    clock: Clock,
}

impl Reception {
    fn accept_all(&self, listener: &UnixListener) {
        loop {
            match listener.accept() {
                Ok((socket, _)) => self.receive(socket),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    tracing::warn!(%error, "a QMP client could not connect");
                    self.clock.wait_until(self.clock.now() + REST);
                }
            }
        }
    }

    fn receive(&self, socket: UnixStream) {
        if !self.clients.enter() {
            tracing::warn!(most = CLIENTS, "a QMP client was turned away: there are too many");
            return;
        }
        let clients = Arc::clone(&self.clients);
        let (events, executor) = (self.events.clone(), Arc::clone(&self.executor));
        let served = client::serve(
            socket,
            Server::new(version(), OutOfBand::On),
            events,
            executor,
            move || {
                clients.leave();
            },
        );
        if let Err(error) = served {
            self.clients.leave();
            tracing::warn!(%error, "a QMP client was turned away");
        }
    }
}

/// The version of QEMU whose QMP this is, and of ferry.
fn version() -> VersionInfo {
    let qemu = VersionTriple { major: 10, minor: 0, micro: 2 };
    VersionInfo { qemu, package: concat!("ferry-", env!("CARGO_PKG_VERSION")).to_owned() }
}

/// Counts clients.
#[derive(Debug, Default)]
struct Clients {
    count: Mutex<usize>,
    left: Condvar,
}

impl Clients {
    /// Counts one more, unless there are too many.
    fn enter(&self) -> bool {
        let mut count = self.lock();
        let fits = *count < CLIENTS;
        if fits {
            *count += 1;
        }
        fits
    }

    fn leave(&self) {
        *self.lock() -= 1;
        self.left.notify_all();
    }

    fn wait_until_gone(&self, limit: Duration) {
        let waited = self.left.wait_timeout_while(self.lock(), limit, |count| *count > 0);
        let (count, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *count > 0 {
            tracing::warn!(clients = *count, "QMP clients did not read their last answers");
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
