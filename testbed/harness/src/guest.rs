//! A guest process and a QMP client to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};
use ferry_qmp::words::{
    FerryVerify, FerryWorkload, RunState, VerifyReport, Workload, WorkloadInfo,
};
use ferry_qmp::{QueryStatus, Quit};
use tempfile::TempDir;

use crate::builder::GuestBuilder;
use crate::process::{Process, Usage};
use crate::program::Program;
use crate::qmp::{Qmp, RawQmp};
use crate::wait::wait_until;

/// A guest process with a directory of its own. Both end with this value.
#[derive(Debug)]
pub struct Guest {
    // Before the directory, so that the process ends first.
    process: Process,
    qmp: Qmp,
    dir: TempDir,
}

impl Guest {
    /// Starts ferry's guest, and waits until it can be told what to do and, if it fills its memory
    /// first, until it has.
    ///
    /// # Errors
    /// When it cannot be built or ends at once; what it printed is said.
    pub fn start(builder: &GuestBuilder) -> Result<Self> {
        Self::start_program(&Program::ferry_guest()?, builder)
    }

    /// The same with another program that takes the same arguments.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_program(program: &Program, builder: &GuestBuilder) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("ferry-").tempdir().context("a directory")?;
        let mut command = Command::new(program.path());
        command.args(builder.arguments(dir.path()));
        let role = if builder.incoming.is_some() { "destination" } else { "guest" };
        let name = format!("{role} {}", builder.name);
        let guest = Self::spawn(&name, &mut command, dir)?;
        if builder.boots() {
            guest.wait_console("booted")?;
        }
        Ok(guest)
    }

    /// Waits until the guest has said a line with `text` on its console.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_console(&self, text: &str) -> Result<()> {
        let console = self.dir().join("serial.log");
        wait_until(&format!("{text:?} on the console"), || {
            // It may not be there yet.
            let said = fs::read_to_string(&console).unwrap_or_default();
            Ok(said.lines().any(|line| line.contains(text)).then_some(()))
        })
    }

    /// Starts any machine whose QMP socket will be `qmp` in `dir`.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn spawn(name: &str, command: &mut Command, dir: TempDir) -> Result<Self> {
        let mut process = Process::start(name, command, dir.path().join("log"))?;
        let socket = dir.path().join("qmp");
        let qmp = wait_until("a QMP socket", || {
            if let Some(status) = process.ended()? {
                bail!("{name} ended at once with {status}:\n{}", process.log());
            }
            Ok(Qmp::connect(&socket).ok())
        })?;
        Ok(Self { process, qmp, dir })
    }

    /// The first client, which hears every event from the start.
    pub fn qmp(&self) -> &Qmp {
        &self.qmp
    }

    /// One more client.
    ///
    /// # Errors
    /// When there is no guest any more.
    pub fn connect(&self) -> Result<Qmp> {
        Qmp::connect(&self.socket())
    }

    /// One more client that speaks bytes.
    ///
    /// # Errors
    /// When there is no guest any more.
    pub fn connect_raw(&self) -> Result<RawQmp> {
        RawQmp::connect(&self.socket())
    }

    /// Where its QMP socket is.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("qmp")
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has printed lately.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// What it has used and has.
    ///
    /// # Errors
    /// When it is gone.
    pub fn usage(&self) -> Result<Usage> {
        self.process.usage()
    }

    /// Whether its vCPUs run, or why not.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn run_state(&self) -> Result<RunState> {
        Ok(self.qmp.execute(&QueryStatus)?.status)
    }

    /// What it works on, and how that goes.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn workload(&self) -> Result<WorkloadInfo> {
        Ok(self.qmp.execute(&FerryWorkload::default())?)
    }

    /// Gives it something else to work on.
    ///
    /// # Errors
    /// When it refuses.
    pub fn set_workload(&self, workload: Workload) -> Result<()> {
        self.qmp.execute(&FerryWorkload { workload: Some(workload) })?;
        Ok(())
    }

    /// Waits until the guest has written this much more than when this was called: it really runs.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_progress(&self) -> Result<()> {
        let before = self.workload()?.written;
        wait_until("the guest writes", || Ok((self.workload()?.written > before).then_some(())))
    }

    /// Checks every page and block.
    ///
    /// # Errors
    /// When one of them is wrong, and which.
    pub fn verify(&self) -> Result<VerifyReport> {
        let report = self.qmp.execute(&FerryVerify::default())?;
        if report.wrong > 0 {
            bail!("{} pages or blocks are wrong: {:?}", report.wrong, report.faults);
        }
        Ok(report)
    }

    /// Ends it as a crash would.
    ///
    /// # Errors
    /// When the system does not let us.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Has its process stand still, until it is let go on by [`thaw`](Self::thaw).
    ///
    /// # Errors
    /// When the system does not let us, for instance because it has ended.
    pub fn freeze(&self) -> Result<()> {
        self.process.freeze()
    }

    /// Lets its process go on.
    ///
    /// # Errors
    /// As for [`freeze`](Self::freeze).
    pub fn thaw(&self) -> Result<()> {
        self.process.thaw()
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not, or not well.
    pub fn quit(mut self) -> Result<()> {
        self.qmp.execute(&Quit)?;
        let status = self.wait_exit()?;
        if !status.success() {
            bail!("it ended with {status}:\n{}", self.log());
        }
        Ok(())
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait_exit(&mut self) -> Result<ExitStatus> {
        self.process.wait()
    }

    /// Whether its process is still there.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self.process.ended()?.is_none())
    }
}
