//! A testbed as whoever works with it sees it: its client, its tools, its daemons by name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use ferry_units::{Bytes, BytesPerSecond};
use kube::Client;
use rustix::process::Signal;

use super::census::{Member, census};
use super::daemons::Daemons;
use super::links::{LinkOrder, LinkState, tell};
use super::up::{Arrival, Wanted, raise};
use super::{Dir, Plan, ProcessId, Programs, Role, ready};
use crate::Output;
use crate::program::Program;

/// A testbed that is up, whoever brought it up. It stays up when this is let go; a
/// [`Testbed`](crate::Testbed) does not.
#[derive(Clone)]
pub struct Cluster {
    pub(super) daemons: Arc<Daemons>,
    client: Client,
}

impl Cluster {
    /// Brings a testbed up, whatever is there of it already, and waits until its nodes are Ready.
    ///
    /// # Errors
    /// When it does not come up: which part of it, and what that has printed. What was started is
    /// stopped then.
    pub async fn up(wanted: Wanted) -> Result<(Self, Arrival)> {
        let raised = raise(wanted).await?;
        Ok((Self { daemons: raised.daemons, client: raised.client }, raised.arrival))
    }

    /// The testbed that was brought up in a directory.
    ///
    /// # Errors
    /// When there is none, or its kubeconfig cannot be used.
    pub async fn open(path: &Path, programs: Programs) -> Result<Self> {
        let none = || format!("there is no testbed in {}; start one with `up`", path.display());
        let dir = Dir::find(path)?.with_context(none)?;
        let plan = Plan::load(&dir)?.with_context(none)?;
        let client = ready::client(&dir).await?;
        Ok(Self { daemons: Arc::new(Daemons::new(dir, plan, programs)), client })
    }

    /// A client of its API, as its administrator.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir().kubeconfig()
    }

    /// Where everything of it is.
    pub fn dir(&self) -> &Dir {
        &self.daemons.dir
    }

    /// What it is made of, down to its addresses.
    pub fn plan(&self) -> &Plan {
        &self.daemons.plan
    }

    /// Runs kubectl as the administrator, and says how that went.
    ///
    /// # Errors
    /// When there is no kubectl.
    pub fn kubectl(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Output> {
        let program = Program::installed("kubectl").context("kubectl on the path")?;
        self.run(program.path(), arguments)
    }

    /// Runs ferry's command line as the administrator, and says how that went.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ferry(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Output> {
        self.run(self.daemons.programs().of(&Role::Relay), arguments)
    }

    fn run(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Output> {
        let output = Command::new(program)
            .args(arguments)
            .env("KUBECONFIG", self.kubeconfig())
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {}", program.display()))?;
        Ok(Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        })
    }

    /// The daemon of a node.
    ///
    /// # Errors
    /// When there is no node of that name.
    pub fn node(&self, name: &str) -> Result<Daemon<'_>> {
        self.plan().node(name)?;
        Ok(self.daemon(Role::Node(name.to_owned())))
    }

    /// A daemon: `Role::Controller`, say, or a node's.
    pub fn daemon(&self, role: Role) -> Daemon<'_> {
        Daemon { cluster: self, role }
    }

    /// The link between a network and a node, if a relay stands in it. It carries what is migrated to
    /// that node.
    ///
    /// # Errors
    /// When no relay does, or they do not run.
    pub fn link(&self, network: &str, node: &str) -> Result<Link<'_>> {
        let link = Link { cluster: self, network: network.to_owned(), node: node.to_owned() };
        link.state()?;
        Ok(link)
    }

    /// Every link that a relay stands in.
    ///
    /// # Errors
    /// When they do not run.
    pub fn links(&self) -> Result<Vec<LinkState>> {
        if !self.plan().has_relays() {
            return Ok(Vec::new());
        }
        tell(self.dir(), None, LinkOrder::Show)
    }

    /// Every process of it: daemons, and guests.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn processes(&self) -> Result<Vec<Member>> {
        census(self.dir())
    }

    /// The end of what each daemon has printed.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn logs(&self) -> Result<BTreeMap<Role, String>> {
        let roles = self.daemons.roles().into_iter();
        roles.map(|role| Ok((role.clone(), self.daemons.last_words(&role)?))).collect()
    }
}

/// A daemon of a testbed, to be broken and mended.
#[derive(Clone)]
pub struct Daemon<'a> {
    cluster: &'a Cluster,
    role: Role,
}

impl Daemon<'_> {
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

    /// Waits until it does its work again: an API server serves, a node is Ready.
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
            Role::Controller => daemons.check_alive(&self.role),
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

impl Link<'_> {
    /// Tells its relay something, and says how it is then.
    ///
    /// # Errors
    /// When the relays do not run.
    pub fn tell(&self, order: LinkOrder) -> Result<LinkState> {
        let links = tell(self.cluster.dir(), Some((&self.network, &self.node)), order)?;
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
