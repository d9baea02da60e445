//! A testbed as whoever works with it sees it: its client, its tools, its daemons by name.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use kube::Client;

use super::census::{Member, census};
use super::daemons::Daemons;
use super::faults::{Daemon, GuestProcess, Link};
use super::links::{LinkOrder, LinkState};
use super::topology::Links;
use super::up::{Arrival, Wanted, raise};
use super::{Dir, Plan, Programs, Role, disk, netns, ready};
use crate::Output;
use crate::program::Program;

/// A testbed that is up, whoever brought it up. It stays up when this is let go; a
/// [`Testbed`](crate::Testbed) does not.
#[derive(Clone)]
pub struct Cluster {
    pub(super) daemons: Arc<Daemons>,
    pub(super) client: Client,
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
        self.run(self.daemons.programs().ferry(), arguments)
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
        Daemon::new(self, role)
    }

    /// The network namespace of a node, which `ip netns exec` and other tools take.
    ///
    /// # Errors
    /// When there is no node of that name, or nodes are in no namespaces.
    pub fn namespace(&self, node: &str) -> Result<String> {
        self.plan().node(node)?;
        match self.plan().topology.links {
            Links::Relays => {
                bail!("{node} is in no namespace: the links of this testbed are relays")
            }
            Links::Namespaces => Ok(netns::namespace(self.dir(), node)),
        }
    }

    /// The link between a network and a node, if a relay stands in it or the node is in a namespace. It
    /// carries what is migrated to that node.
    ///
    /// # Errors
    /// When there is no node of that name, neither is so, or the testbed is not up.
    pub fn link(&self, network: &str, node: &str) -> Result<Link<'_>> {
        self.plan().node(node)?;
        let link = Link::new(self, network, node);
        link.state()?;
        Ok(link)
    }

    /// Every link that a relay stands in, or every link between namespaces.
    ///
    /// # Errors
    /// When the testbed is not up.
    pub fn links(&self) -> Result<Vec<LinkState>> {
        self.daemons.tell(None, LinkOrder::Show)
    }

    /// The guests that run: a machine that is moving has two.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn guests(&self) -> Result<Vec<GuestProcess>> {
        let members = census(self.dir())?;
        Ok(members.into_iter().filter_map(GuestProcess::of).collect())
    }

    /// The guest of a machine on a node.
    ///
    /// # Errors
    /// When it does not run there.
    pub fn guest(&self, namespace: &str, name: &str, node: &str) -> Result<GuestProcess> {
        let mut guests = self.guests()?.into_iter();
        guests
            .find(|guest| guest.is_of(namespace, name) && guest.node() == node)
            .with_context(|| format!("no guest of {namespace}/{name} runs on {node}"))
    }

    /// Leaves nothing free on the testbed's disk, which has to be a small one: see
    /// [`TestbedBuilder::disk`](crate::TestbedBuilder::disk).
    ///
    /// # Errors
    /// When it is so large that somebody may need it.
    pub fn fill_disk(&self) -> Result<()> {
        disk::fill(self.dir())
    }

    /// Ends a [`fill_disk`](Self::fill_disk).
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn free_disk(&self) -> Result<()> {
        disk::free(self.dir())
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
