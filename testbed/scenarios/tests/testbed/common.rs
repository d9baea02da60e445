//! A testbed's directory, and the command line that is told of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use ferry_harness::{Dir, Output, Programs, census};
use serde_json::Value;
use tempfile::TempDir;

/// A directory for a testbed, which is down when this is let go.
pub(crate) struct Place {
    dir: TempDir,
    programs: Programs,
}

impl Place {
    /// An empty one.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { dir: tempfile::tempdir()?, programs: Programs::built()? })
    }

    /// The testbed's directory in it.
    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("testbed")
    }

    /// A file beside it.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Runs `ferry testbed` on it.
    pub(crate) fn testbed(&self, arguments: &[&str]) -> Result<Output> {
        let mut all = vec!["testbed"];
        all.extend(arguments);
        let path = self.path();
        let path = path.to_str().context("a path of letters")?;
        all.extend(["--dir", path]);
        run(Command::new(self.programs.ferry()).args(all))
    }

    /// The same, which has to go well; returns what it printed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Result<String> {
        let Output { stdout, stderr, code } = self.testbed(arguments)?;
        if code != 0 {
            bail!("ferry testbed {arguments:?} ended with {code}:\n{stderr}{stdout}");
        }
        Ok(stdout)
    }

    /// The same, which has to end with this exit code; returns what it complained.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> Result<String> {
        let output = self.testbed(arguments)?;
        if output.code != code {
            bail!("ferry testbed {arguments:?} did not end with {code}: {output:?}");
        }
        Ok(output.stderr)
    }

    /// What `status` says.
    pub(crate) fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.ok(&["status", "-o", "json"])?)?)
    }

    /// Runs kubectl as the administrator, which has to go well.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let kubeconfig = self.path().join("kubeconfig");
        let output = run(Command::new("kubectl").args(arguments).env("KUBECONFIG", kubeconfig))?;
        if output.code != 0 {
            bail!("kubectl {arguments:?}: {}", output.stderr);
        }
        Ok(output.stdout)
    }

    /// The numbers of all its processes.
    pub(crate) fn pids(&self) -> Result<Vec<i32>> {
        pids(&self.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = ferry_harness::down(&self.path()) {
            eprintln!("the testbed does not end: {error:#}");
        }
    }
}

/// The numbers of all processes of the testbed in a directory.
pub(crate) fn pids(path: &Path) -> Result<Vec<i32>> {
    let Some(dir) = Dir::find(path)? else { return Ok(Vec::new()) };
    Ok(census(&dir)?.into_iter().map(|member| member.id.pid).collect())
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Result<Output> {
    let output = command.output().context("starting a command")?;
    Ok(Output {
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
        code: output.status.code().unwrap_or(-1),
    })
}
