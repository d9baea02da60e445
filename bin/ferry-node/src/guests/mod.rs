//! The guests on this node: their processes, what they are told, and what becomes of them.
//!
//! Each guest has a keeper, a task that looks at the guest's process and at its own journal, does what
//! is to be done next, and says what it sees. It does so again whenever anything happens: an event of
//! the guest, an order, a question of another node, or a little time. So it does not matter at which
//! point a daemon was killed: the next one looks, and goes on.
//!
//! ```text
//!   orders ──► Mailbox ─┐                       ┌─ ferry-guest: QMP, pid
//!   Asks of other nodes ┼──► Keeper: look, act ─┼─ guest.json
//!   time, events ───────┘          │            └─ daemons of other nodes
//!                                  └──► GuestReport, Story
//! ```

mod file;
mod images;
mod journal;
mod keeper;
mod machine;
mod outcomes;
mod process;
mod qmp;
mod questions;
mod stories;
mod wishes;
mod world;

use std::collections::{BTreeMap, btree_map};
use std::fs;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_config::Semantics;
use ferry_reconcile::guest::{GuestReport, GuestSpec, MachineKind, Order};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::networks::Networks;
use journal::{Origin, Record};
use keeper::{Guest, Keeper};
use world::World;

pub use machine::{Accelerator, Qemu};

/// Where the daemon of a node listens, if that is known.
pub type Peers = Arc<dyn Fn(&str) -> Option<SocketAddr> + Send + Sync>;

/// How long to wait at the start for guests that are there already. One that does not answer by then
/// is reported as starting.
const ADOPTION: Duration = Duration::from_secs(5);

/// What the guests of a node need to know.
#[derive(Clone)]
pub struct GuestsConfig {
    /// The name of this node.
    pub node: String,
    /// Where everything about guests is kept. It is made.
    pub state_dir: PathBuf,
    /// Storage that every node sees, if there is some.
    pub shared_storage: Option<PathBuf>,
    /// The program that ferry's own guests are.
    pub guest_program: PathBuf,
    /// The program that QEMU guests are.
    pub qemu: Qemu,
    /// What guests are whose instances do not say.
    pub default_machine: MachineKind,
    /// Where this node's certificates are.
    pub identity: PathBuf,
    /// The networks that guests move over.
    pub networks: Networks,
    /// The ports at which guests are awaited.
    pub migration_ports: RangeInclusive<u16>,
    /// How migrations are judged.
    pub semantics: Semantics,
    /// Where other daemons are.
    pub peers: Peers,
}

/// The guests on this node. Clones are the same. With the last one all keepers end, and the guests
/// go on by themselves.
#[derive(Clone, Debug)]
pub struct Guests {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    world: Arc<World>,
    entries: Mutex<BTreeMap<String, Entry>>,
}

/// A guest and the task that keeps it.
#[derive(Debug)]
struct Entry {
    guest: Arc<Guest>,
    task: JoinHandle<()>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Guests {
    /// Keeps the guests of a node, those first that are there already.
    ///
    /// # Errors
    /// When the state directory cannot be used.
    pub async fn open(config: GuestsConfig) -> Result<Self> {
        let world = Arc::new(World::open(config)?);
        let inner = Inner { world: Arc::clone(&world), entries: Mutex::default() };
        let guests = Self { inner: Arc::new(inner) };
        let failed = || format!("cannot read {}", world.guests.display());
        for entry in fs::read_dir(&world.guests).with_context(failed)? {
            let dir = entry.with_context(failed)?.path();
            if !dir.is_dir() {
                continue;
            }
            match World::find(&dir) {
                Ok(Some(record)) => guests.keep(record),
                // What has run may live elsewhere by now: whoever asks must go on hearing that it has.
                Ok(None) if machine::has_run(&dir).unwrap_or(true) => {}
                Ok(None) => {
                    if let Err(error) = fs::remove_dir_all(&dir) {
                        // Nothing runs there, so it is in nobody's way.
                        let dir = dir.display();
                        tracing::warn!(%dir, %error, "cannot remove what is left of a guest");
                    }
                }
                // Its disks stay for whoever mends that.
                Err(error) => {
                    tracing::error!(dir = %dir.display(), %error, "cannot read what is left of a guest");
                }
            }
        }
        world.end_homeless();
        let adopted: Vec<_> =
            guests.entries().values().map(|entry| Arc::clone(&entry.guest)).collect();
        let all = async {
            for guest in adopted {
                guest.wait_seen().await;
            }
        };
        if timeout(ADOPTION, all).await.is_err() {
            tracing::warn!("some guests do not answer");
        }
        Ok(guests)
    }

    /// What is known of each guest.
    pub fn reports(&self) -> Vec<GuestReport> {
        self.present().iter().map(|guest| guest.report()).collect()
    }

    /// Takes an order in. It is carried out as soon as it can be; one that is given again changes
    /// nothing.
    pub fn order(&self, order: Order) {
        let pod_uid = match &order {
            Order::Start(spec) => return self.begin(spec, Origin::Boot),
            Order::Await(spec) => return self.begin(spec, Origin::Elsewhere),
            Order::Listen(listen) => &listen.pod_uid,
            Order::Migrate(migrate) => &migrate.pod_uid,
            Order::Abort { pod_uid, .. }
            | Order::Pause { pod_uid }
            | Order::Resume { pod_uid }
            | Order::ShutDown { pod_uid, .. }
            | Order::Kill { pod_uid }
            | Order::Forget { pod_uid } => pod_uid,
        };
        if let Some(entry) = self.entries().get(pod_uid) {
            entry.guest.mailbox.put(order);
        } else {
            tracing::debug!(%pod_uid, "an order for a guest that is not here");
        }
    }

    /// A number that rises with each change of a report.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.world.subscribe()
    }

    /// Ends all keepers at once, as the end of the daemon does, whoever has clones of this. The guests
    /// go on by themselves.
    pub fn abandon(&self) {
        self.entries().clear();
    }

    fn begin(&self, spec: &GuestSpec, origin: Origin) {
        let mut spec = spec.clone();
        // Whatever is the default later, this guest stays what it is.
        spec.machine.get_or_insert(self.inner.world.config.default_machine);
        self.keep(Record::new(spec, origin));
    }

    /// Keeps a guest, unless somebody does.
    fn keep(&self, record: Record) {
        let mut entries = self.entries();
        // One that is forgotten makes room.
        entries.retain(|_, entry| !entry.guest.is_forgotten());
        if let btree_map::Entry::Vacant(vacant) = entries.entry(record.spec.pod_uid.clone()) {
            let (guest, keeper) = Keeper::new(Arc::clone(&self.inner.world), record);
            vacant.insert(Entry { guest, task: tokio::spawn(keeper.keep()) });
            self.inner.world.changed();
        }
    }

    /// Those that are not forgotten.
    fn present(&self) -> Vec<Arc<Guest>> {
        let mut entries = self.entries();
        entries.retain(|_, entry| !entry.guest.is_forgotten());
        entries.values().map(|entry| Arc::clone(&entry.guest)).collect()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.inner.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for GuestsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuestsConfig").field("node", &self.node).finish_non_exhaustive()
    }
}
