//! Bringing a testbed up, whatever is there of it: nothing, its data, or some of its processes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use ferry_config::Semantics;
use kube::Client;

use super::daemons::{Daemons, end_all};
use super::{Dir, Plan, Programs, Role, Topology, objects, ready};

/// What is to be brought up. What is not given is as it was, or else as it is by default.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its directory.
    pub dir: PathBuf,
    /// What it consists of.
    pub topology: Option<Topology>,
    /// Whom the daemons follow where the documentation and KubeVirt's code disagree.
    pub semantics: Option<Semantics>,
    /// Where the API server listens; any free port of 127.0.0.1.
    pub listen: Option<SocketAddr>,
    /// Which programs it runs.
    pub programs: Programs,
}

/// How a testbed came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has been up.
    Already,
    /// These daemons were started.
    Started(Vec<Role>),
}

/// What was brought up.
pub(crate) struct Raised {
    pub(crate) daemons: Arc<Daemons>,
    pub(crate) client: Client,
    pub(crate) arrival: Arrival,
}

/// Brings a testbed up. If that fails, what was started for it is stopped.
pub(crate) async fn raise(wanted: Wanted) -> Result<Raised> {
    let dir = Dir::make(&wanted.dir)?;
    let _lock = dir.lock()?;
    let is_new = !dir.plan().exists();
    let plan = plan(&dir, &wanted)?;
    let daemons = Arc::new(Daemons::new(dir, plan, wanted.programs));
    let missing = daemons.missing()?;
    for role in &missing {
        daemons.check(role)?;
    }
    daemons.plan.save(&daemons.dir)?;
    match start(&daemons, &missing).await {
        Ok(client) => {
            let arrival =
                if missing.is_empty() { Arrival::Already } else { Arrival::Started(missing) };
            Ok(Raised { daemons, client, arrival })
        }
        Err(error) => {
            if missing.contains(&Role::ApiServer) {
                end_all(&daemons.dir)?;
            } else {
                for role in missing.iter().rev() {
                    if daemons.find(role)?.is_some() {
                        daemons.stop(role)?;
                    }
                }
            }
            daemons.reap();
            if is_new {
                // What has never been up is no reason to refuse another topology.
                let removed = std::fs::remove_file(daemons.dir.plan());
                removed.context("removing the plan of a testbed that did not come up")?;
            }
            Err(error)
        }
    }
}

/// What there was, unless something else is wanted; or what is wanted.
fn plan(dir: &Dir, wanted: &Wanted) -> Result<Plan> {
    let Some(found) = Plan::load(dir)? else {
        let topology = wanted.topology.clone().unwrap_or_default();
        return Plan::new(dir, topology, wanted.semantics.unwrap_or_default(), wanted.listen);
    };
    let mut others = Vec::new();
    if wanted.topology.as_ref().is_some_and(|topology| *topology != found.topology) {
        others.push("another topology");
    }
    if wanted.semantics.is_some_and(|semantics| semantics != found.semantics) {
        others.push("other semantics");
    }
    if wanted.listen.is_some_and(|listen| listen != found.api && listen.port() != 0) {
        others.push("another address of the API server");
    }
    if others.is_empty() {
        return Ok(found);
    }
    bail!(
        "the testbed in {} was made with {}: remove it first (`down --purge`), or use another --dir",
        dir.path().display(),
        others.join(" and ")
    )
}

async fn start(daemons: &Daemons, missing: &[Role]) -> Result<Client> {
    let since = SystemTime::now();
    let (first, others): (Vec<_>, Vec<_>) =
        missing.iter().cloned().partition(|role| *role == Role::ApiServer);
    for role in &first {
        daemons.start(role)?;
    }
    let client = ready::api(daemons).await?;
    daemons.make_credentials(&others)?;
    for role in &others {
        daemons.start(role)?;
    }
    ready::links(daemons).await?;
    objects::create(&client, &daemons.plan).await?;
    // Those that have been there all the time may still have something to say: of a node that was
    // started a moment ago by somebody who was killed then.
    let nodes: BTreeSet<_> = others.iter().filter_map(node_name).collect();
    ready::nodes(daemons, &client, &nodes, since).await?;
    ready::controller(daemons).await?;
    Ok(client)
}

fn node_name(role: &Role) -> Option<String> {
    match role {
        Role::Node(name) => Some(name.clone()),
        Role::ApiServer | Role::Controller | Role::Relay => None,
    }
}

/// Stops every process of the testbed at `path`, and says how many there were; none where no testbed
/// is. Those of a testbed whose directory was removed meanwhile are found all the same.
///
/// # Errors
/// When a process cannot be ended.
pub fn down(path: &Path) -> Result<usize> {
    let Some(dir) = Dir::find(path)? else { return end_all(&Dir::supposed(path)?) };
    let _lock = dir.lock()?;
    end_all(&dir)
}
