//! Where what is of a testbed: one directory with everything.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Role;

/// Read and written by the owner, and by nobody else.
const PRIVATE_FILE: u32 = 0o600;

/// Entered by the owner, and by nobody else: there are keys in it.
const PRIVATE_DIR: u32 = 0o700;

/// All that is of a testbed in its directory. The lock goes last.
const OWN: [&str; 10] = [
    "kubeconfig",
    "testbed.json",
    "apiserver",
    "controller",
    "nodes",
    "shared",
    "relays",
    "logs",
    "ballast",
    LOCK,
];

/// The first thing that is made, and the mark of a testbed's directory.
const LOCK: &str = "testbed.lock";

/// How long to wait for whoever works in a directory. An `up` may take longer, and is worth a word.
const LOCK_LIMIT: Duration = Duration::from_secs(1);

/// How long to wait before it is tried again.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// The directory of a testbed.
///
/// ```text
/// kubeconfig              of the administrator
/// testbed.json            what the testbed is made of: topology, addresses, ports
/// testbed.lock            held while a testbed is started or stopped
/// apiserver/              data of the API server
/// controller/             kubeconfig and address of the controller
/// nodes/NODE/             of a node's daemon: kubeconfig, identity/, guests/, claims/
/// shared/                 claims that all nodes have
/// relays/                 control socket of the relays
/// logs/NAME.log           what each daemon has printed
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dir {
    path: PathBuf,
}

/// What has become of a directory that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Whole,
    /// What is not of the testbed is still in it.
    OthersStay,
}

/// The right to start and stop what is in a directory, until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Dir {
    /// The directory at `path`, which is made if it is not there. One that is there has to be a
    /// testbed's or empty: whatever is of a testbed in it is the testbed's to replace and to remove.
    ///
    /// # Errors
    /// When it cannot be made or written, or holds what is somebody else's.
    pub fn make(path: &Path) -> Result<Self> {
        let failed = || format!("the testbed's directory {} cannot be used", path.display());
        private_dir(path).with_context(failed)?;
        let found = Self { path: fs::canonicalize(path).with_context(failed)? };
        if !found.is_testbed() {
            let is_empty = fs::read_dir(&found.path).with_context(failed)?.next().is_none();
            // Somebody else may have begun one meanwhile.
            if !is_empty && !found.is_testbed() {
                let error = anyhow!(
                    "it is not empty, and what is in it is no testbed's; give one that is empty or \
                     not there"
                );
                return Err(error).with_context(failed);
            }
            let owner = fs::Permissions::from_mode(PRIVATE_DIR);
            fs::set_permissions(&found.path, owner).with_context(failed)?;
        }
        // Only the attempt shows whether it can be written: on a read-only file system, say.
        found.open_lock().with_context(failed)?;
        Ok(found)
    }

    /// The directory of the testbed at `path`, if there is one.
    ///
    /// # Errors
    /// When that cannot be said.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        match fs::canonicalize(path) {
            Ok(path) => Ok(Some(Self { path }).filter(Self::is_testbed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("looking for {}", path.display())),
        }
    }

    /// Where the directory of a testbed would be, or was before somebody removed it.
    pub(crate) fn supposed(path: &Path) -> Result<Self> {
        let failed = || format!("looking for {}", path.display());
        let path = std::path::absolute(path).with_context(failed)?;
        match (fs::canonicalize(&path), path.parent(), path.file_name()) {
            (Ok(path), ..) => Ok(Self { path }),
            (Err(_), Some(parent), Some(name)) => {
                let parent = fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned());
                Ok(Self { path: parent.join(name) })
            }
            (Err(error), ..) => Err(error).with_context(failed),
        }
    }

    /// Whether a testbed has been brought up here, or somebody has at least begun to.
    fn is_testbed(&self) -> bool {
        self.path.join(LOCK).exists() || self.plan().exists()
    }

    /// Where it is, as an absolute path without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number that follows from where it is: what is the testbed's elsewhere is named by it, or
    /// found from it, and is found again when everything in here is lost.
    pub(crate) fn number(&self) -> u32 {
        crc32fast::hash(self.path.as_os_str().as_bytes())
    }

    /// The kubeconfig of the administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.path.join("kubeconfig")
    }

    /// What the testbed is made of.
    pub(crate) fn plan(&self) -> PathBuf {
        self.path.join("testbed.json")
    }

    /// The data of the API server.
    pub fn apiserver(&self) -> PathBuf {
        self.path.join("apiserver")
    }

    /// What is the controller's.
    pub fn controller(&self) -> PathBuf {
        self.path.join("controller")
    }

    /// The file in which the controller says where its status is served.
    pub fn controller_address(&self) -> PathBuf {
        self.controller().join("status-address")
    }

    /// What is a node's: the state directory of its daemon.
    pub fn node(&self, name: &str) -> PathBuf {
        self.path.join("nodes").join(name)
    }

    /// A node's certificates.
    pub fn identity(&self, name: &str) -> PathBuf {
        self.node(name).join("identity")
    }

    /// The file in which a daemon says where its status is served, if it serves one.
    pub(crate) fn status_address(&self, role: &Role) -> Option<PathBuf> {
        match role {
            Role::ApiServer | Role::Relay => None,
            Role::Controller => Some(self.controller_address()),
            Role::Node(name) => Some(self.node(name).join("status-address")),
        }
    }

    /// Claims that all nodes have.
    pub fn shared(&self) -> PathBuf {
        self.path.join("shared")
    }

    /// What is the relays'.
    pub(crate) fn relays(&self) -> PathBuf {
        self.path.join("relays")
    }

    /// What a daemon has printed.
    pub fn log(&self, role: &Role) -> PathBuf {
        self.path.join("logs").join(format!("{role}.log"))
    }

    /// Removes it, with everything of a testbed in it. What else is in it stays, and the directory
    /// with that.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(&self) -> Result<Removal> {
        let _lock = self.lock()?;
        for name in OWN {
            let path = self.path.join(name);
            let removed =
                if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("removing {}", path.display()));
                }
                Ok(()) | Err(_) => {}
            }
        }
        match fs::remove_dir(&self.path) {
            Ok(()) => Ok(Removal::Whole),
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                Ok(Removal::OthersStay)
            }
            Err(error) => Err(error).with_context(|| format!("removing {}", self.path.display())),
        }
    }

    fn open_lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(PRIVATE_FILE);
        options.open(self.path.join(LOCK))
    }

    /// Takes the right to start and stop what is in it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let failed = || format!("locking {}", self.path.join(LOCK).display());
        let file = self.open_lock().with_context(failed)?;
        let take = || flock(&file, FlockOperation::NonBlockingLockExclusive);
        let begun = Instant::now();
        let mut taken = take();
        // What somebody who was killed has just begun to start holds it until it runs a program.
        while taken == Err(Errno::WOULDBLOCK) && begun.elapsed() < LOCK_LIMIT {
            thread::sleep(LOCK_PAUSE);
            taken = take();
        }
        match taken {
            Ok(()) => Ok(Lock { _file: file }),
            Err(Errno::WOULDBLOCK) => bail!(
                "another `testbed up` or `testbed down` is at work in {}: wait for it",
                self.path.display()
            ),
            Err(error) => Err(error).with_context(failed),
        }
    }
}

