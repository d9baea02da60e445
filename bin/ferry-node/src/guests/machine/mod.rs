//! The one place that knows which program a guest is: how ferry-guest is started, reached, told how
//! to migrate, and what it leaves behind. Another machine that speaks QMP fits behind the same words.

mod disks;
mod found;
mod statistics;
mod transfer;
mod workload;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use ferry_reconcile::guest::GuestSpec;
use ferry_units::Bytes;
use tokio::process::{Child, Command};

use super::journal::Origin;
use super::qmp::{Qmp, QmpError};

pub(super) use disks::Places;
pub(super) use found::found;
pub(super) use statistics::{blackout, passes, progress, resumed_at};
pub(super) use transfer::{Link, listen_uri, prepare_source, prepare_target};

/// The QMP socket in a guest's directory. Its path as a whole can be longer than an address of a
/// socket may be, so it is always named from within.
const SOCKET: &str = "qmp.sock";

/// How a guest's command line names it, and none of any other process that works in its directory.
pub(super) const SOCKET_WORDS: &str = "unix:qmp.sock";

/// What a guest has printed on its console.
const SERIAL: &str = "serial.log";

/// What its program has printed.
const LOG: &str = "log";

/// What a guest that has arrived says on its console before it executes anything.
const ARRIVED: &str = "] goes on here";

/// The end of a log that is looked at for why a program has ended.
const LAST_WORDS: usize = 2 << 10;

/// Memory and disks consist of pages.
const PAGE: u64 = 4 << 10;

/// ferry-guest.
#[derive(Debug)]
pub(super) struct Machine {
    program: PathBuf,
    places: Places,
}

impl Machine {
    pub(super) fn new(program: PathBuf, places: Places) -> Self {
        Self { program, places }
    }

    /// Where disks are.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Starts a guest's process, in the guest's directory and a session of its own.
    ///
    /// # Errors
    /// Why it cannot be started, in a sentence.
    pub(super) fn start(
        &self,
        spec: &GuestSpec,
        origin: Origin,
        dir: &Path,
    ) -> Result<Child, String> {
        let mut command = Command::new(&self.program);
        command
            .current_dir(dir)
            .stdin(Stdio::null())
            .args(["--new-session", "--qmp", SOCKET_WORDS, "--serial", SERIAL])
            .args(["--name", &format!("{}_{}", spec.namespace, spec.name)])
            .args(["--uuid", &spec.uuid])
            .args(["--memory", &whole_pages(spec.memory).to_string()])
            .args(["--cpus", &spec.vcpus.to_string()]);
        for disk in &spec.disks {
            command.arg("--disk").arg(self.places.disk(disk, dir)?);
        }
        match origin {
            Origin::Boot => {
                command.args(workload::arguments(&spec.workload)?);
                command.args(spec.starts_paused.then_some("--paused"));
            }
            // What it works on comes with it.
            Origin::Elsewhere => drop(command.args(["--incoming", "defer"])),
        }
        let failed = |error: io::Error| format!("cannot start {}: {error}", self.program.display());
        let log = File::options().append(true).create(true).open(dir.join(LOG)).map_err(failed)?;
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        command.spawn().map_err(failed)
    }
}

/// Connects to the guest in a directory. There may be several sessions at the same time.
pub(super) async fn connect(dir: &Path) -> Result<Qmp, QmpError> {
    let dir = File::open(dir).map_err(QmpError::Connect)?;
    // A short name for the directory, however long its path is.
    let path = PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()));
    Qmp::connect(&path).await
}

/// Whether a guest that was awaited has executed anything here. To be asked when its process is gone:
/// as long as it is there, it may begin to.
///
/// # Errors
/// When the console cannot be read, and nobody knows.
pub(super) fn has_run(dir: &Path) -> io::Result<bool> {
    match fs::read(serial(dir)) {
        Ok(said) => Ok(String::from_utf8_lossy(&said).lines().any(|line| line.ends_with(ARRIVED))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where a guest's console is.
pub(super) fn serial(dir: &Path) -> PathBuf {
    dir.join(SERIAL)
}

/// The last line that a guest's program has printed: as a rule, why it has ended.
pub(super) fn last_words(dir: &Path) -> Option<String> {
    let bytes = fs::read(dir.join(LOG)).ok()?;
    let end = &bytes[bytes.len().saturating_sub(LAST_WORDS)..];
    let text = String::from_utf8_lossy(end);
    // Usage errors say what is wrong first, and how to get help last.
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().rfind(|line| line.starts_with("error:"));
    error.or_else(|| lines().next_back()).map(str::to_owned)
}

/// The size, rounded up to whole pages.
fn whole_pages(size: Bytes) -> u64 {
    size.get().checked_next_multiple_of(PAGE).unwrap_or(size.get()).max(PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_rounded_up_to_whole_pages() {
        for (size, pages) in [(0, 4096), (1, 4096), (4096, 4096), (500_000_000, 500_002_816)] {
            assert_eq!(whole_pages(Bytes::new(size)), pages, "{size}");
        }
        assert_eq!(whole_pages(Bytes::new(u64::MAX)), u64::MAX);
    }

    #[test]
    fn only_a_guest_that_has_said_so_has_run() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!has_run(dir.path()).unwrap());
        fs::write(serial(dir.path()), "[    0.000001] arrived: db goes on here not\n").unwrap();
        assert!(!has_run(dir.path()).unwrap());
        fs::write(serial(dir.path()), "[    0.000001] arrived\n[    0.000002] goes on here\n")
            .unwrap();
        assert!(has_run(dir.path()).unwrap());
    }

    #[test]
    fn the_last_words_are_those_that_say_why() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(last_words(dir.path()), None);
        for (log, expected) in [
            (
                "ready\nferry-guest: --memory 1 TiB: no memory\n",
                "ferry-guest: --memory 1 TiB: no memory",
            ),
            (
                "error: invalid value 'x' for '--uuid'\n\nFor more information, try '--help'.\n",
                "error: invalid value 'x' for '--uuid'",
            ),
        ] {
            fs::write(dir.path().join(LOG), log).unwrap();
            assert_eq!(last_words(dir.path()).as_deref(), Some(expected));
        }
    }
}
