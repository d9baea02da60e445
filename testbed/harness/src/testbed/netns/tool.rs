//! The programs of iproute2, which do what is done to interfaces, namespaces and queues.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::names::Names;
use crate::program::Program;
use crate::testbed::census;
use crate::wait::wait_until;

/// Where they are on systems that keep them from the paths of users.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

/// The variable that says which testbed one works for.
const MARK: &str = "FERRY_TESTBED_TOOL";

/// One of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tool(&'static str);

impl Tool {
    /// Interfaces, addresses, namespaces.
    pub(super) const IP: Self = Self("ip");
    /// Queues.
    pub(super) const TC: Self = Self("tc");
    /// Sockets.
    pub(super) const SS: Self = Self("ss");

    /// Where it is.
    pub(super) fn path(self) -> Result<PathBuf> {
        let name = self.0;
        let on_path = Program::installed(name).map(|program| program.path().to_owned());
        let in_system = || SYSTEM.map(|dir| Path::new(dir).join(name));
        let found = on_path.or_else(|| in_system().into_iter().find(|path| path.is_file()));
        found.with_context(|| {
            format!(
                "`{name}` is not installed, which namespaces are made with; it is in Debian's package \
                 iproute2"
            )
        })
    }

    /// Runs it, and returns what it printed.
    pub(super) fn run(self, arguments: &[&str]) -> Result<String> {
        self.feed(&mut Command::new(self.path()?), arguments, &[])
    }

    /// Runs it in a namespace, and returns what it says in JSON.
    pub(super) fn ask(self, namespace: &str, arguments: &[&str]) -> Result<Value> {
        let text = self.run(&[&["-n", namespace, "-j"], arguments].concat())?;
        // Nothing is no text at all.
        let text = if text.trim().is_empty() { "[]" } else { &text };
        serde_json::from_str(text).with_context(|| format!("what `{}` has printed", self.0))
    }

    /// Has it do all of these for a testbed, one after the other, in a namespace or in this machine's
    /// own. It goes on when this process is killed, and is found then by its mark. One that this
    /// process could not tell anything any more does nothing.
    pub(super) fn batch(
        self,
        names: &Names,
        namespace: Option<&str>,
        lines: &[String],
    ) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let within = namespace.map(|name| ["-n", name]);
        let mut arguments: Vec<&str> = within.iter().flatten().copied().collect();
        arguments.extend(["-batch", "-"]);
        let mut command = Command::new(self.path()?);
        self.feed(command.env(MARK, names.switch()), &arguments, lines).map(drop)
    }

    fn feed(self, command: &mut Command, arguments: &[&str], lines: &[String]) -> Result<String> {
        let failed = || format!("starting {}", self.0);
        let mut child = command
            .args(arguments)
            // What it complains of is read.
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(failed)?;
        if let Some(mut input) = child.stdin.take() {
            let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
            // One that ends early says itself why.
            let _written = input.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().with_context(failed)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().replace('\n', "; ");
        // The number of the line that went wrong comes last: "Command failed -:2".
        let number = said.rsplit_once("-:").and_then(|(_, number)| number.parse::<usize>().ok());
        let line = number.and_then(|number| lines.get(number.checked_sub(1)?));
        let what = line.map_or_else(|| arguments.join(" "), Clone::clone);
        bail!("{} {what}: {said}", self.0)
    }
}

/// Waits until nobody works for a testbed any more whom one has left behind that was killed.
pub(super) fn wait_until_idle(names: &Names) -> Result<()> {
    wait_until("the end of what an earlier `testbed up` has begun", || {
        Ok((!is_busy(names)?).then_some(()))
    })
}

fn is_busy(names: &Names) -> Result<bool> {
    let mark = format!("{MARK}={}", names.switch());
    let is_marked = |pid| {
        census::environment(pid).split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
    };
    let processes = fs::read_dir("/proc").context("reading /proc")?.flatten();
    let mut numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers.any(is_marked))
}

/// Says which of them is not installed, if one is not.
pub(super) fn check_installed() -> Result<()> {
    for tool in [Tool::IP, Tool::TC, Tool::SS] {
        tool.path()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;

    #[test]
    fn what_went_wrong_is_said_in_one_line() {
        if check_installed().is_err() {
            eprintln!("skipped: what_went_wrong_is_said_in_one_line, for want of iproute2");
            return;
        }
        let temporary = tempfile::tempdir().unwrap();
        let names = Names::of(&Dir::make(temporary.path()).unwrap());
        let lines = ["link show dev lo".to_owned(), "link show dev no-such".to_owned()];
        let error = Tool::IP.batch(&names, None, &lines).unwrap_err().to_string();
        assert!(
            error.starts_with("ip link show dev no-such: ") && !error.contains('\n'),
            "{error}"
        );
        let error = Tool::IP.run(&["link", "show", "dev", "no-such"]).unwrap_err().to_string();
        assert!(error.starts_with("ip link show dev no-such: "), "{error}");
    }

    #[test]
    fn whoever_works_for_a_testbed_is_found_by_a_mark() {
        let temporary = tempfile::tempdir().unwrap();
        let names = Names::of(&Dir::make(temporary.path()).unwrap());
        let mut command = Command::new("cat");
        let mut worker = command.env(MARK, names.switch()).stdin(Stdio::piped()).spawn().unwrap();
        assert!(is_busy(&names).unwrap());
        drop(worker.stdin.take());
        worker.wait().unwrap();
        wait_until_idle(&names).unwrap();
    }
}
