//! Which processes there are of a testbed, as the kernel tells it.
//!
//! Each daemon is started with two variables in its environment: which testbed it is of, and what it
//! is there. Whatever it starts inherits them, guests too. So nothing has to be written down when a
//! process begins and nothing is out of date when one was killed: the processes of a testbed are
//! those that say so. A number is never enough to kill a process: it may be another's by then, who
//! began at another time.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;

use super::{Dir, Role};
use crate::wait::wait_until;

/// The variable that says which testbed a process is of: its directory.
pub(crate) const OF_TESTBED: &str = "FERRY_TESTBED";

/// The variable that says what its daemon is there.
pub(crate) const IN_ROLE: &str = "FERRY_TESTBED_ROLE";

/// A process, and no other that has its number later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it began, in clock ticks since the machine did.
    pub start_time: u64,
}

/// A process of a testbed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which process.
    pub id: ProcessId,
    /// What it is.
    pub what: What,
}

/// What a process of a testbed is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A daemon that the testbed has started.
    Daemon(Role),
    /// What a node's daemon has started: a guest.
    Guest {
        /// The node that it is on.
        node: Role,
        /// What its node has written down of it, if anything.
        guest: Option<GuestName>,
    },
}

/// Which guest a process is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GuestName {
    /// The namespace of its machine.
    pub namespace: String,
    /// The name of its machine.
    pub name: String,
    /// The uid of its pod: a machine that moves has two of them.
    pub pod: String,
}

impl ProcessId {
    /// The process that has this number now.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self { pid, start_time: start_of_what_runs(&stat)? })
    }

    /// Whether it is still there.
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends it a signal. Whoever is gone gets none, nor does whoever has its number now.
    pub(crate) fn signal(self, signal: Signal) -> Result<()> {
        let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.is_alive()) else { return Ok(()) };
        match kill_process(pid, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("a signal to process {}", self.pid)),
        }
    }
}

/// Every process of the testbed in `dir`.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn census(dir: &Dir) -> Result<Vec<Member>> {
    let mut members = Vec::new();
    let guests = journalled(dir);
    for entry in fs::read_dir("/proc").context("reading /proc")? {
        let name = entry.context("reading /proc")?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        // Others' processes cannot be read, and some end meanwhile: neither is ours.
        let Some(role) = role_of(pid, dir.path()) else { continue };
        let Some(id) = ProcessId::of(pid) else { continue };
        let known = guests.iter().find(|(known, _)| *known == id);
        let is_daemon = known.is_none() && runs(pid).as_deref() == Some(role.program());
        let what = if is_daemon {
            What::Daemon(role)
        } else {
            What::Guest { node: role, guest: known.map(|(_, what)| what.1.clone()) }
        };
        members.push(Member { id, what });
    }
    let found: BTreeSet<_> = members.iter().map(|member| member.id).collect();
    // A guest whose environment was changed is still written down by its node.
    for (id, (node, guest)) in guests.into_iter().filter(|(id, _)| !found.contains(id)) {
        if id.is_alive() {
            let what = What::Guest { node: Role::Node(node), guest: Some(guest) };
            members.push(Member { id, what });
        }
    }
    members.sort_by(|a, b| a.what.cmp(&b.what).then(a.id.cmp(&b.id)));
    Ok(members)
}

