//! Bringing a testbed up, whatever is there of it: nothing, its data, or some of its processes.

use std::collections::BTreeSet;
use std::mem;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Error, Result, bail};
use ferry_config::Semantics;
use kube::Client;

use super::census::census;
use super::daemons::{Daemons, end_all};
use super::links::wiring;
use super::netns::{self, Turn};
use super::topology::Links;
use super::{Dir, Plan, Programs, Role, Topology, ending, objects, ready};

/// What is said where not even that went well.
const NOT_UNDONE: &str = "`down` has to end what was begun";

/// What is to be brought up. What is not given is as it was, or else as it is by default.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its directory.
    pub dir: PathBuf,
    /// What it consists of.
    pub topology: Option<Topology>,
    /// What its links are made of, whatever the topology says.
    pub links: Option<Links>,
    /// Whom the daemons follow where the documentation and KubeVirt's code disagree.
    pub semantics: Option<Semantics>,
    /// Where the API server listens; any free port of 127.0.0.1.
    pub listen: Option<SocketAddr>,
    /// Which programs it runs.
    pub programs: Programs,
}

impl Wanted {
    /// What the links of a new testbed are made of.
    fn links(&self) -> Links {
        let said = self.topology.as_ref().map(|topology| topology.links);
        self.links.or(said).unwrap_or_default()
    }
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

/// Brings a testbed up. If that fails or is given up, what was started for it is stopped.
pub(crate) async fn raise(wanted: Wanted) -> Result<Raised> {
    let dir = Dir::make(&wanted.dir)?;
    let _lock = dir.lock()?;
    let found = Plan::load(&dir)?;
    let is_new = found.is_none();
    let links = found.as_ref().map_or_else(|| wanted.links(), |found| found.topology.links);
    // Until what one has chosen is there, nobody else may choose.
    let turn = match links {
        Links::Namespaces => Some(Turn::wait().await?),
        Links::Relays => None,
    };
    let plan = plan(&dir, &wanted, found)?;
    let daemons = Arc::new(Daemons::new(dir, plan, wanted.programs));
    end_strays(&daemons, is_new)?;
    ending::farewell(&daemons).await?;
    let mut undo = Undo { daemons: &daemons, missing: daemons.missing()?, is_new, is_owed: true };
    let prepared = prepare(&daemons, &undo.missing);
    drop(turn);
    let outcome = match prepared {
        Ok(()) => start(&daemons, &undo.missing).await,
        Err(error) => Err(error),
    };
    undo.is_owed = false;
    let client = match outcome {
        Ok(client) => client,
        Err(error) => return Err(with_undoing(error, undo.run())),
    };
    let missing = mem::take(&mut undo.missing);
    drop(undo);
    let arrival = if missing.is_empty() { Arrival::Already } else { Arrival::Started(missing) };
    Ok(Raised { daemons, client, arrival })
}

/// Why a testbed has not come up, and what of it is left if something is.
fn with_undoing(error: Error, undone: Result<()>) -> Error {
    match undone {
        Ok(()) => error,
        Err(undoing) => error.context(format!("{NOT_UNDONE} ({undoing:#}); it did not come up")),
    }
}

/// Ends what runs of a testbed that somebody has removed meanwhile: nobody can talk to it any more.
fn end_strays(daemons: &Daemons, is_new: bool) -> Result<()> {
    if is_new {
        end_all(&daemons.dir)?;
    } else if !daemons.dir.kubeconfig().exists() && daemons.find(&Role::ApiServer)?.is_some() {
        // It writes one when it starts.
        daemons.stop(&Role::ApiServer)?;
    }
    Ok(())
}

/// Makes sure that daemons can start. What was decided is written down before anything is made that has
/// to be found again.
fn prepare(daemons: &Daemons, missing: &[Role]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let wiring = daemons.wiring();
    wiring.check()?;
    daemons.plan.save(&daemons.dir)?;
    wiring.make()?;
    missing.iter().try_for_each(|role| daemons.check(role))
}

/// What is to be undone of a testbed that has not come up, also where nobody waits for it any more.
struct Undo<'a> {
    daemons: &'a Daemons,
    missing: Vec<Role>,
    is_new: bool,
    is_owed: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if self.is_owed
            && let Err(error) = self.run()
        {
            eprintln!("{NOT_UNDONE}: {error:#}");
        }
    }
}

impl Undo<'_> {
    fn run(&self) -> Result<()> {
        self.stop()?;
        let daemons = self.daemons;
        if daemons.dir.plan().exists() && census(&daemons.dir)?.is_empty() {
            daemons.wiring().remove()?;
            if self.is_new {
                // What has never been up is no reason to refuse another topology.
                let removed = std::fs::remove_file(daemons.dir.plan());
                removed.context("removing the plan of a testbed that did not come up")?;
            }
        }
        Ok(())
    }

    fn stop(&self) -> Result<()> {
        let Self { daemons, missing, .. } = self;
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
        Ok(())
    }
}

/// What there was, unless something else is wanted; or what is wanted.
fn plan(dir: &Dir, wanted: &Wanted, found: Option<Plan>) -> Result<Plan> {
    let Some(found) = found else {
        let topology = wanted.topology.clone().unwrap_or_default().links(wanted.links());
        return Plan::new(dir, topology, wanted.semantics.unwrap_or_default(), wanted.listen);
    };
    let mut others = Vec::new();
    let links = wanted.links.or(wanted.topology.as_ref().map(|topology| topology.links));
    if links.is_some_and(|links| links != found.topology.links) {
        others.push("other links");
    }
    let is_other =
        |topology: &Topology| topology.clone().links(found.topology.links) != found.topology;
    if wanted.topology.as_ref().is_some_and(is_other) {
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
    // Those that have been there all the time may still have something to say: of a node that was
    // started a moment ago by somebody who was killed then.
    let nodes: BTreeSet<_> = others.iter().filter_map(node_name).collect();
    ready::nodes(daemons, &client, &nodes, since).await?;
    // As on any cluster, the platform is installed where there are nodes: how many there are decides
    // what evicted guests do unless somebody says otherwise.
    objects::create(&client, &daemons.plan).await?;
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
    let Some(dir) = Dir::find(path)? else {
        let dir = Dir::supposed(path)?;
        let count = end_all(&dir)?;
        netns::remove_left_over(&dir)?;
        return Ok(count);
    };
    let _lock = dir.lock()?;
    // What is written down may be damaged. Processes are ended without it.
    let count = end_all(&dir)?;
    match Plan::load(&dir) {
        Ok(Some(plan)) => wiring(&dir, &plan).remove()?,
        Ok(None) | Err(_) => netns::remove_left_over(&dir)?,
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn why_it_did_not_come_up_is_said_whatever_undoing_says() {
        let first = || anyhow!("a port is taken").context("the API server");
        let said = with_undoing(first(), Ok(()));
        assert_eq!(format!("{said:#}"), "the API server: a port is taken");
        let said = with_undoing(first(), Err(anyhow!("7 does not end").context("killing")));
        let expected = "`down` has to end what was begun (killing: 7 does not end); it did not \
                        come up: the API server: a port is taken";
        assert_eq!(format!("{said:#}"), expected);
    }
}
