//! The data directory: one server at a time, and where what is in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use thiserror::Error;

use super::{lost, privacy};
use crate::files::{self, FileError};

/// A data directory that is ours until this is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// A data directory that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataDirError {
    /// Something in it cannot be made, read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is somebody else's.
    #[error(
        "{} is in use by process {holder}: stop that, or give another --data-dir",
        .path.display()
    )]
    InUse {
        /// Which.
        path: PathBuf,
        /// Who has it, as far as is known.
        holder: String,
    },
    /// Its lock cannot be taken.
    #[error("cannot lock {}{}", .path.display(), files::advice(.source))]
    Lock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There was a journal, and it is gone.
    #[error(
        "{} is missing, although {} has the keys of a server that has written one: restore it from a \
         backup, or remove {} to begin anew",
        .missing.display(), .path.display(), .path.display()
    )]
    JournalGone {
        /// Which.
        path: PathBuf,
        /// What is missing.
        missing: PathBuf,
    },
    /// No server has been there.
    #[error("{} is no data directory of a server: {} is not there", .path.display(), .missing.display())]
    Empty {
        /// Which.
        path: PathBuf,
        /// What is missing.
        missing: PathBuf,
    },
}

impl DataDir {
    /// Takes the directory at `path`, which is made if it is not there.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        files::private_dir(path)?;
        for lost in lost::credentials(path) {
            tracing::warn!("{lost}");
        }
        files::private_dir(&pki(path))?;
        if let Some(missing) = lost::journal(path) {
            return Err(DataDirError::JournalGone { path: path.to_owned(), missing });
        }
        files::private_dir(&journal(path))?;
        privacy::keep(path, &pki(path), &journal(path))?;
        let lock_path = path.join("lock");
        let failed = |source| DataDirError::Lock { path: lock_path.clone(), source };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut lock = options.open(&lock_path).map_err(failed)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                // Who it is only helps; that it is somebody is known.
                let _read = lock.read_to_string(&mut holder);
                let holder = holder.trim().to_owned();
                return Err(DataDirError::InUse { path: path.to_owned(), holder });
            }
            Err(error) => return Err(failed(error.into())),
        }
        match sign(&mut lock) {
            // Whose it is only helps others, and the lock is held. A full disk is no reason to stay away.
            Err(error) if !files::is_full(&error) => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The directory of certificates and keys.
    pub(crate) fn pki(&self) -> PathBuf {
        pki(&self.path)
    }

    /// The directory of the journal.
    pub(crate) fn journal(&self) -> PathBuf {
        journal(&self.path)
    }

    /// Remembers where the server is, for whoever makes credentials.
    pub(crate) fn remember_url(&self, url: &str) -> Result<(), FileError> {
        files::write_private(&endpoint(&self.path), format!("{url}\n").as_bytes())
    }
}

/// Says whose the lock is.
fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

pub(super) fn journal(dir: &Path) -> PathBuf {
    dir.join("journal")
}

pub(super) fn pki(dir: &Path) -> PathBuf {
    dir.join("pki")
}

pub(super) fn endpoint(dir: &Path) -> PathBuf {
    dir.join("endpoint")
}

/// The directory of certificates and keys of the server whose directory is `dir`.
pub(crate) fn existing_pki(dir: &Path) -> Result<PathBuf, DataDirError> {
    let pki = pki(dir);
    for name in ["ca.crt", "ca.key", "sa.key"] {
        let missing = pki.join(name);
        if !missing.exists() {
            return Err(DataDirError::Empty { path: dir.to_owned(), missing });
        }
    }
    Ok(pki)
}

/// Where the server whose directory is `dir` has listened last.
pub(crate) fn last_url(dir: &Path) -> Result<Option<String>, FileError> {
    let text = files::read_if_there(&endpoint(dir))?;
    Ok(text.map(|text| String::from_utf8_lossy(text.trim_ascii()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_belongs_to_one_server_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let first = DataDir::take(&path).unwrap();
        let error = DataDir::take(&path).unwrap_err().to_string();
        let id = std::process::id();
        assert_eq!(
            error,
            format!(
                "{} is in use by process {id}: stop that, or give another --data-dir",
                path.display()
            )
        );
        drop(first);
        DataDir::take(&path).unwrap();
    }

    #[test]
    fn whoever_makes_credentials_finds_the_server_or_hears_what_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        let error = existing_pki(dir.path()).unwrap_err().to_string();
        assert!(error.ends_with("pki/ca.crt is not there"), "{error}");
        assert_eq!(last_url(dir.path()).unwrap(), None);
        let data = DataDir::take(dir.path()).unwrap();
        data.remember_url("https://127.0.0.1:1").unwrap();
        assert_eq!(last_url(dir.path()).unwrap().as_deref(), Some("https://127.0.0.1:1"));
    }
}
