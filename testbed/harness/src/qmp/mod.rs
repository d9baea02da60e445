//! A QMP client that blocks: a socket and a thread around [`ferry_qmp::Client`].
//!
//! The thread reads all the time, so that every event is kept with the time the machine gave it,
//! however long the test looks elsewhere. Several threads of a test may use one client at once.

mod raw;
mod reader;

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_qmp::schema::Schema;
use ferry_qmp::words::MigrationStatus;
use ferry_qmp::{
    Client, ClientError, Event, Execute, Notice, OutOfBand, QueryQmpSchema, WireError,
};

use crate::wait::LIMIT;
pub use raw::RawQmp;
use reader::Shared;

/// A client of a machine: ferry's guest, or QEMU.
#[derive(Debug)]
pub struct Qmp {
    shared: Arc<Shared>,
    /// Held while a command is written, so that none is written into another.
    stream: Mutex<UnixStream>,
    reader: Option<JoinHandle<()>>,
}

/// A moment between two events of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(usize);

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub enum QmpError {
    /// The machine refused it.
    #[error("the machine refused '{command}': {error}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// The machine's words.
        #[source]
        error: WireError,
    },
    /// The session does not allow it, or the answer makes no sense.
    #[error(transparent)]
    Client(ClientError),
    /// The session is over.
    #[error("no answer to '{command}': the session ended: {why}")]
    Ended {
        /// The command's name.
        command: &'static str,
        /// Why it is over.
        why: String,
    },
    /// Nothing came for far too long.
    #[error("no answer to '{command}' within {LIMIT:?}")]
    Silence {
        /// The command's name.
        command: &'static str,
    },
}

impl Qmp {
    /// Connects to the socket at `path`, and waits until commands may be sent.
    ///
    /// # Errors
    /// When nobody listens there, or does not greet as QMP does.
    pub fn connect(path: &Path) -> Result<Self> {
        let stream = UnixStream::connect(path)
            .with_context(|| format!("connecting to {}", path.display()))?;
        let shared = Arc::new(Shared::new(Client::new(OutOfBand::On)));
        let reader = reader::start(Arc::clone(&shared), stream.try_clone()?)?;
        let qmp = Self { shared, stream: Mutex::new(stream), reader: Some(reader) };
        qmp.shared.wait_ready()?;
        Ok(qmp)
    }

    /// Sends a command and waits for what it returns.
    ///
    /// # Errors
    /// [`QmpError`]: refused, or no answer.
    pub fn execute<C: Execute>(&self, command: &C) -> Result<C::Return, QmpError> {
        self.run(|client| client.send(command))
    }

    /// The same out of band.
    ///
    /// # Errors
    /// As for [`execute`](Self::execute).
    pub fn execute_out_of_band<C: Execute>(&self, command: &C) -> Result<C::Return, QmpError> {
        self.run(|client| client.send_out_of_band(command))
    }

    /// Sends a command that must be refused, and returns the machine's words.
    ///
    /// # Errors
    /// When it is not.
    pub fn refusal<C: Execute>(&self, command: &C) -> Result<String> {
        match self.execute(command) {
            Err(QmpError::Refused { error, .. }) => Ok(error.desc),
            Err(error) => Err(error.into()),
            Ok(_) => anyhow::bail!("'{}' was not refused", C::NAME),
        }
    }

    /// What the machine can do.
    ///
    /// # Errors
    /// When it does not say, or what makes no sense.
    pub fn schema(&self) -> Result<Schema> {
        let entries = self.execute(&QueryQmpSchema)?;
        Schema::new(entries).context("what the machine can do")
    }

    /// Now.
    pub fn mark(&self) -> Mark {
        Mark(self.shared.lock().events.len())
    }

    /// Every event since then.
    pub fn events(&self, since: Mark) -> Vec<Notice> {
        self.shared.lock().events[since.0..].to_vec()
    }

    /// Waits for an event, since then or still to come, of which `is_it` says that it is the one.
    ///
    /// # Errors
    /// When it does not come; `what` was waited for, and these came instead.
    pub fn wait_event(
        &self,
        since: Mark,
        what: &str,
        is_it: impl FnMut(&Notice) -> bool,
    ) -> Result<Notice> {
        self.shared.wait_event(since, what, is_it)
    }

    /// Waits for an event of this name.
    ///
    /// # Errors
    /// As for [`wait_event`](Self::wait_event).
    pub fn wait_named(&self, since: Mark, name: &str) -> Result<Notice> {
        self.wait_event(since, name, |notice| notice.name() == name)
    }

    /// Waits until the migration has come to this state. It must have the capability `events`.
    ///
    /// # Errors
    /// When it ends in another, or does not come there.
    pub fn wait_migration(&self, since: Mark, status: MigrationStatus) -> Result<Notice> {
        let mut ended = None;
        let notice = self.wait_event(since, status.as_str(), |notice| {
            let Some(Event::Migration(change)) = notice.known() else { return false };
            if change.status != status && !change.status.is_running() {
                ended = Some(change.status);
            }
            change.status == status || ended.is_some()
        })?;
        match ended {
            None => Ok(notice),
            Some(other) => {
                let info = self.execute(&ferry_qmp::QueryMigrate)?;
                let why = info.error_desc.unwrap_or_default();
                anyhow::bail!("the migration was to be {status}, but is {other}: {why}")
            }
        }
    }

    /// The states that the migration has come to since then.
    pub fn migration_states(&self, since: Mark) -> Vec<MigrationStatus> {
        let state = |notice: &Notice| match notice.known() {
            Some(Event::Migration(change)) => Some(change.status),
            Some(_) | None => None,
        };
        self.events(since).iter().filter_map(state).collect()
    }

    /// When the first event of this name since then happened, after 1970.
    ///
    /// # Errors
    /// When it has not come, or the machine does not know.
    pub fn time_of(&self, since: Mark, name: &str) -> Result<Duration> {
        let events = self.events(since);
        let found = events.iter().find(|notice| notice.name() == name);
        let found = found.with_context(|| format!("no event {name} among {events:?}"))?;
        found.at.as_duration().with_context(|| format!("{name} has no time"))
    }

    fn run<C: Execute>(
        &self,
        send: impl FnOnce(&mut Client) -> Result<(bytes::Bytes, ferry_qmp::Pending<C>), ClientError>,
    ) -> Result<C::Return, QmpError> {
        let pending = {
            let mut stream = self.stream();
            // Composed under the writer's lock only, so that the reader is never kept waiting.
            let (bytes, pending) =
                send(&mut self.shared.lock().client).map_err(QmpError::Client)?;
            stream
                .write_all(&bytes)
                .map_err(|error| QmpError::Ended { command: C::NAME, why: error.to_string() })?;
            pending
        };
        let answer = self.shared.wait_answer(pending.id(), C::NAME)?;
        pending.read(&answer).map_err(|error| match error {
            ClientError::Refused { command, error } => QmpError::Refused { command, error },
            other => QmpError::Client(other),
        })
    }

    fn stream(&self) -> MutexGuard<'_, UnixStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Qmp {
    fn drop(&mut self) {
        // It fails if the machine was first, which is as good.
        let _shut = self.stream().shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            // A panic of its own was printed there.
            let _joined = reader.join();
        }
    }
}
