//! What can be broken of a testbed and mended again: its daemons, its guests, its links.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use ferry_units::{Bytes, BytesPerSecond};
use rustix::process::Signal;

use super::census::{GuestName, Member, ProcessId, What};
use super::cluster::Cluster;
use super::links::{LinkOrder, LinkState};
use super::{Role, ready};

/// A daemon of a testbed, to be broken and mended.
#[derive(Clone)]
pub struct Daemon<'a> {
    cluster: &'a Cluster,
    role: Role,
}

impl<'a> Daemon<'a> {
    pub(super) fn new(cluster: &'a Cluster, role: Role) -> Self {
        Self { cluster, role }
    }

    /// Which one it is.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Its process, if it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn process(&self) -> Result<Option<ProcessId>> {
        self.cluster.daemons.find(&self.role)
    }

    /// Ends it as a crash would. Its guests go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&self) -> Result<()> {
        self.cluster.daemons.kill(&self.role)
    }

    /// Asks it to end, and waits until it has. Its guests go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&self) -> Result<()> {
        self.cluster.daemons.stop(&self.role)
    }

    /// Starts it, where it was. Does not wait until it has found its way back.
    ///
    /// # Errors
    /// When it runs.
    pub fn start(&self) -> Result<()> {
        self.cluster.daemons.start(&self.role)
    }

    /// Stops it and starts it again.
    ///
    /// # Errors
    /// When it does not run.
    pub fn restart(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Has it stand still, as on a host that hangs: it keeps its connections and says nothing.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self) -> Result<()> {
        self.cluster.daemons.signal(&self.role, Signal::STOP)
    }

    /// Ends a [`freeze`](Self::freeze).
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self) -> Result<()> {
        self.cluster.daemons.signal(&self.role, Signal::CONT)
    }

    /// Waits until it does its work again: an API server serves, a controller knows all objects, a node
    /// is Ready, relays answer.
    ///
    /// # Errors
    /// When it does not in a minute, or has ended; what it has printed is said.
    pub async fn wait_ready(&self) -> Result<()> {
        let daemons = &self.cluster.daemons;
        match &self.role {
            Role::ApiServer => ready::api(daemons).await.map(drop),
            Role::Node(name) => {
                // What it has said before counts only if somebody else has started it.
                let since = daemons.started_at(&self.role).unwrap_or(SystemTime::UNIX_EPOCH);
                let names = [name.clone()].into();
                ready::nodes(daemons, &self.cluster.client, &names, since).await
            }
            Role::Relay => ready::links(daemons).await,
            Role::Controller => ready::controller(daemons).await,
        }
    }

    /// The end of what it has printed.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn log(&self) -> Result<String> {
        self.cluster.daemons.last_words(&self.role)
    }
}

/// A link of a testbed, to be broken and mended.
#[derive(Clone)]
pub struct Link<'a> {
    cluster: &'a Cluster,
    network: String,
    node: String,
}

impl<'a> Link<'a> {
    pub(super) fn new(cluster: &'a Cluster, network: &str, node: &str) -> Self {
        Self { cluster, network: network.to_owned(), node: node.to_owned() }
    }

    /// Tells it something, and says how it is then.
    ///
    /// # Errors
    /// When the relays do not run, the namespaces are not there, or the kernel cannot do it.
    pub fn tell(&self, order: LinkOrder) -> Result<LinkState> {
        let links = self.cluster.daemons.tell(Some((&self.network, &self.node)), order)?;
        links.into_iter().next().context("an answer about the link")
    }

    /// How it is, and what it has carried.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn state(&self) -> Result<LinkState> {
        self.tell(LinkOrder::Show)
    }

    /// Closes every connection. New ones are carried.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn cut(&self) -> Result<()> {
        self.tell(LinkOrder::Cut).map(drop)
    }

    /// Closes every connection, and each new one at once.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn unplug(&self) -> Result<()> {
        self.tell(LinkOrder::Unplug).map(drop)
    }

    /// Carries nothing any more, and closes nothing.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn stall(&self) -> Result<()> {
        self.tell(LinkOrder::Stall).map(drop)
    }

    /// Carries at most so much in each direction; `None` is no limit.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn limit(&self, rate: Option<BytesPerSecond>) -> Result<()> {
        self.tell(LinkOrder::Limit { rate }).map(drop)
    }

    /// Delivers so much later in each direction.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn delay(&self, delay: Duration) -> Result<()> {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.tell(LinkOrder::Delay { micros }).map(drop)
    }

    /// Makes it what the topology says.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn restore(&self) -> Result<()> {
        self.tell(LinkOrder::Restore).map(drop)
    }

    /// What went over it to the node so far.
    ///
    /// # Errors
    /// As for [`tell`](Self::tell).
    pub fn carried(&self) -> Result<Bytes> {
        Ok(self.state()?.state.forth)
    }
}

/// A guest that runs, to be broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestProcess {
    id: ProcessId,
    node: String,
    name: GuestName,
}

impl GuestProcess {
    /// That of a process, if it is one of a guest that its node has written down.
    pub(super) fn of(member: Member) -> Option<Self> {
        match member.what {
            What::Guest { node, guest: Some(name) } => {
                Some(Self { id: member.id, node: node.to_string(), name })
            }
            What::Guest { guest: None, .. } | What::Daemon(_) => None,
        }
    }

    /// The node that it is on.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Which machine it is of, and which of its pods.
    pub fn name(&self) -> &GuestName {
        &self.name
    }

    /// Whether it is of that machine.
    pub fn is_of(&self, namespace: &str, name: &str) -> bool {
        self.name.namespace == namespace && self.name.name == name
    }

    /// Its process.
    pub fn process(&self) -> ProcessId {
        self.id
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn kill(&self) -> Result<()> {
        self.id.signal(Signal::KILL)
    }

    /// Has it stand still, as a hypervisor that is stopped itself.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn freeze(&self) -> Result<()> {
        self.id.signal(Signal::STOP)
    }

    /// Ends a [`freeze`](Self::freeze).
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn thaw(&self) -> Result<()> {
        self.id.signal(Signal::CONT)
    }
}
