//! The file of a QMP socket: made, and removed again.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// The file of a socket, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and inode, by which the file is known again.
    identity: (u64, u64),
}

/// Why there is no socket.
#[derive(Debug, Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("{}: a running process listens there; give another path, or end that one", .path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// There is something else.
    #[error("{}: there is something that is no socket; it stays as it is", .path.display())]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// Linux does not make it.
    #[error("{}: cannot listen there", .path.display())]
    Os {
        /// Where.
        path: PathBuf,
        /// What Linux said.
        source: io::Error,
    },
}

impl SocketFile {
    /// Listens at `path`. What a process has left there that is not running any more is replaced.
    /// Only the user who runs the machine may connect: whoever can command it owns the guest.
    pub(super) fn bind(path: &Path) -> Result<(UnixListener, Self), SocketError> {
        let failed = |source| SocketError::Os { path: path.to_owned(), source };
        let listener = match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                clear(path)?;
                UnixListener::bind(path).map_err(failed)?
            }
            bound => bound.map_err(failed)?,
        };
        let identity = identity(path).map_err(failed)?;
        let file = Self { path: path.to_owned(), identity };
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(failed)?;
        Ok((listener, file))
    }
}

/// Removes the socket of a process that is gone. It is put aside first, so that of two processes
/// that find it at the same time neither removes what the other has just made.
fn clear(path: &Path) -> Result<(), SocketError> {
    let failed = |source| SocketError::Os { path: path.to_owned(), source };
    let in_use = || SocketError::InUse { path: path.to_owned() };
    let kind = fs::symlink_metadata(path).map_err(failed)?.file_type();
    if !kind.is_socket() {
        return Err(SocketError::NoSocket { path: path.to_owned() });
    }
    if is_alive(path).map_err(failed)? {
        return Err(in_use());
    }
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}", std::process::id()));
    let aside = PathBuf::from(aside);
    fs::rename(path, &aside).map_err(failed)?;
    if is_alive(&aside).map_err(failed)? {
        fs::rename(&aside, path).map_err(failed)?;
        return Err(in_use());
    }
    fs::remove_file(&aside).map_err(failed)
}

/// Whether somebody listens at that socket. One whose line is full does.
fn is_alive(path: &Path) -> io::Result<bool> {
    match UnixStream::connect(path) {
        Ok(_) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => Ok(false),
            io::ErrorKind::WouldBlock => Ok(true),
            _ => Err(error),
        },
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Somebody may have put another file there.
        if identity(&self.path).is_ok_and(|identity| identity == self.identity)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "a socket stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_replaced_and_a_live_socket_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        drop(UnixListener::bind(&path).unwrap());
        let socket = SocketFile::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(SocketFile::bind(&path), Err(SocketError::InUse { .. })));
        drop(socket);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(SocketFile::bind(&path), Err(SocketError::NoSocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn what_others_put_in_its_place_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let socket = SocketFile::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let other = SocketFile::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
        drop(other);
        assert!(!path.exists());
    }
}
