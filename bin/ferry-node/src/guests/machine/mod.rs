//! The one place that knows which program a guest is: how each is started, reached, told how to
//! migrate, and what it leaves behind. Nobody above asks which it is.
//!
//! ```text
//!                      ferry-guest                         QEMU
//!   hand-over          the two of them agree on it         the nodes do: what has come waits
//!   local disks        cross with memory                   are mirrored, then memory crosses
//!   statistics         it keeps them                       its events tell
//! ```

mod disks;
mod ferry;
mod found;
mod last_words;
mod qemu;
mod statistics;
mod transfer;

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferry_qmp::words::{FerryVerify, MigrationInfo, RunState, VerifyReport};
use ferry_qmp::{Cont, FerryStats, MigrateCancel, QueryMigrate, QueryStatus};
use ferry_reconcile::guest::{Disk, GuestSpec, MachineKind, MigrationMode};
use ferry_rpc::{Pass, Progress};
use ferry_units::{Bytes, WallTime};
use tokio::process::Child;

use super::journal::Origin;
use super::qmp::{Qmp, QmpError};

pub(super) use disks::Places;
pub(super) use found::found;
pub(super) use last_words::last_words;
pub use qemu::{Accelerator, Qemu};
pub(super) use statistics::{is_under_way, progress};
pub(super) use transfer::{Link, Listens, listen_uri};

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

/// The file that says that a guest which was awaited has been let go here. It is there before it is.
const LET_GO: &str = "let-go";

/// Memory and disks consist of pages.
const PAGE: u64 = 4 << 10;

/// The programs that guests are, and where their disks lie.
#[derive(Debug)]
pub(super) struct Machines {
    ferry: PathBuf,
    qemu: Qemu,
    trial: qemu::Trial,
    places: Places,
}

/// Which of them a guest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Machine {
    Ferry,
    Qemu,
}

/// Whether a machine calls a migration off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// It does; how that ends is seen.
    Told,
    /// Its guest runs elsewhere.
    TooLate,
}

/// What a machine tells of a migration that is over.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The passes over the guest's memory.
    pub(super) passes: Vec<Pass>,
    /// Nanoseconds for which the guest executed nothing.
    pub(super) blackout: Option<u64>,
}

impl Machines {
    /// Guests of these programs, with something to try in that directory.
    pub(super) fn new(ferry: PathBuf, qemu: Qemu, places: Places, dir: &Path) -> Self {
        Self { ferry, qemu, trial: qemu::Trial::new(dir.join("kvm-trial.img")), places }
    }

    /// Where disks are.
    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Starts a guest's process, in the guest's directory and out of reach of the daemon's terminal.
    /// Nothing if it is not known yet how, which is to be asked again.
    ///
    /// # Errors
    /// Why it cannot be started, in a sentence.
    pub(super) fn start(
        &self,
        spec: &GuestSpec,
        origin: Origin,
        dir: &Path,
    ) -> Result<Option<Child>, String> {
        let places = &self.places;
        let (program, command) = match Machine::of(spec) {
            Machine::Ferry => {
                (&self.ferry, ferry::command(&self.ferry, places, spec, origin, dir)?)
            }
            Machine::Qemu => {
                let Some(by) = self.trial.found(&self.qemu) else { return Ok(None) };
                (&self.qemu.program, qemu::command(&self.qemu, by, places, spec, origin, dir)?)
            }
        };
        let failed = |error: io::Error| format!("cannot start {}: {error}", program.display());
        let log = File::options().append(true).create(true).open(dir.join(LOG)).map_err(failed)?;
        let mut command = command;
        command.stdout(log.try_clone().map_err(failed)?).stderr(log);
        command.spawn().map(Some).map_err(|error| match (Machine::of(spec), error.kind()) {
            (Machine::Qemu, io::ErrorKind::NotFound) => format!(
                "cannot start {}: it is not there; `apt-get install qemu-system-x86` installs it",
                program.display()
            ),
            (Machine::Qemu | Machine::Ferry, _) => failed(error),
        })
    }
}

impl Machine {
    /// What a guest is.
    pub(super) fn of(spec: &GuestSpec) -> Self {
        match spec.machine.unwrap_or_default() {
            MachineKind::Ferry => Self::Ferry,
            MachineKind::Qemu => Self::Qemu,
        }
    }

    /// Asks how a guest is. Its migration comes first: a machine stops its guest, or lets it run, before
    /// it says that the migration has ended.
    pub(super) async fn look(
        self,
        qmp: &Qmp,
        spec: &GuestSpec,
    ) -> Result<(MigrationInfo, RunState), QmpError> {
        let migration = match self {
            Self::Ferry => qmp.execute(&QueryMigrate).await?,
            Self::Qemu => qemu::look(qmp, spec).await?,
        };
        let run = qmp.execute(&QueryStatus).await?.status;
        Ok((migration, run))
    }

