//! A QMP client for many askers: a task reads and writes, and each asker waits for its own answer.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ferry_qmp::words::ShutdownCause;
use ferry_qmp::{
    Answer, Client, ClientError, Event, Execute, Incoming, Notice, OutOfBand, Pending, Timestamp,
};
use ferry_units::WallTime;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// How long a machine may take to greet. It does so as soon as it runs at all.
const GREETING: Duration = Duration::from_secs(5);

/// How long an answer may take. Every command but a check is obeyed at once; a machine that does not
/// answer within this is stopped, or its host is out of breath.
const ANSWER: Duration = Duration::from_secs(10);

/// Bytes that are read at once: more than any answer but the schema's.
const BUFFER: usize = 16 << 10;

/// A session with a machine. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Qmp {
    session: Arc<Session>,
    heard: watch::Receiver<Heard>,
}

/// What a machine has told without being asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// How many events there were: the guest is to be looked at anew.
    pub(super) events: u64,
    /// Why it shuts down, if it does.
    pub(super) shut_down: Option<ShutdownCause>,
    /// Whether it has panicked.
    pub(super) panicked: bool,
    /// When its guest stopped last, and when it went on last, in this session.
    pub(super) stopped: Option<WallTime>,
    pub(super) resumed: Option<WallTime>,
    /// Whether the session is over.
    pub(super) ended: bool,
}

#[derive(Debug)]
struct Session {
    state: Mutex<State>,
    out: mpsc::UnboundedSender<Bytes>,
}

#[derive(Debug)]
struct State {
    client: Client,
    waiting: BTreeMap<u64, oneshot::Sender<Answer>>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum QmpError {
    /// Nobody listens there.
    #[error("cannot connect to the machine")]
    Connect(#[source] io::Error),
    /// It says something else, or refuses.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The session is over.
    #[error("the machine has closed the connection")]
    Closed,
    /// It says nothing.
    #[error("the machine does not answer '{command}' within {ANSWER:?}")]
    Silent {
        /// What it was asked.
        command: &'static str,
    },
}

impl QmpError {
    /// What the machine says against the command, if it was that which failed.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Client(ClientError::Refused { error, .. }) => Some(&error.desc),
            Self::Client(_) | Self::Connect(_) | Self::Closed | Self::Silent { .. } => None,
        }
    }
}

impl Qmp {
    /// Connects to a machine, and agrees on the session.
    pub(super) async fn connect(path: &Path) -> Result<Self, QmpError> {
        let stream = UnixStream::connect(path).await.map_err(QmpError::Connect)?;
        let (out, queue) = mpsc::unbounded_channel();
        let state = State { client: Client::new(OutOfBand::On), waiting: BTreeMap::new() };
        let session = Arc::new(Session { state: Mutex::new(state), out });
        let (ready, is_ready) = oneshot::channel();
        let (tell, heard) = watch::channel(Heard::default());
        let reader = Reader { session: Arc::downgrade(&session), tell, ready: Some(ready) };
        tokio::spawn(reader.run(stream, queue));
        match timeout(GREETING, is_ready).await {
            Ok(Ok(Ok(()))) => Ok(Self { session, heard }),
            Ok(Ok(Err(error))) => Err(error.into()),
            Ok(Err(_)) => Err(QmpError::Closed),
            Err(_) => Err(QmpError::Silent { command: "qmp_capabilities" }),
        }
    }

    /// Executes a command.
    pub(super) async fn execute<C: Execute>(&self, command: &C) -> Result<C::Return, QmpError> {
        self.execute_within(ANSWER, command).await
    }

    /// Executes a command that may take longer than others.
    pub(super) async fn execute_within<C: Execute>(
        &self,
        time: Duration,
        command: &C,
    ) -> Result<C::Return, QmpError> {
        let (pending, answer) = self.session.send(command, Client::send)?;
        wait(time, pending, answer).await
    }

    /// Executes a command that overtakes others.
    pub(super) async fn execute_out_of_band<C: Execute>(
        &self,
        command: &C,
    ) -> Result<C::Return, QmpError> {
        let (pending, answer) = self.session.send(command, Client::send_out_of_band)?;
        wait(ANSWER, pending, answer).await
    }

    /// What the machine has told so far.
    pub(super) fn heard(&self) -> Heard {
        self.heard.borrow().clone()
    }

    /// Waits until it tells more, or ends.
    pub(super) async fn hear(&mut self) {
        // An error means that the session is over, which its last word has said.
        let _changed = self.heard.changed().await;
    }
}

