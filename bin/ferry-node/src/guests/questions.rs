//! What the daemon's gRPC service asks about guests.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferry_reconcile::guest::{GuestState, MigrationReport};
use ferry_rpc::{self as rpc, GuestName, Outcome, Refusal, RefusalKind, Story};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::{oneshot, watch};

use super::Guests;
use super::keeper::{Ask, Guest};
use super::machine::{self, Machine};

/// How long a check may take. It reads all memory and disks: some seconds for each 10 GiB.
const VERIFY: Duration = Duration::from_mins(10);

impl Guests {
    /// Which copy of a guest lives that was to come here.
    pub(crate) async fn outcome(&self, migration_uid: String) -> Result<Outcome, Refusal> {
        let noted = self.inner.world.outcomes.get(&migration_uid);
        let noted = noted.map_err(|error| Refusal::new(RefusalKind::Broken, error))?;
        if let Some(outcome) = noted {
            return Ok(outcome);
        }
        let guest = self.arriving(&migration_uid)?;
        ask(&guest, |answer| Ask::Outcome { migration_uid, answer }).await
    }

    /// Listens once more for a guest whose post-copy has lost its link.
    pub(crate) async fn recover(&self, migration_uid: String) -> Result<rpc::Reopened, Refusal> {
        let guest = self.arriving(&migration_uid)?;
        ask(&guest, |answer| Ask::Recover { migration_uid, answer }).await
    }

    /// Takes in what only the source of a migration knows.
    pub(crate) async fn conclude(
        &self,
        migration_uid: String,
        conclusion: rpc::Conclusion,
    ) -> Result<rpc::Concluded, Refusal> {
        let guest = self.arriving(&migration_uid)?;
        ask(&guest, |answer| Ask::Conclude { migration_uid, conclusion, answer }).await
    }

    /// The story of a migration that leaves, with more to come if it is not over.
    pub(crate) fn watch_story(&self, migration_uid: &str) -> Option<watch::Receiver<Story>> {
        self.inner.world.stories.watch(migration_uid)
    }

    /// The story of a migration that leaves, or has left.
    pub(crate) fn story(&self, migration_uid: &str) -> Result<Story, Refusal> {
        let story = self.inner.world.stories.get(migration_uid);
        let story = story.map_err(|error| Refusal::new(RefusalKind::Broken, error))?;
        story.ok_or_else(|| {
            let node = &self.inner.world.config.node;
            Refusal::not_found(format!("nothing has left {node} in migration {migration_uid}"))
        })
    }

    /// How far each guest is that leaves.
    pub fn progress(&self) -> Vec<(GuestName, rpc::Progress)> {
        let stories = self.inner.world.stories.all();
        stories.into_iter().map(|story| (story.guest, story.last)).collect()
    }

    /// The guests.
    pub(crate) fn list(&self) -> Vec<rpc::Guest> {
        let list = self.present().into_iter().map(|guest| rpc::Guest {
            name: name(&guest),
            pod_uid: guest.spec.pod_uid.clone(),
            pid: guest.pid(),
            state: word(&guest.report().state),
            memory: guest.spec.memory,
        });
        list.collect()
    }

    /// Compares a guest's memory and disks with what it knows that it wrote.
    pub(crate) async fn verify(&self, wanted: &GuestName) -> Result<rpc::Verification, Refusal> {
        let guest = self.named(wanted)?;
        let unavailable = |error: super::qmp::QmpError| match error.refusal() {
            Some(refusal) => Refusal::new(RefusalKind::NotNow, refusal),
            None => Refusal::unavailable(error),
        };
        let found =
            Machine::of(&guest.spec).verify(&guest.dir, VERIFY).await.map_err(unavailable)?;
        let found = found.ok_or_else(|| {
            let why = "only the guest itself knows what it wrote: it is a real machine, whose memory and \
                       disks nobody else can check";
            Refusal::new(RefusalKind::NotNow, why)
        })?;
        Ok(rpc::Verification {
            pages: found.pages.get(),
            blocks: found.blocks,
            wrong: found.wrong,
            faults: found.faults.iter().map(fault).collect(),
            duration: found.duration.as_duration(),
        })
    }