    /// Whether the two ends of a migration agree by themselves on which of them runs the guest. Where
    /// they do not, what has come waits until it is [let go](Self::let_go), and its source runs the guest
    /// again if it thinks that the migration has failed.
    pub(super) fn hands_over_itself(self) -> bool {
        match self {
            Self::Ferry => true,
            Self::Qemu => false,
        }
    }

    /// Lets a guest run that has come. That is written down first: whoever asks hears that it has run.
    ///
    /// # Errors
    /// When that cannot be written, or the machine does not obey.
    pub(super) async fn let_go(self, qmp: &Qmp, dir: &Path) -> anyhow::Result<()> {
        let_go(dir)?;
        match self {
            Self::Ferry => {}
            Self::Qemu => qemu::close_disks(qmp).await?,
        }
        qmp.execute(&Cont).await?;
        Ok(())
    }

    /// Removes what is left of a migration that has failed to leave.
    pub(super) async fn tidy(self, qmp: &Qmp, disks: &[Disk]) -> Result<(), QmpError> {
        match self {
            Self::Ferry => Ok(()),
            Self::Qemu => qemu::tidy(qmp, disks).await,
        }
    }

    /// Calls off a migration that leaves, if its guest is not let run elsewhere already.
    pub(super) async fn cancel(
        self,
        qmp: &Qmp,
        disks: &[Disk],
        mode: MigrationMode,
    ) -> Result<Cancel, QmpError> {
        match self {
            Self::Ferry => {}
            Self::Qemu => {
                if qemu::has_gone(qmp, mode).await? {
                    return Ok(Cancel::TooLate);
                }
                qemu::cancel(qmp, disks).await?;
            }
        }
        match qmp.execute(&MigrateCancel).await {
            Ok(_) => Ok(Cancel::Told),
            Err(error) if error.refusal().is_some() => {
                tracing::info!(%error, "the migration cannot be called off any more");
                Ok(Cancel::TooLate)
            }
            Err(error) => Err(error),
        }
    }

    /// Cuts the connections of a migration that leaves, for a machine that answers nothing because of
    /// them. One that is stopped is not touched.
    pub(super) async fn cut(self, qmp: &Qmp) -> Result<(), QmpError> {
        match self {
            // It never waits for a connection.
            Self::Ferry => Ok(()),
            Self::Qemu => qemu::cut(qmp).await,
        }
    }

    /// When the guest executed its first instruction here, as far as its machine knows.
    pub(super) async fn resumed_at(self, qmp: &Qmp) -> Result<Option<WallTime>, QmpError> {
        match self {
            Self::Ferry => match qmp.execute(&FerryStats).await {
                Ok(told) => Ok(statistics::resumed_at(&told)),
                Err(error) if error.refusal().is_some() => Ok(None),
                Err(error) => Err(error),
            },
            Self::Qemu => Ok(qmp.heard().resumed),
        }
    }

    /// What it knows of a migration that has left, as far as it still answers.
    pub(super) async fn account(self, qmp: &Qmp) -> Option<Account> {
        match self {
            Self::Ferry => {
                let told = qmp.execute(&FerryStats).await.ok()?;
                let blackout = statistics::blackout(&told);
                Some(Account { passes: statistics::passes(&told), blackout })
            }
            // It was watched instead.
            Self::Qemu => None,
        }
    }

    /// Adds the passes that have ended since `before` to those that are known of a migration whose
    /// machine keeps no [account](Self::account) of them.
    pub(super) fn note_passes(self, passes: &mut Vec<Pass>, before: &Progress, now: &Progress) {
        match self {
            Self::Ferry => {}
            Self::Qemu => statistics::note_pass(passes, before, now),
        }
    }

    /// Compares the memory and disks of the guest in a directory with what it knows that it wrote;
    /// nothing where nobody knows that.
    pub(super) async fn verify(
        self,
        dir: &Path,
        within: Duration,
    ) -> Result<Option<VerifyReport>, QmpError> {
        match self {
            Self::Ferry => {
                // A session of its own: the keeper's is not to wait for it.
                let qmp = connect(dir).await?;
                qmp.execute_within(within, &FerryVerify::default()).await.map(Some)
            }
            Self::Qemu => Ok(None),
        }
    }
}

/// Connects to the guest in a directory. Its keeper does; not every machine has two sessions at once.
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
    if dir.join(LET_GO).try_exists()? {
        return Ok(true);
    }
    match fs::read(serial(dir)) {
        Ok(said) => Ok(String::from_utf8_lossy(&said).lines().any(|line| line.ends_with(ARRIVED))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes down that a guest is let go.
pub(super) fn let_go(dir: &Path) -> io::Result<()> {
    match File::create_new(dir.join(LET_GO)) {
        Ok(_) => File::open(dir)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where a guest's console is.
pub(super) fn serial(dir: &Path) -> PathBuf {
    dir.join(SERIAL)
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
    fn a_guest_that_was_let_go_has_run_whatever_it_prints() {
        let dir = tempfile::tempdir().unwrap();
        let_go(dir.path()).unwrap();
        let_go(dir.path()).unwrap();
        assert!(has_run(dir.path()).unwrap());
    }
}
