//! Tells people what has happened, as Events.
//!
//! Nobody waits for it. A plan goes on while a task sends what was told before, one after the other;
//! what cannot be sent is in the log, and tried again only if the server could not be reached.

mod correlator;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferry_api::Kind;
use ferry_reconcile::Event;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::Calendar;
use crate::pause::Pause;
use crate::request::{collection, told};
use correlator::{Correlator, Telling};

/// So many events wait to be sent.
// PARITY: tools/record/event.go#maxQueuedEvents
const MOST_WAITING: usize = 1000;

/// How long the server may take for one.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// So often an event is sent to a server that cannot be reached.
// PARITY: tools/record/event.go#maxTriesPerEvent
const MOST_TRIES: usize = 12;

/// The pauses between: a server that was started again is there in a second or two.
const AGAIN: Pause = Pause::new(Duration::from_millis(100), Duration::from_secs(10));

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    manager: &'static str,
    host: String,
}

/// Tells people what has happened.
#[derive(Clone, Debug)]
pub struct Recorder {
    waiting: mpsc::Sender<Event>,
    is_overrun: Arc<AtomicBool>,
}

impl Source {
    /// A program, by its field manager.
    pub fn program(manager: &'static str) -> Self {
        Self { manager, host: String::new() }
    }

    /// The program as it runs on the node of that name.
    #[must_use]
    pub fn on(self, host: impl Into<String>) -> Self {
        Self { host: host.into(), ..self }
    }

    fn host(&self) -> &str {
        &self.host
    }
}

impl Recorder {
    /// A recorder, and the task that sends what it is told. The task ends when all that was told has
    /// been sent and no recorder is left.
    pub fn start(client: Client, source: Source, calendar: Calendar) -> (Self, JoinHandle<()>) {
        let (waiting, news) = mpsc::channel(MOST_WAITING);
        let teller = Teller {
            client,
            manager: source.manager,
            correlator: Correlator::new(source),
            calendar,
        };
        let task = tokio::spawn(teller.run(news));
        (Self { waiting, is_overrun: Arc::default() }, task)
    }

    /// Tells of an event, and logs it.
    pub(crate) fn tell(&self, event: &Event) {
        let about = crate::hands::named(&event.about);
        tracing::info!(about, reason = event.reason, "{}", event.message);
        let is_overrun = self.waiting.try_send(event.clone()).is_err();
        if is_overrun && !self.is_overrun.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "more happens than the API server takes: some events are told only here"
            );
        } else if !is_overrun {
            self.is_overrun.store(false, Ordering::Relaxed);
        }
    }
}

/// Sends events.
struct Teller {
    client: Client,
    manager: &'static str,
    correlator: Correlator,
    calendar: Calendar,
}

impl Teller {
    async fn run(mut self, mut news: mpsc::Receiver<Event>) {
        while let Some(event) = news.recv().await {
            self.tell(&event).await;
        }
    }

    async fn tell(&mut self, event: &Event) {
        let now = (self.calendar)();
        let telling = self.correlator.tell(event, now);
        let mut outcome = self.try_to_send(&telling).await;
        let is_lost = matches!(&outcome, Err(kube::Error::Api(status)) if status.is_not_found());
        if is_lost && matches!(telling, Telling::Again { .. }) {
            // Events live for an hour.
            self.correlator.is_unknown(event);
            let anew = self.correlator.tell(event, now);
            outcome = self.try_to_send(&anew).await;
        }
        if let Err(error) = outcome {
            self.correlator.is_unknown(event);
            let about = crate::hands::named(&event.about);
            let error = told(&error);
            tracing::warn!(about, reason = event.reason, error, "an event was not taken");
        }
    }

    async fn try_to_send(&self, telling: &Telling) -> Result<(), kube::Error> {
        let mut pause = AGAIN;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.send(telling).await {
                // It came through at an earlier attempt whose answer did not.
                Err(kube::Error::Api(status)) if status.is_already_exists() => return Ok(()),
                Err(error @ kube::Error::Api(_)) => return Err(error),
                Err(_) if tries < MOST_TRIES => sleep(pause.longer()).await,
                outcome => return outcome,
            }
        }
    }

    async fn send(&self, telling: &Telling) -> Result<(), kube::Error> {
        let field_manager = Some(self.manager.to_owned());
        let request = match telling {
            Telling::New { namespace, body } => {
                let params = PostParams { field_manager, dry_run: false };
                let body = body.to_string().into_bytes();
                collection(Kind::Event, Some(namespace)).create(&params, body)
            }
            Telling::Again { namespace, name, merge } => {
                let params = PatchParams { field_manager, ..PatchParams::default() };
                collection(Kind::Event, Some(namespace)).patch(name, &params, &Patch::Merge(merge))
            }
        };
        let request = request.map_err(kube::Error::BuildRequest)?;
        let sent = timeout(ANSWER_LIMIT, self.client.request::<Value>(request)).await;
        match sent {
            Ok(answer) => answer.map(drop),
            Err(elapsed) => Err(kube::Error::Service(elapsed.into())),
        }
    }
}
