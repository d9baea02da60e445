//! Who depends on whom, as cargo tells it.
//!
//! Two questions, two answers. What a crate *asks for* stands in its manifest, optional or not.
//! What it is *built with* depends on features, and `cargo metadata` answers that for the whole
//! workspace at once, and counts `log?/std` as if it switched `log` on; `cargo tree` answers it for
//! one crate as it would really be built.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

use crate::house;

/// What stands between this code and the graph.
pub type Error = Box<dyn std::error::Error>;

/// The names of packages of which each uses the next.
pub type Chain = Vec<String>;

/// What a dependency is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The code itself.
    Run,
    /// A build script.
    Build,
    /// Tests, benches and examples.
    Test,
}

/// The packages of this repository, by name.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The packages.
    pub members: BTreeMap<String, Member>,
}

/// A package of this repository.
#[derive(Clone, Debug, Default)]
pub struct Member {
    /// Where its manifest is, from the repository's root.
    pub manifest: String,
    /// What that says.
    pub manifest_text: String,
    /// What it asks for by name, optional or not.
    pub asks_for: BTreeSet<(String, Need)>,
    /// Below the waterline: a chain to everything that it is built with and that runs with it, not
    /// in the compiler as procedural macros do.
    pub built_with: Vec<Chain>,
}

impl Graph {
    /// The graph of the workspace whose root is `root`.
    ///
    /// # Errors
    /// When cargo cannot resolve it, or a manifest cannot be read.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let metadata = MetadataCommand::new()
            .manifest_path(root.join("Cargo.toml"))
            .other_options(["--locked".to_owned()])
            .no_deps()
            .exec()?;
        let mut graph = Self::default();
        for package in metadata.workspace_packages() {
            let is_below =
                house::named(&package.name).is_some_and(house::Crate::is_below_the_waterline);
            let manifest = package.manifest_path.strip_prefix(&metadata.workspace_root)?;
            let member = Member {
                manifest: manifest.to_string(),
                manifest_text: std::fs::read_to_string(&package.manifest_path)?,
                asks_for: asked_for(package),
                built_with: if is_below { built_with(root, &package.name)? } else { Vec::new() },
            };
            graph.members.insert(package.name.to_string(), member);
        }
        Ok(graph)
    }

    /// A shortest chain to every member that `member` reaches, itself if it does, along what is
    /// needed for one of `needs`.
    pub fn reached_from(&self, member: &str, needs: &[Need]) -> Vec<Chain> {
        let mut seen = BTreeSet::new();
        let mut queue = VecDeque::from([vec![member.to_owned()]]);
        let mut chains = Vec::new();
        while let Some(chain) = queue.pop_front() {
            let last = chain.last().and_then(|name| self.members.get(name));
            for (next, need) in last.iter().flat_map(|member| &member.asks_for) {
                let is_new = self.members.contains_key(next) && needs.contains(need);
                if is_new && seen.insert(next.clone()) {
                    let longer = [chain.as_slice(), std::slice::from_ref(next)].concat();
                    chains.push(longer.clone());
                    queue.push_back(longer);
                }
            }
        }
        chains
    }
}

impl Member {
    /// The line of the manifest that asks for `dependency`, or the first.
    pub fn line_of(&self, dependency: &str) -> usize {
        let asks = |line: &str| {
            let rest = line.trim_start().strip_prefix(dependency);
            rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
        };
        self.manifest_text.lines().position(asks).map_or(1, |index| index + 1)
    }
}

fn asked_for(package: &Package) -> BTreeSet<(String, Need)> {
    let asks = package.dependencies.iter().filter_map(|each| {
        let need = match each.kind {
            DependencyKind::Normal => Need::Run,
            DependencyKind::Build => Need::Build,
            DependencyKind::Development => Need::Test,
            // A kind that cargo invents later has no rule yet.
            DependencyKind::Unknown => return None,
        };
        Some((each.name.clone(), need))
    });
    asks.collect()
}

