//! Bringing a testbed up and down.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use ferry_harness::topology::Links;
use ferry_harness::{Arrival, Cluster, Dir, Programs, Topology, Wanted};
use ferry_runtime::Clock;

use super::cli::{DownArguments, UpArguments};
use super::wait_for;
use crate::output::Outcome;

/// Writing to a `String` cannot fail.
const INFALLIBLE: &str = "a String takes all that is written to it";

pub(super) fn up(arguments: &UpArguments) -> Result<Outcome> {
    let topology = match (&arguments.topology, arguments.nodes) {
        (Some(file), _) => Some(Topology::read(file)?),
        (None, Some(count)) => Some(Topology::of_nodes(count).context("--nodes")?),
        (None, None) => None,
    };
    let wanted = Wanted {
        dir: arguments.place.dir.clone(),
        topology,
        links: arguments.netns.then_some(Links::Namespaces),
        semantics: arguments.semantics,
        listen: arguments.listen,
        programs: Programs::installed()?,
    };
    let clock = Clock::system();
    let begun = clock.now();
    let (cluster, arrival) = wait_for(Cluster::up(wanted))?;
    let took = clock.now().since(begun);
    let (dir, plan) = (cluster.dir(), cluster.plan());
    let how = match &arrival {
        Arrival::Already => "is up already".to_owned(),
        Arrival::Started(_) => format!("is up after {:.1} s", took.as_secs_f64()),
    };
    let mut text = String::new();
    let nodes = plan.topology.nodes.len();
    let s = if nodes == 1 { "" } else { "s" };
    writeln!(
        text,
        "The testbed in {} {how}: {nodes} node{s}, API server at https://{}.\n\n  \
         export KUBECONFIG={}",
        dir.path().display(),
        plan.api,
        dir.kubeconfig().display(),
    )
    .expect(INFALLIBLE);
    Ok(Outcome::success(text))
}

pub(super) fn down(arguments: &DownArguments) -> Result<Outcome> {
    let path = &arguments.place.dir;
    let count = ferry_harness::down(path)?;
    let mut text = match count {
        0 => format!("Nothing of a testbed in {} was running.\n", path.display()),
        1 => "1 process was stopped.\n".to_owned(),
        count => format!("{count} processes were stopped.\n"),
    };
    if arguments.purge {
        text.push_str(&purge(path)?);
    }
    Ok(Outcome::success(text))
}

/// Removes the directory of a testbed, and nothing that is not one.
fn purge(path: &Path) -> Result<String> {
    let Some(dir) = Dir::find(path)? else {
        return Ok(format!("There is no directory {}.\n", path.display()));
    };
    dir.remove()?;
    Ok(format!("{} was removed.\n", dir.path().display()))
}
