//! What was in a data directory and is not there any more.
//!
//! A start makes the directory of the journal before the first key, all keys before the journal, and
//! the journal before it says where it listens. So what is there tells what must have been.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::data_dir::{endpoint, journal as journal_of, pki};

/// A key or a certificate that was there once. A new one takes its place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Lost {
    /// What clients know the server by, and what their certificates are signed by.
    #[error(
        "{} is missing although there is a journal, so a new one is made: all kubeconfigs and \
         certificates of clients have to be made anew, unless it is restored from a backup",
        .path.display()
    )]
    Authority {
        /// The file.
        path: PathBuf,
    },
    /// What tokens are signed with.
    #[error(
        "{} is missing although there is a journal, so a new one is made: all tokens of service \
         accounts and users have to be issued anew, unless it is restored from a backup",
        .path.display()
    )]
    TokenKey {
        /// The file.
        path: PathBuf,
    },
}

/// What is missing by which clients of the server in `dir` are known.
pub(super) fn credentials(dir: &Path) -> Vec<Lost> {
    if !journal_of(dir).join("format").exists() {
        return Vec::new();
    }
    let missing = |name: &str| Some(pki(dir).join(name)).filter(|path| !path.exists());
    // A certificate without its key is refused later.
    let authority = missing("ca.crt").map(|path| Lost::Authority { path });
    let tokens = missing("sa.key").map(|path| Lost::TokenKey { path });
    authority.into_iter().chain(tokens).collect()
}

/// What is missing of the journal in `dir`, if there was one: an empty cluster would take its place,
/// with the keys of the old one.
pub(super) fn journal(dir: &Path) -> Option<PathBuf> {
    let journal = journal_of(dir);
    if pki(dir).join("ca.crt").exists() && !journal.exists() {
        return Some(journal);
    }
    if !endpoint(dir).exists() {
        return None;
    }
    let [format, data, mark] = ["format", "sled", "acknowledged"].map(|name| journal.join(name));
    if !format.exists() {
        return Some(format);
    }
    // One of them without the other is known to be damaged.
    (!data.exists() && !mark.exists()).then_some(data)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::data_dir::DataDir;

    #[test]
    fn a_journal_that_is_gone_is_missed_and_one_that_never_was_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        drop(DataDir::take(path).unwrap());
        // Killed before and after it made its keys.
        drop(DataDir::take(path).unwrap());
        fs::write(pki(path).join("ca.crt"), "").unwrap();
        let data = DataDir::take(path).unwrap();
        fs::write(journal_of(path).join("format"), "").unwrap();
        // And before it made its journal.
        drop(data);
        let data = DataDir::take(path).unwrap();
        fs::create_dir(journal_of(path).join("sled")).unwrap();
        data.remember_url("https://127.0.0.1:1").unwrap();
        drop(data);
        drop(DataDir::take(path).unwrap());
        let shown = path.display();
        for gone in ["journal/sled", "journal/format", "journal"] {
            let lost = path.join(gone);
            if lost.is_dir() {
                fs::remove_dir_all(&lost).unwrap();
            } else {
                fs::remove_file(&lost).unwrap();
            }
            let error = DataDir::take(path).unwrap_err().to_string();
            assert_eq!(
                error,
                format!(
                    "{shown}/{gone} is missing, although {shown} has the keys of a server that has \
                     written one: restore it from a backup, or remove {shown} to begin anew"
                )
            );
            assert!(!lost.exists(), "a refusal makes nothing");
        }
    }

    #[test]
    fn keys_that_are_gone_are_missed_once_there_is_a_journal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path();
        drop(DataDir::take(path).unwrap());
        assert_eq!(credentials(path), []);
        fs::write(journal_of(path).join("format"), "").unwrap();
        let [authority, tokens] = ["ca.crt", "sa.key"].map(|name| pki(path).join(name));
        let lost_authority = Lost::Authority { path: authority.clone() };
        let lost_tokens = Lost::TokenKey { path: tokens.clone() };
        assert_eq!(credentials(path), [lost_authority.clone(), lost_tokens.clone()]);
        fs::write(&authority, "").unwrap();
        assert_eq!(credentials(path), [lost_tokens]);
        fs::write(&tokens, "").unwrap();
        assert_eq!(credentials(path), []);
        fs::remove_file(&authority).unwrap();
        assert_eq!(credentials(path), [lost_authority]);
        fs::remove_dir_all(pki(path)).unwrap();
        assert_eq!(credentials(path).len(), 2);
    }
}
