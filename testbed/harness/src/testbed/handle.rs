//! A testbed that belongs to a test: it ends with the test, and leaves its logs behind if that fails.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result};
use ferry_config::Semantics;
use ferry_units::Bytes;
use tempfile::TempDir;

use super::cluster::Cluster;
use super::daemons::clear;
use super::disk::Disk;
use super::topology::Links;
use super::up::Wanted;
use super::{Programs, Topology, TopologyError};

/// A testbed of this process. When it is let go, all its processes end, and its directory goes unless
/// it was given one or the thread panics: then it says where to look.
///
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use ferry_harness::Testbed;
///
/// let testbed = Testbed::builder().nodes(2).start().await?;
/// let nodes = testbed.kubectl(["get", "nodes"])?;
/// println!("{}", nodes.stdout);
/// testbed.node("node-1")?.kill()?;
/// # Ok(())
/// # }
/// ```
pub struct Testbed {
    cluster: Cluster,
    // Before the directory that it is mounted on.
    disk: Option<Disk>,
    dir: Option<TempDir>,
}

/// What a testbed is to be.
#[derive(Debug, Default)]
pub struct TestbedBuilder {
    topology: Option<Result<Topology, TopologyError>>,
    links: Option<Links>,
    semantics: Option<Semantics>,
    listen: Option<SocketAddr>,
    dir: Option<PathBuf>,
    disk: Option<Bytes>,
    programs: Option<Programs>,
}

impl Testbed {
    /// Three nodes of 4 GiB on one network, unless something else is said.
    pub fn builder() -> TestbedBuilder {
        TestbedBuilder::default()
    }
}

impl TestbedBuilder {
    /// So many nodes of 4 GiB: `node-1` and so on.
    #[must_use]
    pub fn nodes(self, count: usize) -> Self {
        Self { topology: Some(Topology::of_nodes(count)), ..self }
    }

    /// What it consists of.
    #[must_use]
    pub fn topology(self, topology: Topology) -> Self {
        Self { topology: Some(Ok(topology)), ..self }
    }

    /// What it consists of, as a topology file says it.
    #[must_use]
    pub fn topology_file(self, path: impl AsRef<Path>) -> Self {
        Self { topology: Some(Topology::read(path.as_ref())), ..self }
    }

    /// Each node is in a network namespace of its own, and the kernel queues what links do not carry,
    /// whatever the topology says of links. Only root may have that.
    #[must_use]
    pub fn namespaces(self) -> Self {
        Self { links: Some(Links::Namespaces), ..self }
    }

    /// Whom it follows where the documentation and KubeVirt's code disagree.
    #[must_use]
    pub fn semantics(self, semantics: Semantics) -> Self {
        Self { semantics: Some(semantics), ..self }
    }

    /// Where its API server listens; any free port of 127.0.0.1 if this is not said.
    #[must_use]
    pub fn listen(self, address: SocketAddr) -> Self {
        Self { listen: Some(address), ..self }
    }

    /// Its directory, which stays when the testbed goes; a temporary one if this is not said.
    #[must_use]
    pub fn dir(self, path: impl Into<PathBuf>) -> Self {
        Self { dir: Some(path.into()), ..self }
    }

    /// It gets a disk of its own, of this size and in memory, so that it can be
    /// [filled](Cluster::fill_disk). Only root may mount one.
    #[must_use]
    pub fn disk(self, size: Bytes) -> Self {
        Self { disk: Some(size), ..self }
    }

    /// Which programs it runs: those of this workspace, built now, if this is not said.
    #[must_use]
    pub fn programs(self, programs: Programs) -> Self {
        Self { programs: Some(programs), ..self }
    }

    /// Starts it, and waits until its nodes are Ready.
    ///
    /// # Errors
    /// When it does not come up: which part of it, and what that has printed.
    pub async fn start(self) -> Result<Testbed> {
        let (path, dir) = if let Some(path) = self.dir {
            (path, None)
        } else {
            let dir = tempfile::Builder::new().prefix("ferry-").tempdir();
            let dir = dir.context("a directory for a testbed")?;
            (dir.path().to_owned(), Some(dir))
        };
        let disk = self.disk.map(|size| Disk::mount(&path, size)).transpose()?;
        let programs = match self.programs {
            Some(programs) => programs,
            None => Programs::built()?,
        };
        let wanted = Wanted {
            dir: path,
            topology: self.topology.transpose()?,
            links: self.links,
            semantics: self.semantics,
            listen: self.listen,
            programs,
        };
        let (cluster, _) = Cluster::up(wanted).await?;
        Ok(Testbed { cluster, disk, dir })
    }
}

impl Deref for Testbed {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        let path = self.cluster.dir().path().display().to_string();
        if let Err(error) = clear(self.cluster.dir(), self.cluster.plan()) {
            eprintln!("the testbed in {path} does not end: {error:#}");
        }
        self.cluster.daemons.reap();
        if thread::panicking() {
            for (role, said) in self.cluster.logs().unwrap_or_default() {
                eprintln!("--- {role} has printed last:\n{}---", tail(&said));
            }
            eprintln!("the testbed is kept for you to look at: {path}");
            let _kept = self.dir.take().map(TempDir::keep);
            // What is on it is to be looked at too.
            std::mem::forget(self.disk.take());
        }
    }
}

/// The last lines of a text.
fn tail(text: &str) -> String {
    /// Enough for the error and what led to it.
    const LINES: usize = 20;
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().flat_map(|line| [line, "\n"]).collect()
}