async fn wait<C: Execute>(
    time: Duration,
    pending: Pending<C>,
    answer: oneshot::Receiver<Answer>,
) -> Result<C::Return, QmpError> {
    match timeout(time, answer).await {
        Ok(Ok(answer)) => Ok(pending.read(&answer)?),
        Ok(Err(_)) => Err(QmpError::Closed),
        Err(_) => Err(QmpError::Silent { command: C::NAME }),
    }
}

type Composed<C> = Result<(Bytes, Pending<C>), ClientError>;

impl Session {
    fn send<C: Execute>(
        &self,
        command: &C,
        compose: fn(&mut Client, &C) -> Composed<C>,
    ) -> Result<(Pending<C>, oneshot::Receiver<Answer>), QmpError> {
        let mut state = self.lock();
        let (bytes, pending) = compose(&mut state.client, command)?;
        let (sender, receiver) = oneshot::channel();
        // Those that nobody waits for any more, because it took too long, do not pile up.
        state.waiting.retain(|_, sender| !sender.is_closed());
        state.waiting.insert(pending.id(), sender);
        self.out.send(bytes).map_err(|_| QmpError::Closed)?;
        Ok((pending, receiver))
    }

    /// Nothing in it is left half done by a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The task behind a session. It ends with the last clone, or with the connection.
struct Reader {
    session: std::sync::Weak<Session>,
    tell: watch::Sender<Heard>,
    ready: Option<oneshot::Sender<Result<(), ClientError>>>,
}

impl Reader {
    async fn run(mut self, mut stream: UnixStream, mut queue: mpsc::UnboundedReceiver<Bytes>) {
        if let Err(error) = self.pass(&mut stream, &mut queue).await {
            tracing::debug!(%error, "a QMP session ends");
        }
        // Whoever waits for an answer hears that there will be none.
        if let Some(session) = self.session.upgrade() {
            session.lock().waiting.clear();
        }
        queue.close();
        self.tell.send_modify(|heard| heard.ended = true);
    }

    async fn pass(
        &mut self,
        stream: &mut UnixStream,
        queue: &mut mpsc::UnboundedReceiver<Bytes>,
    ) -> io::Result<()> {
        let (mut read, mut write) = stream.split();
        let mut buffer = vec![0; BUFFER];
        loop {
            tokio::select! {
                count = read.read(&mut buffer) => {
                    let count = count?;
                    if count == 0 {
                        return Ok(());
                    }
                    let Some(session) = self.session.upgrade() else { return Ok(()) };
                    let back = self.take(&session, &buffer[..count]);
                    write.write_all(&back).await?;
                }
                bytes = queue.recv() => match bytes {
                    Some(bytes) => write.write_all(&bytes).await?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Takes in what was read, and returns what is to be sent for it.
    fn take(&mut self, session: &Session, mut input: &[u8]) -> Vec<u8> {
        let mut back = Vec::new();
        let mut state = session.lock();
        while let Some(received) = state.client.receive(&mut input) {
            match received {
                Ok(Incoming::Greeting { answer, .. }) => back.extend_from_slice(&answer),
                Ok(Incoming::Ready) => self.negotiated(Ok(())),
                Ok(Incoming::Answer(answer)) => {
                    if let Some(sender) = state.waiting.remove(&answer.id) {
                        // It took too long for whoever has asked.
                        let _late = sender.send(answer);
                    }
                }
                Ok(Incoming::Event(notice)) => self.hear(&notice),
                Err(error) => {
                    tracing::warn!(%error, "a machine says something else than QMP");
                    self.negotiated(Err(error));
                }
            }
        }
        back
    }

    fn negotiated(&mut self, outcome: Result<(), ClientError>) {
        if let Some(ready) = self.ready.take() {
            // Nobody waits for it any more.
            let _gone = ready.send(outcome);
        }
    }

    fn hear(&self, notice: &Notice) {
        tracing::trace!(event = notice.name(), "the machine tells");
        self.tell.send_modify(|heard| {
            heard.events += 1;
            match notice.known() {
                Some(Event::Shutdown(end)) => heard.shut_down = Some(end.reason),
                Some(Event::GuestPanicked(_)) => heard.panicked = true,
                Some(Event::Stop) => heard.stopped = when(notice.at),
                Some(Event::Resume) => heard.resumed = when(notice.at),
                Some(_) | None => {}
            }
        });
    }
}

/// When something happened; nothing where the machine does not know.
fn when(at: Timestamp) -> Option<WallTime> {
    let micros = u64::try_from(at.microseconds).ok()?;
    Some(WallTime::from_unix_seconds(at.seconds)?.after(Duration::from_micros(micros)))
}
