//! A guest's process, which belongs to nobody: it survives the daemon that started it.
//!
//! It is known by its number and by when it was started, so a number that Linux has given away again
//! is never mistaken for it; and it is found by the directory that it works in.

use std::fs;
use std::io;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// What Linux appends to the name of a directory that is gone.
const DELETED: &[u8] = b" (deleted)";

/// A process that was there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProcessId {
    /// Its number.
    pub(super) pid: u32,
    /// When it was started, in clock ticks since this machine was.
    pub(super) started: u64,
}

impl ProcessId {
    /// The process of that number, if it is there and has not ended.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        started(&stat).map(|started| Self { pid, started })
    }

    /// The process that works in a directory with these words on its command line. It is the one that
    /// a daemon has started that could not note its number any more.
    pub(super) fn working_in(dir: &Path, words: &str) -> Option<Self> {
        Self::working(words, |cwd| cwd == dir).next()
    }

    /// The processes with these words on their command lines that work in a directory below `root`
    /// which was removed.
    pub(super) fn homeless(root: &Path, words: &str) -> impl Iterator<Item = Self> {
        Self::working(words, move |cwd| {
            cwd.starts_with(root) && cwd.as_os_str().as_encoded_bytes().ends_with(DELETED)
        })
    }

    fn working(words: &str, is_it: impl Fn(&Path) -> bool) -> impl Iterator<Item = Self> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(move |pid: u32| {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd")).ok()?;
            let process = Self::of(pid).filter(|_| is_it(&cwd))?;
            process.command_line().iter().any(|word| begins(word, words)).then_some(process)
        })
    }

    /// Its command line; nothing where it is gone.
    pub(super) fn command_line(self) -> Vec<String> {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let words = line.split(|byte| *byte == 0);
        words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
    }

    /// Whether it is still there. What has ended and waits for its parent to notice is not.
    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Ends it, if it is still there.
    ///
    /// # Errors
    /// When Linux does not let us.
    pub(super) fn kill(self) -> io::Result<()> {
        let Ok(pid) = i32::try_from(self.pid) else { return Ok(()) };
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(pid), Signal::SIGKILL) {
            // It has ended meanwhile.
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether a word of a command line is this one, or this one with settings behind it.
fn begins(word: &str, with: &str) -> bool {
    word.strip_prefix(with).is_some_and(|rest| rest.is_empty() || rest.starts_with(','))
}

/// When a process was started of which Linux says `stat`; `None` if it has ended. The second field is
/// a name that may hold anything, the third its state, the 20th how many threads it has, and the 22nd
/// the time.
fn started(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let threads: u32 = fields.nth(16)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    // A first thread that has ended is all that is left, or others go on without it for a moment.
    let has_ended = matches!(state, "Z" | "X") && threads <= 1;
    (!has_ended).then_some(started)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn the_time_stands_behind_a_name_with_brackets_and_spaces() {
        let stat = |state, threads| {
            format!(
                "7 (CPU 0) x) {state} 1 7 7 0 -1 4194560 9 0 0 0 123 45 0 0 20 0 {threads} 0 9876 1 2"
            )
        };
        for (state, threads, expected) in [
            ("S", 3, Some(9876)),
            ("T", 1, Some(9876)),
            ("Z", 2, Some(9876)),
            ("Z", 1, None),
            ("Z", 0, None),
            ("X", 0, None),
        ] {
            assert_eq!(started(&stat(state, threads)), expected, "{state} {threads}");
        }
        assert_eq!(started("7 (x) S 1"), None);
        assert_eq!(started(""), None);
    }

    #[test]
    fn a_process_is_found_by_its_directory_and_ended_by_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        let mut child = Command::new("sleep")
            .arg("1234")
            .current_dir(&path)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        assert_eq!(ProcessId::working_in(&path, "12345"), None);
        let found = ProcessId::working_in(&path, "1234").unwrap();
        assert_eq!(found.pid, child.id());
        assert!(found.is_alive());

        assert_eq!(ProcessId::homeless(&path, "1234").next(), None);
        drop(dir);
        assert_eq!(ProcessId::homeless(path.parent().unwrap(), "1234").next(), Some(found));
        assert_eq!(ProcessId::working_in(&path, "1234"), None);

        let another = ProcessId { started: found.started + 1, ..found };
        another.kill().unwrap();
        assert!(!another.is_alive());
        assert!(child.try_wait().unwrap().is_none(), "another process was meant");

        found.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        assert!(!found.is_alive());
        found.kill().unwrap();
    }
}
