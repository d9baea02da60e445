//! The keeper of one guest: it looks, acts, says what it sees, and waits for something to happen.

mod arriving;
mod asks;
mod doubt;
mod ending;
mod guest;
mod leaving;
mod orders;
mod process;
mod shown;
mod states;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_qmp::words::{MigrationInfo, MigrationStatus, RunState};
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::journal::{Part, Record};
use super::machine::Machine;
use super::qmp::{Qmp, QmpError};
use super::world::World;
pub(super) use asks::Ask;
pub(super) use guest::Guest;
use leaving::Transfer;
use process::Reached;

/// Questions of other nodes that wait for a keeper. There is one source of a migration, and it asks
/// one thing at a time; a few more are those that it has given up.
const ASKS: usize = 8;

/// How long until a guest is looked at again to which nothing happens. What happens to its process is
/// told by the end of its QMP session, so this is for surprises.
const IDLE: Duration = Duration::from_secs(10);

/// The same for one whose process is being started or is about to end.
const SOON: Duration = Duration::from_millis(10);

/// How often that is done before it is done less often: for three seconds.
const OFTEN: u32 = 300;

/// The same for one whose process does not answer.
const SILENT: Duration = Duration::from_millis(250);

/// The same for one that leaves: often enough for people who watch, and twice as often as its monitor
/// looks.
const LEAVING: Duration = Duration::from_millis(200);

/// The same for one that comes; events tell of everything that matters, so this is for surprises.
const ARRIVING: Duration = Duration::from_millis(400);

/// How long until something is tried again that has failed: another node that does not answer, a file
/// that cannot be written.
const RETRY: Duration = Duration::from_secs(1);

/// The keeper of one guest.
pub(super) struct Keeper {
    world: Arc<World>,
    guest: Arc<Guest>,
    dir: PathBuf,
    record: Record,
    /// The process, if this daemon has started it.
    child: Option<Child>,
    qmp: Option<Qmp>,
    seen: Seen,
    /// The migration that this daemon has begun or gone on with.
    transfer: Option<Transfer>,
    /// How often it was tried in vain to reach its process.
    tries: u32,
    asks: mpsc::Receiver<Ask>,
}

/// What was seen of a guest last.
#[derive(Debug, Default)]
struct Seen {
    run: Option<RunState>,
    migration: MigrationInfo,
}

/// When to look again at the latest; nothing if there is nothing left to look at.
type Next = Option<Duration>;

impl Keeper {
    /// A keeper, and the guest as others see it.
    pub(super) fn new(world: Arc<World>, record: Record) -> (Arc<Guest>, Self) {
        let (sender, asks) = mpsc::channel(ASKS);
        let dir = world.guests.join(&record.spec.pod_uid);
        let seen = Seen::default();
        let shown = shown::of(&record, &seen, process::Standing::Unknown);
        let guest = Arc::new(Guest::new(record.spec.clone(), dir.clone(), sender, shown));
        let keeper = Self {
            world,
            guest: Arc::clone(&guest),
            dir,
            record,
            child: None,
            qmp: None,
            seen,
            transfer: None,
            tries: 0,
            asks,
        };
        (guest, keeper)
    }

    /// Keeps the guest until it is forgotten.
    pub(super) async fn keep(mut self) {
        loop {
            let next = match self.step().await {
                Ok(next) => next,
                Err(error) => {
                    let guest = format!("{}/{}", self.record.spec.namespace, self.record.spec.name);
                    tracing::warn!(%guest, error = format!("{error:#}"), "a guest cannot be kept well");
                    if let Some(error) = error.downcast_ref::<QmpError>() {
                        self.free_if_stuck(error).await;
                    }
                    Some(RETRY)
                }
            };
            let Some(next) = next else {
                self.guest.forget();
                self.world.changed();
                return;
            };
            self.show();
            self.guest.be_seen();
            self.wait(next).await;
        }
    }

