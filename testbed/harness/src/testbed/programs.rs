//! Which programs a testbed runs.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Role;
use crate::program::Program;

/// The guest, which no role has: nodes start it.
const GUEST: &str = "ferry-guest";

/// Where the programs of a testbed are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    apiserver: PathBuf,
    controller: PathBuf,
    node: PathBuf,
    guest: PathBuf,
    ferry: PathBuf,
}

impl Programs {
    /// Those that lie beside this program, or else on the path.
    ///
    /// # Errors
    /// When one is missing: its name, and where it was looked for.
    pub fn installed() -> Result<Self> {
        let own = env::current_exe()?;
        let beside = own.parent().unwrap_or(Path::new("/")).to_owned();
        let path = env::var_os("PATH").unwrap_or_default();
        let mut dirs = vec![beside];
        dirs.extend(env::split_paths(&path));
        Self::found_in(&dirs)
    }

    /// Those of this workspace, built as the running test was.
    ///
    /// # Errors
    /// When one cannot be built.
    pub fn built() -> Result<Self> {
        let [apiserver, controller, node, guest, ferry] =
            Program::of_a_testbed()?.map(|program| program.path().to_owned());
        Ok(Self { apiserver, controller, node, guest, ferry })
    }

    /// Ferry's command line.
    pub fn ferry(&self) -> &Path {
        &self.ferry
    }

    /// Those in a directory, whether they are there or not.
    #[cfg(test)]
    pub(crate) fn in_dir(dir: &Path) -> Self {
        let named = |name: &str| dir.join(name);
        Self {
            apiserver: named("ferry-apiserver"),
            controller: named("ferry-controller"),
            node: named("ferry-node"),
            guest: named(GUEST),
            ferry: named("ferry"),
        }
    }

    fn found_in(dirs: &[PathBuf]) -> Result<Self> {
        let mut missing = Vec::new();
        let mut find = |name: &'static str| {
            let found = dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file());
            found.unwrap_or_else(|| {
                missing.push(name);
                PathBuf::new()
            })
        };
        let programs = Self {
            apiserver: find(Role::ApiServer.program()),
            controller: find(Role::Controller.program()),
            node: find(Role::Node(String::new()).program()),
            guest: find(GUEST),
            ferry: find(Role::Relay.program()),
        };
        if missing.is_empty() {
            return Ok(programs);
        }
        let beside = dirs.first().map(|dir| dir.display().to_string()).unwrap_or_default();
        bail!(
            "missing: {}; looked in {beside} and on the PATH. Build them with `just build`, or `cargo \
             build --release --workspace --bins`",
            missing.join(", ")
        )
    }

    /// The one that a daemon runs.
    pub(crate) fn of(&self, role: &Role) -> &Path {
        match role {
            Role::ApiServer => &self.apiserver,
            Role::Controller => &self.controller,
            Role::Relay => &self.ferry,
            Role::Node(_) => &self.node,
        }
    }

    /// The one that nodes run for each guest.
    pub(crate) fn guest(&self) -> &Path {
        &self.guest
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_place_counts_and_all_that_is_missing_is_named() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dirs = [first.path().to_owned(), second.path().to_owned()];
        for name in ["ferry-apiserver", "ferry-node", "ferry"] {
            fs::write(second.path().join(name), "").unwrap();
        }
        let error = Programs::found_in(&dirs).unwrap_err().to_string();
        assert!(error.starts_with("missing: ferry-controller, ferry-guest; looked in "), "{error}");
        for name in ["ferry-controller", "ferry-guest", "ferry-node"] {
            fs::write(first.path().join(name), "").unwrap();
        }
        let programs = Programs::found_in(&dirs).unwrap();
        assert_eq!(programs.guest(), first.path().join("ferry-guest"));
        let node = Role::Node("a".to_owned());
        assert_eq!(programs.of(&node), first.path().join("ferry-node"));
        assert_eq!(programs.of(&Role::Relay), second.path().join("ferry"));
    }
}
