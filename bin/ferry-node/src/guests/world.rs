//! What the keepers of all guests on a node have in common.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_reconcile::guest::Listening;
use ferry_rpc::NodeClient;
use ferry_runtime::Clock;
use ferry_runtime::identity::{Identity, Role, VerifyPeer};
use ferry_units::{Instant, WallTime};
use tokio::sync::watch;
use tokio::time::timeout;

use super::GuestsConfig;
use super::journal::Record;
use super::machine::{self, Machines, Places};
use super::outcomes::Outcomes;
use super::process::ProcessId;
use super::stories::Stories;
use crate::networks::{Network, POD};

/// Where the monitors of migrations begin to count: later than any migration has lasted, so that one
/// that began before this daemon did has a beginning.
const LONG_AGO: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long another node may take to answer, the connection included. The keeper of a guest waits for
/// it with everything else, so it is asked again later instead.
const PEER: Duration = Duration::from_secs(10);

/// Whether what was read is no journal, and never will be one.
fn is_garbage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// What all keepers have in common.
pub(super) struct World {
    pub(super) config: GuestsConfig,
    pub(super) machines: Machines,
    pub(super) outcomes: Outcomes,
    pub(super) stories: Stories,
    /// Where the directories of guests are.
    pub(super) guests: PathBuf,
    clock: Clock,
    next_port: AtomicUsize,
    changed: watch::Sender<u64>,
}

impl World {
    pub(super) fn open(mut config: GuestsConfig) -> Result<Self> {
        let given = config.state_dir.clone();
        let failed = || format!("cannot use the state directory {}", given.display());
        fs::create_dir_all(&given).with_context(failed)?;
        // Processes are found by the directory that they work in, as Linux names it.
        config.state_dir = given.canonicalize().with_context(failed)?;
        let guests = config.state_dir.join("guests");
        fs::create_dir_all(&guests).with_context(failed)?;
        let places = Places {
            claims: config.state_dir.join("claims"),
            shared: config.shared_storage.as_deref().map(absolute).transpose()?,
        };
        config.identity = absolute(&config.identity)?;
        Ok(Self {
            machines: Machines::new(
                config.guest_program.clone(),
                config.qemu.clone(),
                places,
                &config.state_dir,
            ),
            outcomes: Outcomes::open(&config.state_dir).with_context(failed)?,
            stories: Stories::open(&config.state_dir).with_context(failed)?,
            guests,
            clock: Clock::system(),
            next_port: AtomicUsize::new(0),
            changed: watch::Sender::new(0),
            config,
        })
    }

    /// The guest in a directory, if there is one: as its journal says, or as its process does where
    /// the journal is lost. What runs must be known, or it would be started once more.
    ///
    /// # Errors
    /// When the journal of what does not run cannot be read now, and perhaps can be later.
    pub(super) fn find(dir: &Path) -> io::Result<Option<Record>> {
        let error = match Record::read(dir) {
            Ok(Some(record)) => return Ok(Some(record)),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        let Some(record) = machine::found(dir) else {
            return match error {
                // A daemon was killed as it made or removed it.
                None => Ok(None),
                Some(error) if is_garbage(&error) => {
                    tracing::error!(dir = %dir.display(), %error, "the journal of a guest is lost");
                    Ok(None)
                }
                Some(error) => Err(error),
            };
        };
        let why = error.map_or_else(|| "it is not there".to_owned(), |error| error.to_string());
        tracing::error!(dir = %dir.display(), why, "a guest runs whose journal is lost");
        if let Err(error) = record.write(dir) {
            tracing::warn!(%error, "its journal cannot be written anew, until something changes");
        }
        Ok(Some(record))
    }

    /// Ends guests whose directories are gone: nobody can reach them, and they would not be known of.
    pub(super) fn end_homeless(&self) {
        for process in ProcessId::homeless(&self.guests, machine::SOCKET_WORDS) {
            let pid = process.pid;
            match process.kill() {
                Ok(()) => tracing::error!(pid, "a guest is ended whose directory was removed"),
                Err(error) => {
                    tracing::error!(pid, %error, "cannot end a guest without a directory");
                }
            }
        }
    }

    /// The time by the calendar.
    pub(super) fn wall(&self) -> WallTime {
        self.clock.calendar()
    }

    /// The time by which monitors count. It begins long ago.
    pub(super) fn now(&self) -> Instant {
        Instant::default() + LONG_AGO + self.clock.now().since(Instant::default())
    }

    /// The same, of a time by the calendar that is past.
    pub(super) fn when(&self, past: WallTime) -> Instant {
        let ago = self.wall().since(past);
        Instant::default() + self.now().since(Instant::default()).saturating_sub(ago)
    }

    /// A report is another than it was.
    pub(super) fn changed(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// How this node is on a network, the pod network where none is named.
    ///
    /// # Errors
    /// That it is not, in a sentence.
    pub(super) fn network(&self, name: Option<&str>) -> Result<&Network, String> {
        // It may be written with the namespace that it is in.
        let name = name.map_or(POD, |name| name.rsplit('/').next().unwrap_or(name));
        self.config.networks.get(name).ok_or_else(|| {
            format!("the node {} has no address on the network {name}", self.config.node)
        })
    }

    /// The ports at which guests may be awaited, each once. Everybody begins with another one.
    pub(super) fn ports(&self) -> impl Iterator<Item = u16> + use<> {
        let range: RangeInclusive<u16> = self.config.migration_ports.clone();
        let count = range.len().max(1);
        let first = self.next_port.fetch_add(1, Ordering::Relaxed) % count;
        range.clone().skip(first).chain(range.take(first))
    }

    /// A client of the daemon of another node.
    ///
    /// # Errors
    /// Why there is none, in a sentence.
    pub(super) async fn peer(&self, node: &str) -> Result<NodeClient> {
        let address = (self.config.peers)(node);
        let address = address.with_context(|| format!("nobody knows where {node} is"))?;
        let identity = Identity::load(&self.config.identity, Role::Client, VerifyPeer::Yes)?;
        let tls = identity.client().context("a client's identity")?;
        Ok(NodeClient::connect(address, node, Arc::clone(tls)).await?)
    }

    /// Asks the daemon of another node, for as long as a keeper can wait.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub(super) async fn ask<T>(
        &self,
        node: &str,
        question: impl AsyncFnOnce(NodeClient) -> Result<T, ferry_rpc::RpcError>,
    ) -> Result<T> {
        let asked = async { Ok(question(self.peer(node).await?).await?) };
        let answer = timeout(PEER, asked).await;
        answer.with_context(|| format!("{node} does not answer within {PEER:?}"))?
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("node", &self.config.node).finish_non_exhaustive()
    }
}

fn absolute(path: &std::path::Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
}

/// Where others reach what listens at `port` of a network.
pub(super) fn advertised(network: &Network, port: u16) -> Listening {
    Listening { address: network.advertised, port }
}

/// An address of this node on a network.
pub(super) fn at(address: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(address, port)
}
