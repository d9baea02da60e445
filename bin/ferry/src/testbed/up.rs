//! Bringing a testbed up and down.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use ferry_harness::topology::Links;
use ferry_harness::{Arrival, Cluster, Dir, Programs, Removal, Topology, Wanted};
use ferry_runtime::Clock;
use tokio::signal::ctrl_c;

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
    let (cluster, arrival) = wait_for(async {
        tokio::select! {
            // A terminal interrupts what was started as well: that is no failure of its own.
            biased;
            _ = ctrl_c() => bail!("interrupted; what it had started was stopped"),
            raised = Cluster::up(wanted) => raised,
        }
    })?;
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
        shell_word(&dir.kubeconfig().to_string_lossy()),
    )
    .expect(INFALLIBLE);
    Ok(Outcome::success(text))
}

/// A word as a shell reads it: in quotes where it has to be.
fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
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
        return Ok(format!("There is no testbed in {}: nothing was removed.\n", path.display()));
    };
    let shown = dir.path().display();
    Ok(match dir.remove()? {
        Removal::Whole => format!("{shown} was removed.\n"),
        Removal::OthersStay => format!("{shown} keeps what is not of the testbed.\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_into_a_shell() {
        for (path, word) in [
            ("/a/.ferry/kubeconfig", "/a/.ferry/kubeconfig"),
            ("/a b/k", "'/a b/k'"),
            ("/it's/k", r"'/it'\''s/k'"),
            ("/$HOME", "'/$HOME'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }
}
