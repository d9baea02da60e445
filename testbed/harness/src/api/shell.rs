//! A shell as its user would have it: `kubectl` knows the cluster, and nothing else is known.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::program::Program;

/// A shell with a home directory of its own, so that no cache outlives the cluster that it is of.
#[derive(Debug)]
pub struct Shell {
    home: TempDir,
    kubeconfig: PathBuf,
}

/// What a script has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
}

/// The kubectls that this machine has, oldest first: the one on the path, and others that lie beside
/// it as `kubectl.1.27` and the like. The version is that of the file's name, or empty.
pub fn kubectls() -> Vec<(String, Program)> {
    let Some(kubectl) = Program::installed("kubectl") else { return Vec::new() };
    let beside = fs::canonicalize(kubectl.path()).ok();
    let dir = beside.as_deref().and_then(Path::parent).map(fs::read_dir);
    let mut found: Vec<(u32, String, Program)> = Vec::new();
    if let Some(Ok(entries)) = dir {
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let version = name.strip_prefix("kubectl.1.").map(str::to_owned);
            if let Some(version) = version
                && let Ok(minor) = version.parse()
            {
                found.push((minor, format!("1.{version}"), Program::at(path)));
            }
        }
    }
    found.sort_by_key(|(minor, ..)| *minor);
    if found.is_empty() {
        return vec![(String::new(), kubectl)];
    }
    found.into_iter().map(|(_, version, program)| (version, program)).collect()
}

impl Shell {
    /// A shell whose kubectl is the machine's own and uses `kubeconfig`.
    ///
    /// # Errors
    /// When the machine has no kubectl.
    pub fn new(kubeconfig: &Path) -> Result<Self> {
        let kubectl = Program::installed("kubectl").context("kubectl on the path")?;
        Self::with(kubeconfig, &kubectl)
    }

    /// A shell whose kubectl is this one.
    ///
    /// # Errors
    /// When there can be no home directory.
    pub fn with(kubeconfig: &Path, kubectl: &Program) -> Result<Self> {
        let home = tempfile::tempdir().context("a home directory")?;
        let bin = home.path().join("bin");
        fs::create_dir(&bin).context("a directory for kubectl")?;
        let target = fs::canonicalize(kubectl.path()).context("finding kubectl")?;
        symlink(target, bin.join("kubectl")).context("linking kubectl")?;
        Ok(Self { home, kubeconfig: kubeconfig.to_owned() })
    }

    /// Its home and working directory.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file into its working directory.
    ///
    /// # Errors
    /// When that fails.
    pub fn file(&self, name: &str, text: &str) -> Result<()> {
        fs::write(self.home().join(name), text).with_context(|| format!("writing {name}"))
    }

    /// Runs a script and says how it went, well or badly.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn run(&self, script: &str) -> Result<Output> {
        self.run_with(script, "")
    }

    /// The same with something to read from standard input.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn run_with(&self, script: &str, input: &str) -> Result<Output> {
        let mut child = self.command(script).stdin(Stdio::piped()).spawn().context("a shell")?;
        let mut stdin = child.stdin.take().context("its standard input")?;
        // A script that reads nothing may have ended by now.
        let _written = stdin.write_all(input.as_bytes());
        drop(stdin);
        output(child)
    }

    /// Runs a script that has to succeed, and returns what it printed.
    ///
    /// # Errors
    /// With all it said, when it fails.
    pub fn ok(&self, script: &str) -> Result<String> {
        self.ok_with(script, "")
    }

    /// The same with something to read from standard input.
    ///
    /// # Errors
    /// With all it said, when it fails.
    pub fn ok_with(&self, script: &str, input: &str) -> Result<String> {
        let Output { stdout, stderr, code } = self.run_with(script, input)?;
        if code != 0 {
            bail!("`{script}` ended with {code}:\n{stderr}{stdout}");
        }
        Ok(stdout)
    }

    /// Runs a script that has to fail, and returns what it complained.
    ///
    /// # Errors
    /// With what it printed, when it succeeds.
    pub fn fails(&self, script: &str) -> Result<String> {
        self.fails_with(script, "")
    }

    /// The same with something to read from standard input.
    ///
    /// # Errors
    /// With what it printed, when it succeeds.
    pub fn fails_with(&self, script: &str, input: &str) -> Result<String> {
        let Output { stdout, stderr, code } = self.run_with(script, input)?;
        if code == 0 {
            bail!("`{script}` succeeded:\n{stderr}{stdout}");
        }
        Ok(stderr)
    }

    /// Starts a script that goes on beside the test, such as a watch.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn spawn(&self, script: &str) -> Result<Child> {
        self.command(script).stdin(Stdio::null()).spawn().context("a shell")
    }

    fn command(&self, script: &str) -> Command {
        let mut path = OsString::from(self.home().join("bin"));
        if let Some(rest) = env::var_os("PATH") {
            path.push(":");
            path.push(rest);
        }
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.home())
            .env("HOME", self.home())
            .env("KUBECONFIG", &self.kubeconfig)
            .env("PATH", path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

/// Waits for the end of a script that was [spawned](Shell::spawn) or run.
fn output(child: Child) -> Result<Output> {
    let output = child.wait_with_output().context("waiting for a script")?;
    Ok(Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        code: output.status.code().unwrap_or(-1),
    })
}
