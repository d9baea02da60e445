//! A data directory is its owner's alone, however it was made or restored: keys and Secrets are in it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::process::geteuid;

use crate::files::{self, FileError};

/// What is in a data directory. One with anything else in it may be somebody's home or `/tmp`, and is
/// not ours to close.
const OURS: [&str; 6] = ["ballast", "endpoint", "journal", "lock", "lost+found", "pki"];

/// Whoever can write here can put another directory in the place of ours.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// What nobody else may read.
const KEYS: [&str; 3] = ["ca.key", "sa.key", "server.key"];

/// Keeps others out of `dir` and what is in it, and tells of it if they could have been in.
pub(super) fn keep(dir: &Path, pki: &Path, journal: &Path) -> Result<(), FileError> {
    let unread = |source| FileError::Read { path: dir.to_owned(), source };
    if is_ours(dir).map_err(unread)? {
        tighten(dir)?;
    } else if fs::metadata(dir).map_err(unread)?.mode() & WRITTEN_BY_OTHERS != 0 {
        tracing::warn!(
            dir = %dir.display(),
            "others may write in the data directory, and it is left so because it is not the \
             server's alone",
        );
    }
    tighten(pki)?;
    tighten(journal)?;
    for name in KEYS {
        let key = pki.join(name);
        if key.exists() {
            tighten(&key)?;
        }
    }
    Ok(())
}

fn tighten(path: &Path) -> Result<(), FileError> {
    if files::tighten(path)? {
        let path = path.display();
        tracing::warn!(%path, "others could enter or read it and cannot any more");
    }
    Ok(())
}

fn is_ours(dir: &Path) -> std::io::Result<bool> {
    if fs::metadata(dir)?.uid() != geteuid().as_raw() {
        return Ok(false);
    }
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        // What a start leaves that was killed while it put a file there.
        let is_begun = name.to_string_lossy().ends_with(".tmp");
        if !is_begun && !OURS.iter().any(|ours| name == *ours) {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_the_servers_alone_is_closed_and_what_is_not_is_left() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        let (pki, journal) = (dir.join("pki"), dir.join("journal"));
        let key = pki.join("ca.key");
        let certificate = pki.join("ca.crt");
        for path in [&pki, &journal] {
            fs::create_dir(path).unwrap();
        }
        for path in [&key, &certificate] {
            fs::write(path, "").unwrap();
        }
        let open = || {
            for path in [dir, &pki, &journal] {
                fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
            }
            for path in [&key, &certificate] {
                fs::set_permissions(path, Permissions::from_mode(0o644)).unwrap();
            }
        };
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        open();
        keep(dir, &pki, &journal).unwrap();
        assert_eq!([dir, &pki, &journal].map(mode), [0o700; 3]);
        assert_eq!([&*key, &*certificate].map(mode), [0o600, 0o644]);
        open();
        fs::write(dir.join("letter"), "").unwrap();
        keep(dir, &pki, &journal).unwrap();
        assert_eq!([dir, &pki, &journal].map(mode), [0o777, 0o700, 0o700]);
        assert_eq!(mode(&key), 0o600);
    }
}
