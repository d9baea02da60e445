//! The controller as a child of the test.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};
use ferry_harness::wait_until;

/// A controller. It is killed when it is let go.
pub(crate) struct Controller {
    child: Child,
    dir: PathBuf,
    log: PathBuf,
}

impl Controller {
    /// Starts one with its files in `dir`. `number` tells its log from those of earlier starts.
    pub(crate) fn start(dir: &Path, number: u32, arguments: &[&str]) -> Result<Self> {
        let log = dir.join(format!("controller-{number}.log"));
        let output = File::create(&log).context("its log")?;
        // What an earlier one has written is not the address of this one.
        let _was_there = fs::remove_file(dir.join("status-address"));
        let child = Command::new(env!("CARGO_BIN_EXE_ferry-controller"))
            .arg("--kubeconfig")
            .arg(dir.join("kubeconfig-of-system:ferry:controller"))
            .arg("--status-address-file")
            .arg(dir.join("status-address"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .context("starting the controller")?;
        Ok(Self { child, dir: dir.to_owned(), log })
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its answer to a request for that page, code and text.
    pub(crate) fn page(&self, path: &str) -> Result<(u16, String)> {
        let address = wait_until("the address of its status", || {
            Ok(fs::read_to_string(self.dir.join("status-address")).ok())
        })?;
        let mut stream = TcpStream::connect(address.trim()).context("its status port")?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        Ok((code.context("a status line")?, body.context("a body")?))
    }

    /// Waits until it does its work.
    pub(crate) fn wait_ready(&self) -> Result<()> {
        wait_until("a controller that is ready", || {
            Ok((self.page("/readyz")?.0 == 200).then_some(()))
        })
    }

    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    pub(crate) fn stop(&mut self) -> Result<ExitStatus> {
        let id = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &id]).status()?;
        if !asked.success() {
            bail!("it cannot be asked to end");
        }
        wait_until("the end of the controller", || Ok(self.child.try_wait()?))
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.kill();
        if std::thread::panicking() {
            println!("{}", self.log());
        }
    }
}
