//! A migration that is awaited.
//!
//! ```text
//!  mig/dst/listen  accepts connections; each says on a thread of its own (mig/dst/hello) who it is
//!  mig/dst/load    leads: offers and checks, puts the guest together, lets it run
//!  mig/dst/main    hears what the source says
//!  mig/dst/recv_N  receives the pages of one channel
//!  mig/dst/urgent  receives the pages that vCPUs have asked for
//! ```
//!
//! Everything that happens is news to the leader, which asks the destination of ferry-transfer what
//! it means.

mod gather;
mod leader;
mod news;
mod receiver;
mod requests;
mod room;
mod strangers;

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferry_qmp::WireError;
use ferry_qmp::rules::Side;
use ferry_qmp::words::{Fault, MigrationStatus};
use ferry_runtime::Clock;
use ferry_transfer::Hardware;
use ferry_transfer::wire::{DecodeError, Envelope, SourceMessage};
use thiserror::Error;

use super::board::Board;
use super::outgoing::Made;
use super::threads::spawn;
use crate::guest::{Arrival, Surroundings};
use crate::link::{Connection, Endpoint, LinkError, Listener, ServerSecurity};
use crate::run::RunControl;

use leader::Leader;
use news::News;
use receiver::Common;
use requests::Requests;
use room::Room;

/// What happens to the process when the guest cannot arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnError {
    /// It ends, since there is nothing else for it to do.
    Exit,
    /// It stays, for somebody to ask it what went wrong.
    Stay,
}

/// A migration that is awaited.
pub(super) struct Incoming {
    clock: Clock,
    board: Arc<Board>,
    run: Arc<RunControl>,
    surroundings: Arc<Surroundings>,
    made: Made,
    on_error: OnError,
    news: Sender<News>,
    room: Arc<Room>,
    requests: Arc<Requests>,
    security: ServerSecurity,
    /// The first instruction here, in nanoseconds since 1970.
    resumed_at: Mutex<Option<u64>>,
    /// Where a recovery is awaited.
    recovery: Mutex<Option<Arc<Listener>>>,
}

/// What was heard makes no sense, or nothing was.
#[derive(Debug, Error)]
enum HearError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("{0}")]
    Decode(#[from] DecodeError),
}

/// Awaits a guest. How that goes is on the board.
///
/// # Errors
/// When one cannot listen there. The room is left as it was.
pub(super) fn start(
    surroundings: &Arc<Surroundings>,
    board: &Arc<Board>,
    endpoint: &Endpoint,
    security: ServerSecurity,
    on_error: OnError,
) -> Result<Arc<Incoming>, WireError> {
    let listener =
        Listener::bind(endpoint).map_err(|error| WireError::generic(error.to_string()))?;
    let listener = Arc::new(listener);
    let arrival = surroundings.take_arrival();
    let Arrival { loading, config, disks, populated } = arrival
        .ok_or_else(|| WireError::generic("The incoming migration has already been started"))?;
    let hardware = Hardware {
        uuid: config.uuid.clone(),
        memory: loading.ram().size(),
        cpus: config.cpus,
        disks: super::offers(&disks),
    };
    let clock = surroundings.clock();
    let room = Arc::new(Room::new(loading, populated));
    let requests = Arc::new(Requests::new(clock));
    let (sender, receiver) = mpsc::channel();
    let common = Arc::new(Common {
        clock,
        room: Arc::clone(&room),
        disks,
        requests: Arc::clone(&requests),
        news: sender.clone(),
    });
    let incoming = Arc::new(Incoming {
        clock,
        board: Arc::clone(board),
        run: Arc::clone(surroundings.run()),
        surroundings: Arc::clone(surroundings),
        made: Made::default(),
        on_error,
        news: sender,
        room,
        requests,
        security,
        resumed_at: Mutex::default(),
        recovery: Mutex::default(),
    });
    board.listens(vec![listener.address()]);
    board.advance(Side::Destination, MigrationStatus::Setup);
    let leader = Leader {
        incoming: Arc::clone(&incoming),
        hardware,
        common,
        news: receiver,
        config: Some(config),
    };
    gather::listen(&listener, &incoming.security, &incoming.news)
        .and_then(|()| spawn("mig/dst/load".to_owned(), move || leader.lead(&listener)))
        .map_err(|error| WireError::generic(format!("cannot start a thread: {error}")))?;
    Ok(incoming)
}

impl Incoming {
    /// Listens again, for a source whose post-copy was lost.
    pub(super) fn recover(&self, endpoint: &Endpoint) -> Result<(), WireError> {
        let listener =
            Listener::bind(endpoint).map_err(|error| WireError::generic(error.to_string()))?;
        let listener = Arc::new(listener);
        gather::listen(&listener, &self.security, &self.news)
            .map_err(|error| WireError::generic(format!("cannot start a thread: {error}")))?;
        self.board.listens(vec![listener.address()]);
        let mut recovery = self.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = recovery.replace(Arc::clone(&listener)) {
            before.close();
        }
        let _over = self.news.send(News::Recover(listener));
        Ok(())
    }

    /// Nobody is awaited at the last place that was named for a recovery.
    fn end_recovery(&self) {
        let mut recovery = self.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = recovery.take() {
            listener.close();
        }
    }

    /// Cuts the connections. The leader may wait in one of them, and hears why when it does not any
    /// more.
    pub(super) fn cut(&self, why: &str) {
        let _over = self.news.send(News::Pause(why.to_owned()));
        self.made.hang_up();
    }

    /// When the guest has executed its first instruction here.
    pub(super) fn resumed_at(&self) -> Option<u64> {
        *self.resumed_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long memory was populated, by all receivers together.
    pub(super) fn populated(&self) -> Duration {
        self.room.populated()
    }

    /// How long vCPUs have waited for pages: half of the times at most so long, and 99 of 100.
    pub(super) fn waited(&self) -> Option<(Duration, Duration)> {
        self.requests.waited()
    }

    fn note_resumed(&self, at: u64) {
        *self.resumed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// The guest does not arrive.
    // PARITY: migration/migration.c#process_incoming_migration_co
    fn fail(&self, why: &str) {
        let why = format!("load of migration failed: {why}");
        self.board.blame(Side::Destination, &why);
        self.board.advance(Side::Destination, MigrationStatus::Failed);
        match self.on_error {
            OnError::Exit => self.run.fail(why),
            OnError::Stay => {}
        }
    }

    fn on_fault(&self) -> impl Fn(Fault) + Send + Sync + 'static {
        self.surroundings.on_fault()
    }
}

/// Hears what the source says next.
fn heard(control: &Connection, common: &Common) -> Result<SourceMessage, HearError> {
    let mut envelope = [0; Envelope::LENGTH];
    control.read(&mut envelope)?;
    let memory = common.room.pages();
    let envelope = Envelope::from_source(envelope, memory, common.state_limit())?;
    let mut bytes = vec![0; envelope.length()];
    control.read(&mut bytes)?;
    Ok(SourceMessage::decode(envelope, &bytes, memory)?)
}