/// What the nodes have written down of their guests: which process, on which node, which guest.
fn journalled(dir: &Dir) -> Vec<(ProcessId, (String, GuestName))> {
    #[derive(Deserialize)]
    struct Journal {
        spec: Spec,
        process: Option<Process>,
    }
    #[derive(Deserialize)]
    struct Spec {
        namespace: String,
        name: String,
    }
    #[derive(Deserialize)]
    struct Process {
        pid: i32,
        started: u64,
    }
    let mut found = Vec::new();
    for node in names(&dir.path().join("nodes")) {
        let guests = dir.node(&node).join("guests");
        for pod in names(&guests) {
            let text = fs::read(guests.join(&pod).join("guest.json")).unwrap_or_default();
            // One that has not begun yet has no process.
            let Ok(Journal { spec, process: Some(process) }) = serde_json::from_slice(&text) else {
                continue;
            };
            let id = ProcessId { pid: process.pid, start_time: process.started };
            let guest = GuestName { namespace: spec.namespace, name: spec.name, pod };
            found.push((id, (node.clone(), guest)));
        }
    }
    found
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// What a process is in the testbed at `path`, if it is of that.
fn role_of(pid: i32, path: &Path) -> Option<Role> {
    let environment = environment(pid);
    let value = |name: &str| {
        let mut entries = environment.split(|byte| *byte == 0);
        entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    };
    if value(OF_TESTBED)? != path.as_os_str().as_bytes() {
        return None;
    }
    std::str::from_utf8(value(IN_ROLE)?).ok()?.parse().ok()
}

/// The environment that a process was started with, its entries ended by zeros; nothing if it is gone
/// or somebody else's. A process that has just been started shows none for a moment, which is waited
/// for: nobody is overlooked who was there before this was asked.
pub(crate) fn environment(pid: i32) -> Vec<u8> {
    let read = || read(pid, "environ").unwrap_or_default();
    let found = read();
    if !found.is_empty() {
        return found;
    }
    wait_until("the environment of a process that begins", || {
        // In this order: it may come in between.
        let begins = begins(pid);
        let found = read();
        Ok((!found.is_empty() || !begins).then_some(found))
    })
    .unwrap_or_default()
}

/// Whether a process has its program already, and its arguments and environment not yet: execve(2)
/// goes to the new memory first. Threads of the kernel never have any of these.
fn begins(pid: i32) -> bool {
    let has_program = fs::read_link(format!("/proc/{pid}/exe")).is_ok();
    let stat = read(pid, "stat").unwrap_or_default();
    has_program && end_of_environment(&String::from_utf8_lossy(&stat)) == Some(0)
}

/// The name of the program that a process runs, as it was called, or is about to run within a network
/// namespace: `ip netns exec NAMESPACE PROGRAM`.
fn runs(pid: i32) -> Option<String> {
    let line = read(pid, "cmdline").ok()?;
    let words: Vec<_> = line.split(|byte| *byte == 0).collect();
    let ([_, b"netns", b"exec", _, program, ..] | [program, ..]) = words.as_slice() else {
        return None;
    };
    let path = PathBuf::from(OsStr::from_bytes(program));
    Some(path.file_name()?.to_str()?.to_owned())
}

fn read(pid: i32, what: &str) -> io::Result<Vec<u8>> {
    fs::read(format!("/proc/{pid}/{what}"))
}

/// The 51st field of `stat`: where the environment ends in memory.
fn end_of_environment(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(48)?.parse().ok()
}

/// When a process began that has not ended: the 22nd of the fields, of which the second may hold
/// spaces. The 3rd is the state of its first thread. Where that has ended and others have not, which
/// may be so for a moment after a `SIGKILL`, they still hold its files and what is locked by them; the
/// 20th is how many there are.
fn start_of_what_runs(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let begun = fields.nth(1)?.parse().ok()?;
    match state {
        "X" => None,
        // Nobody has waited for it.
        "Z" if threads <= 1 => None,
        _ => Some(begun),
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_runs_is_told_behind_a_name_with_brackets_and_spaces() {
        for (state, threads, start) in [
            ('S', 3, Some(5544)),
            ('R', 1, Some(5544)),
            ('Z', 1, None),
            ('Z', 0, None),
            // The first thread has ended, and another one has not yet.
            ('Z', 2, Some(5544)),
            ('X', 0, None),
        ] {
            let stat = format!(
                "7 (CPU 0) x) {state} 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 {threads} 0 5544 1"
            );
            assert_eq!(start_of_what_runs(&stat), start, "{stat}");
        }
        assert_eq!(start_of_what_runs("7"), None);
    }

    #[test]
    fn where_the_environment_ends_is_told_by_stat() {
        let stat = "3321 (cat) S 3304 3321 3304 34816 3321 4194304 107 0 1 0 0 0 0 0 20 0 1 0 905 \
                    5836800 456 18446744073709551615 1 2 3 0 0 0 0 0 0 1 0 0 17 0 0 0 0 0 0 4 5 6 7 \
                    8 9 77 0";
        assert_eq!(end_of_environment(stat), Some(77));
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(end_of_environment(&own).unwrap() > 0);
        assert_eq!(end_of_environment("7"), None);
    }

    /// The kernel shows it late, if only now and then.
    #[test]
    fn a_process_has_its_environment_as_soon_as_it_was_started() {
        for _ in 0..300 {
            let mut command = Command::new("cat");
            let mut child = command.env("MARK", "x").stdin(Stdio::piped()).spawn().unwrap();
            let found = environment(i32::try_from(child.id()).unwrap());
            assert!(found.split(|byte| *byte == 0).any(|entry| entry == b"MARK=x"));
            // Which ends it.
            drop(child.stdin.take());
            child.wait().unwrap();
        }
        let mut bare = Command::new("cat").env_clear().stdin(Stdio::piped()).spawn().unwrap();
        assert!(environment(i32::try_from(bare.id()).unwrap()).is_empty(), "one that has none");
        drop(bare.stdin.take());
        bare.wait().unwrap();
    }

    #[test]
    fn members_are_those_that_say_so() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(temporary.path()).unwrap();
        let other = tempfile::tempdir().unwrap();
        let sleeper = |of: &Path| {
            Command::new("tail")
                .args(["-f", "/dev/null"])
                .env(OF_TESTBED, of)
                .env(IN_ROLE, "node-1")
                .spawn()
                .unwrap()
        };
        let (mut ours, mut others) = (sleeper(dir.path()), sleeper(other.path()));
        let members = census(&dir).unwrap();
        assert_eq!(members.len(), 1);
        let member = &members[0];
        assert_eq!(member.id.pid, i32::try_from(ours.id()).unwrap());
        let node = Role::Node("node-1".to_owned());
        assert_eq!(member.what, What::Guest { node: node.clone(), guest: None });

        let guest = dir.node("node-1").join("guests/uid-1");
        fs::create_dir_all(&guest).unwrap();
        let journal = serde_json::json!({
            "spec": { "namespace": "red", "name": "web" },
            "process": { "pid": member.id.pid, "started": member.id.start_time },
        });
        fs::write(guest.join("guest.json"), journal.to_string()).unwrap();
        let [namespace, name, pod] = ["red", "web", "uid-1"].map(str::to_owned);
        let what = What::Guest { node, guest: Some(GuestName { namespace, name, pod }) };
        assert_eq!(census(&dir).unwrap()[0].what, what);

        let not_it = ProcessId { start_time: member.id.start_time + 1, ..member.id };
        assert!(!not_it.is_alive());
        not_it.signal(Signal::KILL).unwrap();
        assert!(member.id.is_alive(), "another process was killed");
        member.id.signal(Signal::KILL).unwrap();
        wait_until("its end", || Ok((!member.id.is_alive()).then_some(()))).unwrap();
        assert!(census(&dir).unwrap().is_empty(), "one that nobody has waited for counts");
        member.id.signal(Signal::KILL).unwrap();
        ours.wait().unwrap();
        others.kill().unwrap();
        others.wait().unwrap();
    }
}
