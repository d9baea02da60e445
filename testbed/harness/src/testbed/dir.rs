//! Where what is of a testbed: one directory with everything.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
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
    "lock",
];

/// The directory of a testbed.
///
/// ```text
/// kubeconfig              of the administrator
/// testbed.json            what the testbed is made of: topology, addresses, ports
/// lock                    held while a testbed is started or stopped
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

/// The right to start and stop what is in a directory, until this is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Dir {
    /// The directory at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made or written, or its path is too long for the sockets in it.
    pub fn make(path: &Path) -> Result<Self> {
        let failed = || format!("the testbed's directory {} cannot be used", path.display());
        private_dir(path).with_context(failed)?;
        let found = Self::find(path)?.with_context(failed)?;
        // Only the attempt shows whether it can be written: on a read-only file system, say.
        let probe = found.path.join(format!(".probe-{}", std::process::id()));
        private_file(&probe, b"").and_then(|()| fs::remove_file(&probe)).with_context(failed)?;
        Ok(found)
    }

    /// The directory at `path`, if there is one.
    ///
    /// # Errors
    /// When that cannot be said.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        match fs::canonicalize(path) {
            Ok(path) => Ok(Some(Self { path })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("looking for {}", path.display())),
        }
    }

    /// Where it is, as an absolute path without links.
    pub fn path(&self) -> &Path {
        &self.path
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
    pub fn remove(&self) -> Result<()> {
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
            Err(error) if error.kind() != io::ErrorKind::DirectoryNotEmpty => {
                Err(error).with_context(|| format!("removing {}", self.path.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes the right to start and stop what is in it.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let path = self.path.join("lock");
        let failed = || format!("locking {}", path.display());
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(false).mode(PRIVATE_FILE);
        let file = options.open(&path).with_context(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
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
        use std::os::unix::fs::PermissionsExt;
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("t");
        assert!(Dir::find(&path).unwrap().is_none());
        let dir = Dir::make(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0, "the probe is gone");
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
        dir.remove().unwrap();
        let left: Vec<_> = fs::read_dir(&path).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["mine"]);
        fs::remove_file(path.join("mine")).unwrap();
        dir.remove().unwrap();
        assert!(!path.exists());
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