    /// Looks and acts once. Says when to look again.
    async fn step(&mut self) -> Result<Next> {
        if self.record.end.is_some() {
            return self.after_end().await;
        }
        if self.obey_ending()? {
            return Ok(Some(Duration::ZERO));
        }
        match self.reach().await? {
            Reached::Up => self.tries = 0,
            Reached::NotYet => {
                self.tries = self.tries.saturating_add(1);
                return Ok(Some(if self.tries < OFTEN { SOON } else { SILENT }));
            }
            Reached::Gone(why) => return self.died(&why).await.map(Some),
        }
        match self.look().await {
            Ok(()) => {}
            // Its process may be about to end, or is stopped.
            Err(error @ (QmpError::Closed | QmpError::Silent { .. } | QmpError::Connect(_))) => {
                tracing::debug!(%error, "a guest does not answer");
                self.free_if_stuck(&error).await;
                return Ok(Some(SILENT));
            }
            Err(error @ QmpError::Client(_)) => return Err(error.into()),
        }
        self.obey().await?;
        let next = match &self.record.part {
            Some(Part::Leaving(_)) => self.leave().await?,
            Some(Part::Arriving(_)) => self.arrive().await?,
            None => IDLE,
        };
        if self.has_panicked() {
            self.panicked()?;
            return Ok(Some(Duration::ZERO));
        }
        Ok(Some(self.until_shut_down().map_or(next, |left| left.min(next))))
    }

    /// Asks the guest how it is.
    async fn look(&mut self) -> Result<(), QmpError> {
        let (migration, run) = self.machine().look(&self.qmp()?, &self.record.spec).await?;
        self.seen = Seen { run: Some(run), migration };
        Ok(())
    }

    /// Frees a guest that leaves and says nothing: its machine may wait for its target, and it stands
    /// still for as long.
    async fn free_if_stuck(&mut self, error: &QmpError) {
        let is_silent = matches!(error, QmpError::Silent { .. });
        if is_silent {
            self.free().await;
        }
    }

    /// Has the target of a guest that leaves end what waits there, and so what this machine waits for.
    async fn free(&mut self) {
        if self.machine().hands_over_itself() {
            return;
        }
        let (Some((node, uid)), Ok(qmp)) = (self.destination(), self.qmp()) else { return };
        tracing::warn!(%node, "a guest that leaves is stuck: what it waits for is ended");
        // What has not come ends there on being asked, and with it what this one waits for.
        let Err(error) = self.world.ask(&node, async |peer| peer.outcome(&uid).await).await else {
            return;
        };
        tracing::debug!(error = format!("{error:#}"), "its target does not answer either");
        if let Err(error) = self.machine().cut(&qmp).await {
            tracing::debug!(%error, "a silent guest cannot be reached at all");
        }
    }

    /// Waits for something to happen, at most so long.
    async fn wait(&mut self, next: Duration) {
        let heard = async {
            match &mut self.qmp {
                Some(qmp) if !qmp.heard().ended => qmp.hear().await,
                Some(_) | None => std::future::pending().await,
            }
        };
        let ask = tokio::select! {
            () = sleep(next) => None,
            () = heard => None,
            () = self.guest.mailbox.wait() => None,
            ask = self.asks.recv() => ask,
        };
        if let Some(ask) = ask {
            self.answer(ask).await;
        }
    }

    /// What the guest is.
    fn machine(&self) -> Machine {
        Machine::of(&self.record.spec)
    }

    fn qmp(&self) -> Result<Qmp, QmpError> {
        self.qmp.clone().ok_or(QmpError::Closed)
    }

    /// How far its migration is, as was seen last.
    fn status(&self) -> MigrationStatus {
        self.seen.migration.status.unwrap_or_default()
    }

    /// Writes down what is decided, before it takes effect.
    fn save(&self) -> Result<()> {
        fs::create_dir_all(&self.dir)
            .and_then(|()| self.record.write(&self.dir))
            .with_context(|| format!("cannot write the journal in {}", self.dir.display()))
    }

    /// Tells others how the guest is.
    fn show(&self) {
        let shown = shown::of(&self.record, &self.seen, self.standing());
        if self.guest.show(shown) {
            self.world.changed();
        }
    }
}
