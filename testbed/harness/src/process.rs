//! A child process: started with its output in a file, killed by its own number when it is let go.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use ferry_units::Bytes;

use crate::wait::wait_until;
use rustix::process::{Pid, Signal, kill_process};

/// What Linux calls a clock tick in `/proc`, on every machine that matters: 1/100 s.
const TICK: Duration = Duration::from_millis(10);

/// How much of a log is shown when a test fails.
const SHOWN: usize = 8 << 10;

/// A process that is ours.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    name: String,
    log: PathBuf,
}

/// What a process has used and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Time on a processor, all threads together, to 10 ms.
    pub cpu: Duration,
    /// Resident memory that it shares with nobody: what it has beside the guest's.
    pub private: Bytes,
    /// Resident memory of memfds and the like: the guest's.
    pub shared: Bytes,
}

impl Process {
    /// Starts it. What it prints goes to `log`.
    pub(crate) fn start(name: &str, command: &mut Command, log: PathBuf) -> Result<Self> {
        let output = File::create(&log).with_context(|| format!("making {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("one log for both outputs")?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it has ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("asking whether a child has ended")
    }

    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        wait_until(&what, || self.ended())
    }

    /// Ends it as a crash would. Nothing happens if it has ended already.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.child.kill().context("killing a child")?;
        self.child.wait().context("waiting for a child that was killed")?;
        Ok(())
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) -> Result<()> {
        self.signal(Signal::TERM)
    }

    /// Has it stand still, as a host does that swaps or a hypervisor that is stopped itself.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Ends a [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// The number is its own as long as nobody has waited for its end, for which it takes `&mut`.
    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(Pid::from_child(&self.child), signal).context("sending a signal to a child")
    }

    /// The end of what it has printed.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let start = text.len().saturating_sub(SHOWN);
        String::from_utf8_lossy(&text[start..]).into_owned()
    }

    pub(crate) fn usage(&self) -> Result<Usage> {
        Usage::of(self.id())
    }
}

impl Usage {
    /// What the process of this number has used and has.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let proc = Path::new("/proc").join(pid.to_string());
        let stat = fs::read_to_string(proc.join("stat")).context("reading /proc/PID/stat")?;
        let status = fs::read_to_string(proc.join("status")).context("reading /proc/PID/status")?;
        let shared = field(&status, "RssShmem:")?;
        let all = field(&status, "VmRSS:")?;
        Ok(Self { cpu: cpu_time(&stat)?, private: all.saturating_sub(shared), shared })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let ended = self.child.try_wait();
        if thread::panicking() {
            eprintln!("--- {} ({ended:?}) printed:\n{}---", self.name, self.log());
        }
        if !matches!(ended, Ok(Some(_))) {
            // There is nobody to tell: it ended by itself meanwhile.
            let _killed = self.kill();
        }
    }
}

/// User and system time: the 14th and 15th of the fields, of which the second may hold spaces.
fn cpu_time(stat: &str) -> Result<Duration> {
    let (_, rest) = stat.rsplit_once(')').context("a name in /proc/PID/stat")?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u32>);
    let ticks = ticks.sum::<Result<u32, _>>().context("times in /proc/PID/stat")?;
    Ok(TICK * ticks)
}

/// A field of `/proc/PID/status`, which counts in KiB.
fn field(status: &str, name: &str) -> Result<Bytes> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.with_context(|| format!("{name} in /proc/PID/status"))?;
    Ok(Bytes::from_kib(number.parse().with_context(|| format!("{name} is a number"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_a_name_with_brackets_and_spaces() {
        let stat = "7 (CPU 0) x) S 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 3 0";
        assert_eq!(cpu_time(stat).unwrap(), Duration::from_millis(1680));
        assert!(cpu_time("7").is_err());
    }

    #[test]
    fn sizes_are_in_kib() {
        let status = "VmRSS:\t    2048 kB\nRssShmem:\t 1024 kB\n";
        assert_eq!(field(status, "RssShmem:").unwrap(), Bytes::from_mib(1));
        assert!(field(status, "VmSwap:").is_err());
    }

    #[test]
    fn a_process_is_watched_and_ended_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo out; echo err >&2; exec tail -f /dev/null"]);
        let mut process = Process::start("tail", &mut command, log).unwrap();
        wait_until("both lines", || Ok((process.log() == "out\nerr\n").then_some(()))).unwrap();
        assert!(process.ended().unwrap().is_none());
        assert!(process.usage().unwrap().private > Bytes::ZERO);
        process.kill().unwrap();
        assert!(!process.wait().unwrap().success());
    }
}
