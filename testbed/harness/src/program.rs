//! Where the programs are that tests start, and building ferry's own once per test process.
//!
//! `cargo test` builds the programs of the package under test only, so a test of another package
//! would miss ferry's programs, or worse, would find yesterday's. So they are built here, in the
//! profile of the running test; that takes a moment if they are up to date.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail};

/// A program that can be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    path: PathBuf,
}

/// What cargo tells the test about its own package. Build scripts (ring's, for one) look at these
/// and would build everything anew, each time that another package's test is the one to ask.
const ABOUT_THE_TEST: [&str; 6] = [
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_MANIFEST_",
    "CARGO_PKG_",
    "CARGO_PRIMARY_",
    "CARGO_TARGET_TMPDIR",
];

/// What a testbed consists of, and the variables that name other ones.
const TESTBED: [(&str, &str); 5] = [
    ("ferry-apiserver", "FERRY_APISERVER"),
    ("ferry-controller", "FERRY_CONTROLLER"),
    ("ferry-node", "FERRY_NODE"),
    ("ferry-guest", "FERRY_GUEST"),
    ("ferry", "FERRY"),
];

/// The outcome of building, for every test of this process.
static FERRY_GUEST: OnceLock<Result<PathBuf, String>> = OnceLock::new();
static FERRY_APISERVER: OnceLock<Result<PathBuf, String>> = OnceLock::new();

impl Program {
    /// Ferry's guest, built as this test was. `FERRY_GUEST` names another one to use as it is.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn ferry_guest() -> Result<Self> {
        Self::built("ferry-guest", "FERRY_GUEST", &FERRY_GUEST)
    }

    /// Ferry's API server, built as this test was. `FERRY_APISERVER` names another one to use as it
    /// is.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn ferry_apiserver() -> Result<Self> {
        Self::built("ferry-apiserver", "FERRY_APISERVER", &FERRY_APISERVER)
    }

    /// All that a testbed consists of, built as this test was and at once: the API server, the
    /// controller, the node's daemon, the guest, and the command line, in this order. Variables name
    /// others, as for each alone.
    ///
    /// # Errors
    /// When one cannot be built.
    pub fn of_a_testbed() -> Result<[Self; 5]> {
        static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
        let built = BUILT.get_or_init(|| {
            let wanted = TESTBED.iter().filter(|(_, variable)| env::var_os(variable).is_none());
            let packages: Vec<_> = wanted.map(|(package, _)| *package).collect();
            make(&packages).map_err(|error| format!("{error:#}"))
        });
        if let Err(text) = built {
            bail!("there is no testbed to test: {text}");
        }
        let found = TESTBED.map(|(package, variable)| -> Result<Self> {
            let path = match env::var_os(variable) {
                Some(path) => PathBuf::from(path),
                None => own_profile()?.join(package),
            };
            Ok(Self { path })
        });
        let [apiserver, controller, node, guest, ferry] = found;
        Ok([apiserver?, controller?, node?, guest?, ferry?])
    }

    fn built(
        package: &str,
        variable: &str,
        outcome: &OnceLock<Result<PathBuf, String>>,
    ) -> Result<Self> {
        let found =
            outcome.get_or_init(|| find(package, variable).map_err(|error| format!("{error:#}")));
        match found {
            Ok(path) => Ok(Self { path: path.clone() }),
            Err(text) => Err(anyhow!("there is no {package} to test: {text}")),
        }
    }

    /// QEMU, if it is installed.
    pub fn qemu() -> Option<Self> {
        Self::installed("qemu-system-x86_64")
    }

    /// A program of that name, if the machine has one.
    pub fn installed(name: &str) -> Option<Self> {
        let path = env::var_os("PATH")?;
        let found = env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file());
        found.map(|path| Self { path })
    }

    /// A program at this path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn find(package: &str, variable: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Ok(PathBuf::from(path));
    }
    make(&[package])?;
    Ok(own_profile()?.join(package))
}

/// Builds the programs of these packages, as this test was.
fn make(packages: &[&str]) -> Result<()> {
    // Cargo would take none named for all there are.
    if packages.is_empty() {
        return Ok(());
    }
    let profile = own_profile()?;
    let are_there = || packages.iter().all(|package| profile.join(package).is_file());
    match env::var_os("CARGO") {
        Some(cargo) => build(packages, Path::new(&cargo), &profile)?,
        // Started by hand: cargo may not be here, and what lies beside the test has to do.
        None if are_there() => {}
        None => build(packages, Path::new("cargo"), &profile)?,
    }
    if !are_there() {
        bail!("not all of {packages:?} are in {} after `cargo build`", profile.display());
    }
    Ok(())
}

/// The directory of the profile in which this test was built.
fn own_profile() -> Result<PathBuf> {
    profile_dir(&env::current_exe().context("where this test is")?)
}

/// The directory of the profile in which this program was built: tests lie in its `deps`.
fn profile_dir(test: &Path) -> Result<PathBuf> {
    let dir = test.parent().context("a program lies in a directory")?;
    let is_deps = dir.file_name().is_some_and(|name| name == "deps");
    let profile = if is_deps { dir.parent().context("deps lies in a directory")? } else { dir };
    Ok(profile.to_owned())
}

fn build(packages: &[&str], cargo: &Path, profile: &Path) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .context("testbed/harness lies two levels below the root")?;
    let name = profile.file_name().and_then(|name| name.to_str()).context("a profile's name")?;
    let name = if name == "debug" { "dev" } else { name };
    let target = profile.parent().context("a profile lies in a directory")?;
    let mut command = Command::new(cargo);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ABOUT_THE_TEST.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    let output = command
        .current_dir(root)
        .args(["build", "--quiet", "--profile", name])
        .args(packages.iter().flat_map(|package| ["--package", package]))
        .arg("--target-dir")
        .arg(target)
        .output()
        .with_context(|| format!("starting {}", cargo.display()))?;
    if !output.status.success() {
        bail!(
            "`cargo build` of {packages:?} with profile {name} failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_lie_in_deps_and_programs_beside_it() {
        for (test, profile) in
            [("/t/debug/deps/transfer-0123", "/t/debug"), ("/t/release/ferry-bench", "/t/release")]
        {
            assert_eq!(profile_dir(Path::new(test)).unwrap(), Path::new(profile), "{test}");
        }
    }
}