    /// A guest's console, from its beginning.
    pub(crate) fn console(&self, wanted: &GuestName) -> Result<ConsoleReader, Refusal> {
        let guest = self.named(wanted)?;
        Ok(ConsoleReader { path: machine::serial(&guest.dir), guest, read: 0 })
    }

    /// The guest that comes in a migration.
    fn arriving(&self, migration_uid: &str) -> Result<Arc<Guest>, Refusal> {
        let comes = |guest: &Arc<Guest>| match guest.report().migration {
            Some(MigrationReport::Arriving(arriving)) => arriving.migration_uid == migration_uid,
            Some(MigrationReport::Leaving(_)) | None => false,
        };
        let found = self.present().into_iter().find(comes);
        found.ok_or_else(|| {
            Refusal::not_found(format!("no guest comes in migration {migration_uid}"))
        })
    }

    /// The guest of that name: the one that lives, if there are several.
    fn named(&self, wanted: &GuestName) -> Result<Arc<Guest>, Refusal> {
        let guests = self.present().into_iter().filter(|guest| name(guest) == *wanted);
        let best = guests.min_by_key(|guest| match guest.report().state {
            GuestState::Running | GuestState::Paused => 0,
            GuestState::Held | GuestState::Starting => 1,
            GuestState::Waiting => 2,
            GuestState::Ended(_) => 3,
        });
        best.ok_or_else(|| {
            let node = &self.inner.world.config.node;
            Refusal::not_found(format!("there is no guest {wanted} on {node}"))
        })
    }
}

/// Reads a guest's console piece by piece.
pub(crate) struct ConsoleReader {
    path: PathBuf,
    guest: Arc<Guest>,
    read: u64,
}

impl ConsoleReader {
    /// How much is read at once: a screenful, as a rule.
    const PIECE: u64 = 16 << 10;

    /// The next piece; empty if there is nothing more now.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, Refusal> {
        let mut piece = Vec::new();
        let read = async {
            let mut file = File::open(&self.path).await?;
            file.seek(SeekFrom::Start(self.read)).await?;
            file.take(Self::PIECE).read_to_end(&mut piece).await
        };
        match read.await {
            Ok(count) => self.read += count as u64,
            // It has not printed anything yet, or is forgotten.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Refusal::new(RefusalKind::Broken, error)),
        }
        Ok(piece)
    }

    /// Whether it may print more.
    pub(crate) fn may_print(&self) -> bool {
        !self.guest.is_forgotten() && !matches!(self.guest.report().state, GuestState::Ended(_))
    }
}

async fn ask<T>(
    guest: &Guest,
    question: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Ask,
) -> Result<T, Refusal> {
    let gone = || Refusal::unavailable("the guest's keeper is gone");
    let (sender, receiver) = oneshot::channel();
    guest.asks.send(question(sender)).await.map_err(|_| gone())?;
    receiver.await.map_err(|_| gone())?
}

fn name(guest: &Guest) -> GuestName {
    GuestName::new(guest.spec.namespace.clone(), guest.spec.name.clone())
}

fn word(state: &GuestState) -> rpc::GuestState {
    match state {
        GuestState::Starting => rpc::GuestState::Starting,
        GuestState::Waiting => rpc::GuestState::Waiting,
        GuestState::Running => rpc::GuestState::Running,
        GuestState::Paused => rpc::GuestState::Paused,
        GuestState::Held => rpc::GuestState::Held,
        GuestState::Ended(_) => rpc::GuestState::Ended,
    }
}

fn fault(fault: &ferry_qmp::words::Fault) -> String {
    let place = match &fault.disk {
        Some(disk) => format!("block {} of disk {disk}", fault.index),
        None => format!("page {}", fault.index),
    };
    format!("{place} is {} (written {} times)", fault.kind, fault.generation)
}
