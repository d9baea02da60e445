//! Files that nobody else may read, and that are whole or not there at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Read and written by the owner, and by nobody else.
const PRIVATE_FILE: u32 = 0o600;

/// Entered by the owner, and by nobody else.
const PRIVATE_DIR: u32 = 0o700;

/// A file or a directory that cannot be used. Each names it.
#[derive(Debug, Error)]
pub enum FileError {
    /// A file cannot be read.
    #[error("cannot read {}{}", .path.display(), advice(.source))]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}{}", .path.display(), advice(.source))]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A directory cannot be made.
    #[error("cannot make the directory {}{}", .path.display(), advice(.source))]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What those may do who are not its owner.
const OTHERS: u32 = 0o077;

/// What to look at when the operating system refuses, for a message that names the file.
pub(crate) fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            " (check who owns it and the directories above, and who runs the server)"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            " (its file system is read-only: mount it writable, or give another --data-dir)"
        }
        _ if is_full(error) => " (make space on its file system)",
        _ => "",
    }
}

/// Whether there is no space left.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Lets nobody but its owner enter a directory, or read a file. Says whether others could.
///
/// # Errors
/// [`FileError`], with the file.
pub fn tighten(path: &Path) -> Result<bool, FileError> {
    let unread = |source| FileError::Read { path: path.to_owned(), source };
    let found = fs::metadata(path).map_err(unread)?;
    if found.permissions().mode() & OTHERS == 0 {
        return Ok(false);
    }
    let private = if found.is_dir() { PRIVATE_DIR } else { PRIVATE_FILE };
    fs::set_permissions(path, Permissions::from_mode(private))
        .map_err(|source| FileError::Write { path: path.to_owned(), source })?;
    Ok(true)
}

/// Makes a directory that only its owner may enter, and those above it. One that is there stays as
/// it is.
///
/// # Errors
/// [`FileError::Directory`].
pub fn private_dir(path: &Path) -> Result<(), FileError> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE_DIR)
        .create(path)
        .map_err(|source| FileError::Directory { path: path.to_owned(), source })
}

/// Puts `text` at `path`, for its owner only. Whoever looks meanwhile, or after a power cut, finds
/// what was there before or all of it.
///
/// # Errors
/// [`FileError::Write`], and what was there before still is.
pub fn write_private(path: &Path, text: &[u8]) -> Result<(), FileError> {
    replace(path, text).map_err(|source| FileError::Write { path: path.to_owned(), source })
}

/// What is in a file, or `None` if there is no such file.
///
/// # Errors
/// [`FileError::Read`].
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Read { path: path.to_owned(), source }),
    }
}

fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let dir = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = dir.join(beside);
    let written = write_new(&beside, text)
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| File::open(dir)?.sync_all());
    if written.is_err() {
        // What has been written so far is of no use; that it cannot be removed changes nothing.
        let _removed = fs::remove_file(&beside);
    }
    written
}

fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    // Left behind by a process that had our number and was killed.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_whole_and_is_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"new").unwrap();
        assert_eq!(read_if_there(&path).unwrap().as_deref(), Some(&b"new"[..]));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_nothing_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("missing/key");
        let error = write_private(&missing, b"x").unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", missing.display()));
        // A directory is in the way of the last step.
        let blocked = dir.path().join("blocked");
        fs::create_dir(&blocked).unwrap();
        assert!(write_private(&blocked, b"x").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left behind");
    }

    #[test]
    fn what_the_system_refuses_is_told_with_what_to_look_at() {
        let path = PathBuf::from("data/lock");
        for (kind, advice) in [
            (
                io::ErrorKind::PermissionDenied,
                " (check who owns it and the directories above, and who runs the server)",
            ),
            (
                io::ErrorKind::ReadOnlyFilesystem,
                " (its file system is read-only: mount it writable, or give another --data-dir)",
            ),
            (io::ErrorKind::StorageFull, " (make space on its file system)"),
            (io::ErrorKind::TimedOut, ""),
        ] {
            let error = FileError::Write { path: path.clone(), source: kind.into() };
            assert_eq!(error.to_string(), format!("cannot write data/lock{advice}"));
        }
    }

    #[test]
    fn what_others_may_enter_or_read_is_theirs_no_more() {
        let dir = tempfile::tempdir().unwrap();
        for (before, is_open) in [(0o755, true), (0o710, true), (0o701, true), (0o700, false)] {
            fs::set_permissions(dir.path(), Permissions::from_mode(before)).unwrap();
            assert_eq!(tighten(dir.path()).unwrap(), is_open, "{before:o}");
            assert_eq!(mode(dir.path()), 0o700);
        }
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for (before, is_open) in [(0o644, true), (0o640, true), (0o666, true), (0o600, false)] {
            fs::set_permissions(&file, Permissions::from_mode(before)).unwrap();
            assert_eq!(tighten(&file).unwrap(), is_open, "{before:o}");
            assert_eq!(mode(&file), 0o600);
        }
    }

    #[test]
    fn a_directory_is_made_with_those_above_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        private_dir(&path).unwrap();
        private_dir(&path).unwrap();
        assert_eq!((mode(&path), mode(&dir.path().join("a"))), (0o700, 0o700));
        fs::write(path.join("file"), "").unwrap();
        let error = private_dir(&path.join("file")).unwrap_err();
        assert!(error.to_string().ends_with("a/b/file"), "{error}");
        assert!(read_if_there(&path.join("nothing")).unwrap().is_none());
        assert!(matches!(read_if_there(&path), Err(FileError::Read { .. })));
    }
}