/// Makes a directory that only its owner may enter, and those above it.
pub(crate) fn private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(PRIVATE_DIR).create(path)
}

/// Writes a file that only its owner may read, all at once.
pub(crate) fn private_file(path: &Path, text: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(&beside)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_its_owners_alone_and_one_works_in_it_at_a_time() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("t");
        assert!(Dir::find(&path).unwrap().is_none());
        let dir = Dir::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let lock = dir.lock().unwrap();
        let error = dir.lock().unwrap_err().to_string();
        assert!(error.starts_with("another `testbed up` or `testbed down` is at work"), "{error}");
        drop(lock);
        dir.lock().unwrap();
    }

    #[test]
    fn only_what_is_of_the_testbed_is_removed() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("t");
        let dir = Dir::make(&path).unwrap();
        fs::create_dir_all(dir.node("a").join("guests")).unwrap();
        fs::write(dir.kubeconfig(), "").unwrap();
        fs::write(path.join("mine"), "").unwrap();
        assert_eq!(dir.remove().unwrap(), Removal::OthersStay);
        let left: Vec<_> = fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"]);
        fs::remove_file(path.join("mine")).unwrap();
        assert_eq!(Dir::make(&path).unwrap().remove().unwrap(), Removal::Whole);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_somebody_elses_is_neither_used_nor_found() {
        let temporary = tempfile::tempdir().unwrap();
        fs::create_dir(temporary.path().join("logs")).unwrap();
        let error = format!("{:#}", Dir::make(temporary.path()).unwrap_err());
        assert!(error.contains("is not empty, and what is in it is no testbed's"), "{error}");
        assert!(Dir::find(temporary.path()).unwrap().is_none());
        let left = fs::read_dir(temporary.path()).unwrap();
        assert_eq!(left.map(|it| it.unwrap().file_name()).collect::<Vec<_>>(), ["logs"]);
        fs::remove_dir(temporary.path().join("logs")).unwrap();
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Dir::make(temporary.path()).unwrap();
        assert_eq!(fs::metadata(temporary.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_that_is_gone_has_the_name_that_it_had() {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Dir::make(&temporary.path().join("t")).unwrap();
        fs::remove_dir_all(dir.path()).unwrap();
        assert_eq!(Dir::supposed(&temporary.path().join("t")).unwrap(), dir);
        assert_eq!(Dir::supposed(&temporary.path().join("./t/")).unwrap(), dir);
    }

    #[test]
    fn what_cannot_be_a_directory_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let file = temporary.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Dir::make(&file.join("t")).unwrap_err().to_string();
        assert!(error.contains("file/t cannot be used"), "{error}");
    }
}
