//! An API server that is ours: started on a port of its own, killed, started again on the same data.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::api::Shell;
use crate::process::{Process, Usage};
use crate::program::Program;
use crate::wait::wait_until;

/// How to start an API server.
#[derive(Clone, Debug, Default)]
pub struct ApiServerBuilder {
    arguments: Vec<String>,
    listen: Option<String>,
}

/// An API server. It is killed when it is let go, and its data is removed.
#[derive(Debug)]
pub struct ApiServer {
    process: Process,
    builder: ApiServerBuilder,
    dir: Arc<TempDir>,
    /// How often it was started: each time has a log of its own.
    starts: u32,
}

impl ApiServerBuilder {
    /// One that listens on a free port.
    pub fn new() -> Self {
        Self::default()
    }

    /// More arguments for it.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|text| (*text).to_owned()));
        self
    }

    /// Starts it on an empty directory and waits until it serves.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(self) -> Result<ApiServer> {
        let dir = Arc::new(tempfile::tempdir().context("a directory for its data")?);
        let process = spawn(&self, dir.path(), 1)?;
        let mut server = ApiServer { process, builder: self, dir, starts: 1 };
        server.wait_until_it_serves()?;
        Ok(server)
    }
}

impl ApiServer {
    /// One without anything special, on an empty directory.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Self> {
        ApiServerBuilder::new().start()
    }

    /// Where everything of it is: its data in `data`, its kubeconfig, its logs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.dir().join("data")
    }

    /// The kubeconfig that it has written for its administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir().join("kubeconfig")
    }

    /// `https://127.0.0.1:PORT`.
    ///
    /// # Errors
    /// When its kubeconfig has no such line.
    pub fn url(&self) -> Result<String> {
        let text = fs::read_to_string(self.kubeconfig()).context("reading its kubeconfig")?;
        let line = text.lines().find_map(|line| line.trim().strip_prefix("server:"));
        Ok(line.context("a server in its kubeconfig")?.trim().trim_matches('"').to_owned())
    }

    /// A shell whose kubectl talks to it as its administrator.
    ///
    /// # Errors
    /// When there is no kubectl.
    pub fn shell(&self) -> Result<Shell> {
        Shell::new(&self.kubeconfig())
    }

    /// A shell whose kubectl talks to it as this user.
    ///
    /// # Errors
    /// When the server makes no credentials, or there is no kubectl.
    pub fn shell_of(&self, user: &str, groups: &[&str]) -> Result<Shell> {
        let path = self.dir().join("kubeconfig-of-somebody");
        let groups = groups.iter().flat_map(|group| ["--group", group]);
        let output = Command::new(Program::ferry_apiserver()?.path())
            .arg("kubeconfig")
            .arg("--data-dir")
            .arg(self.data_dir())
            .args(["--user", user])
            .args(groups)
            .arg("--output")
            .arg(&path)
            .output()
            .context("making credentials")?;
        if !output.status.success() {
            bail!("no credentials for {user}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Shell::new(&path)
    }

    /// What it has printed last.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What it has used and has.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not end.
    pub fn stop(&mut self) -> Result<ExitStatus> {
        self.process.terminate()?;
        self.process.wait()
    }

    /// Starts it again on the same data and the same port, after a [`kill`](Self::kill) or a
    /// [`stop`](Self::stop).
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&mut self) -> Result<()> {
        let url = self.url()?;
        let address = url.strip_prefix("https://").context("an https address")?;
        self.builder.listen = Some(address.to_owned());
        fs::remove_file(self.kubeconfig()).context("removing its old kubeconfig")?;
        self.starts += 1;
        self.process = spawn(&self.builder, self.dir.path(), self.starts)?;
        self.wait_until_it_serves()
    }

    /// Starts it again where it is expected to refuse, and returns what it printed.
    ///
    /// # Errors
    /// When it comes up, or ends well.
    pub fn refuses_to_start(&mut self) -> Result<String> {
        self.starts += 1;
        self.process = spawn(&self.builder, self.dir.path(), self.starts)?;
        let status = self.process.wait()?;
        if status.success() {
            bail!("it ended well:\n{}", self.log());
        }
        Ok(self.log())
    }

    /// The kubeconfig is written once it listens.
    fn wait_until_it_serves(&mut self) -> Result<()> {
        let kubeconfig = self.kubeconfig();
        let process = &mut self.process;
        wait_until("an API server that serves", || {
            if let Some(status) = process.ended()? {
                bail!("the API server ended ({status}):\n{}", process.log());
            }
            Ok(kubeconfig.is_file().then_some(()))
        })
    }
}

fn spawn(builder: &ApiServerBuilder, dir: &Path, starts: u32) -> Result<Process> {
    let program = Program::ferry_apiserver()?;
    let listen = builder.listen.as_deref().unwrap_or("127.0.0.1:0");
    let mut command = Command::new(program.path());
    command
        .arg("--data-dir")
        .arg(dir.join("data"))
        .args(["--listen", listen])
        .arg("--write-kubeconfig")
        .arg(dir.join("kubeconfig"))
        .args(&builder.arguments);
    Process::start("ferry-apiserver", &mut command, dir.join(format!("log-{starts}")))
}