fn built_with(root: &Path, package: &str) -> Result<Vec<Chain>, Error> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "depth", "--format", " {p}", "--package", package])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    chains(std::str::from_utf8(&output.stdout)?)
}

/// Reads what `cargo tree --prefix depth` printed: a package a line, each after its depth, below
/// the one that uses it.
fn chains(tree: &str) -> Result<Vec<Chain>, Error> {
    let mut above = Chain::new();
    let mut chains = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(depth), Some(name)) = (words.next(), words.next()) else {
            return Err(format!("cargo tree printed \"{line}\"").into());
        };
        above.truncate(depth.parse()?);
        above.push(name.to_owned());
        if above.len() > 1 {
            chains.push(above.clone());
        }
    }
    Ok(chains)
}

#[cfg(test)]
pub(crate) mod fixture {
    //! A graph in a few words: `ferry-policy -> ferry-api` is needed to run, `-test->` to test and
    //! `-build->` to build.

    use super::*;

    pub(crate) fn graph(text: &str) -> Graph {
        let mut graph = Graph::default();
        for line in text.lines() {
            let (from, need, to) = match *line.split_whitespace().collect::<Vec<_>>() {
                [from, "->", to] => (from, Need::Run, to),
                [from, "-test->", to] => (from, Need::Test, to),
                [from, "-build->", to] => (from, Need::Build, to),
                [alone] => {
                    member(&mut graph, alone);
                    continue;
                }
                _ => panic!("{line}"),
            };
            let member = member(&mut graph, from);
            member.asks_for.insert((to.to_owned(), need));
            member.manifest_text.push_str(&[to, ".workspace = true\n"].concat());
            if house::named(to).is_some() {
                self::member(&mut graph, to);
            }
        }
        graph
    }

    /// The graph of one crate that is built with the rest of what cargo prints as `tree`.
    pub(crate) fn built_with(name: &str, tree: &str) -> Graph {
        let mut graph = Graph::default();
        member(&mut graph, name).built_with = chains(tree).unwrap();
        graph
    }

    fn member<'a>(graph: &'a mut Graph, name: &str) -> &'a mut Member {
        let dir = house::named(name).map_or("crates/unheard-of", |each| each.dir);
        let manifest = format!("{dir}/Cargo.toml");
        let new = Member { manifest, ..Member::default() };
        graph.members.entry(name.to_owned()).or_insert(new)
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::graph;
    use super::*;

    #[test]
    fn a_chain_leads_the_shortest_way_along_what_is_needed() {
        let graph = graph(
            "ferry -> ferry-api
             ferry -> ferry-policy
             ferry -> serde
             ferry -test-> ferry-store
             ferry-policy -> ferry-api
             ferry-policy -> ferry-config",
        );
        assert_eq!(
            graph.reached_from("ferry", &[Need::Run]),
            [
                vec!["ferry", "ferry-api"],
                vec!["ferry", "ferry-policy"],
                vec!["ferry", "ferry-policy", "ferry-config"],
            ]
        );
        assert_eq!(
            graph.reached_from("ferry", &[Need::Build, Need::Test]),
            [["ferry", "ferry-store"]]
        );
    }

    #[test]
    fn what_cargo_prints_is_read_as_chains() {
        let tree = "0 ferry-api v0.1.0 (somewhere)\n1 kube-core v5.0.0\n2 http v1.5.0\n\
                    1 serde v1.0.229\n";
        assert_eq!(
            chains(tree).unwrap(),
            [
                vec!["ferry-api", "kube-core"],
                vec!["ferry-api", "kube-core", "http"],
                vec!["ferry-api", "serde"],
            ]
        );
        assert!(chains("warning\n").is_err());
        assert!(chains("one two\n").is_err());
    }

    #[test]
    fn a_dependency_has_a_line() {
        let graph = graph("ferry-api -> serde_json\nferry-api -> serde");
        assert_eq!(graph.members["ferry-api"].line_of("serde"), 2);
        assert_eq!(graph.members["ferry-api"].line_of("absent"), 1);
    }
}
