//! Which kubeconfig: the flag's, then the environment's, then the testbed's of this directory, then
//! the one at home.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use kube::config::Kubeconfig;

/// Where a testbed writes its own, below the directory that it was started in.
const OF_THE_TESTBED: &str = ".ferry/kubeconfig";

/// Where kubectl has its own, below the home directory.
const AT_HOME: &str = ".kube/config";

/// A kubeconfig, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) kubeconfig: Kubeconfig,
    /// For messages: `./.ferry/kubeconfig`.
    pub(crate) origin: String,
}

/// What the surroundings of the process say.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    variable: Option<OsString>,
    home: Option<PathBuf>,
}

/// The kubeconfig to use.
pub(crate) fn find(flag: Option<&Path>) -> Result<Found> {
    let surroundings = Surroundings {
        variable: env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
        home: env::var_os("HOME").filter(|value| !value.is_empty()).map(PathBuf::from),
    };
    let paths = candidates(flag, &surroundings, can_be_read)?;
    let origin = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    let mut merged = None;
    for path in &paths {
        let one = Kubeconfig::read_from(path)
            .with_context(|| format!("cannot use the kubeconfig {}", path.display()))?;
        merged = Some(match merged {
            None => one,
            Some(first) => Kubeconfig::merge(first, one).context("cannot merge kubeconfigs")?,
        });
    }
    let kubeconfig = merged.context("a kubeconfig")?;
    Ok(Found { kubeconfig, origin: origin.join(", ") })
}

/// Whether there is something to read: a file, or what a shell puts in place of `<(…)`.
fn can_be_read(path: &Path) -> bool {
    path.exists() && !path.is_dir()
}

/// The files that make it up.
fn candidates(
    flag: Option<&Path>,
    surroundings: &Surroundings,
    exists: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>> {
    if let Some(path) = flag {
        if !exists(path) {
            bail!("--kubeconfig {}: there is no such file", path.display());
        }
        return Ok(vec![path.to_owned()]);
    }
    if let Some(variable) = &surroundings.variable {
        let named: Vec<_> =
            env::split_paths(variable).filter(|path| path != Path::new("")).collect();
        let found: Vec<_> = named.iter().filter(|path| exists(path)).cloned().collect();
        // kubectl skips what is not there too, as long as something is.
        if found.is_empty() {
            bail!("$KUBECONFIG names {}, which is not there", variable.display());
        }
        return Ok(found);
    }
    let of_the_testbed = PathBuf::from(OF_THE_TESTBED);
    let at_home = surroundings.home.as_ref().map(|home| home.join(AT_HOME));
    for path in [Some(of_the_testbed), at_home].into_iter().flatten() {
        if exists(&path) {
            return Ok(vec![path]);
        }
    }
    bail!(
        "there is no kubeconfig: --kubeconfig is not given, $KUBECONFIG is not set, and neither \
         ./{OF_THE_TESTBED} nor ~/{AT_HOME} is there; `ferry testbed up` starts a cluster"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_wins_then_the_variable_then_the_testbed_then_the_home() {
        let there = ["flag", "one", "two", ".ferry/kubeconfig", "/people/me/.kube/config"];
        let all = |path: &Path| there.iter().any(|known| path == Path::new(known));
        let variable = Surroundings {
            variable: Some(OsString::from("one:missing:two")),
            home: Some(PathBuf::from("/people/me")),
        };
        let plain = Surroundings { variable: None, ..variable.clone() };
        let only_home = |path: &Path| path == Path::new("/people/me/.kube/config");
        let flag = Some(Path::new("flag"));
        let found = |flag, surroundings: &Surroundings, exists: &dyn Fn(&Path) -> bool| {
            let paths = candidates(flag, surroundings, exists).unwrap();
            paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found(flag, &variable, &all), ["flag"]);
        assert_eq!(found(None, &variable, &all), ["one", "two"]);
        assert_eq!(found(None, &plain, &all), [".ferry/kubeconfig"]);
        assert_eq!(found(None, &plain, &only_home), ["/people/me/.kube/config"]);
    }

    #[test]
    fn what_was_tried_is_told() {
        let told = |flag, variable: Option<&str>| {
            let surroundings = Surroundings { variable: variable.map(OsString::from), home: None };
            candidates(flag, &surroundings, |_| false).unwrap_err().to_string()
        };
        assert_eq!(told(Some(Path::new("x")), None), "--kubeconfig x: there is no such file");
        assert_eq!(told(None, Some("a:b")), "$KUBECONFIG names a:b, which is not there");
        let nothing = told(None, None);
        for tried in ["--kubeconfig", "$KUBECONFIG", "./.ferry/kubeconfig", "~/.kube/config"] {
            assert!(nothing.contains(tried), "{tried} in {nothing}");
        }
    }
}
