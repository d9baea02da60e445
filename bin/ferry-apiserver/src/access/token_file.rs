//! Tokens from a file, as kube-apiserver's `--token-auth-file` takes them: a line of CSV for each,
//! `token,user,uid,"group1,group2"`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ferry_registry::User;
use ring::{digest, hmac};
use thiserror::Error;

use crate::files::{self, FileError};

/// Users by their tokens. It knows a token when it sees it and cannot say what tokens there are:
/// only digests are kept, with a key that nobody knows, so that not even the time that a comparison
/// takes tells anything about a token.
pub struct TokenFile {
    key: hmac::Key,
    users: BTreeMap<[u8; digest::SHA256_OUTPUT_LEN], User>,
}

/// What is wrong with a file of tokens. No message contains what may be a part of a token.
#[derive(Debug, Error)]
pub enum TokenFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such file.
    #[error("there is no token file {}", .path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It is no UTF-8.
    #[error("the token file {} is no UTF-8 text", .path.display())]
    Encoding {
        /// Which.
        path: PathBuf,
    },
    /// A line says too little.
    #[error(
        "line {line} of the token file {} has {found} columns: write token,user,uid or \
         token,user,uid,\"group1,group2\"",
        .path.display()
    )]
    Columns {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// How many columns it has.
        found: usize,
    },
    /// A quotation mark stands where none may.
    #[error("line {line} of the token file {} has a quotation mark that does not belong there", .path.display())]
    Quote {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A token stands twice, or is empty.
    #[error("line {line} of the token file {} has a token that is empty or was there before", .path.display())]
    Token {
        /// Which file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl TokenFile {
    /// No tokens. `key` is drawn by chance.
    pub fn empty(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), users: BTreeMap::new() }
    }

    /// The tokens of the file at `path`.
    ///
    /// # Errors
    /// [`TokenFileError`], with the line.
    // PARITY: apiserver/pkg/authentication/token/tokenfile/tokenfile.go#NewCSV
    pub fn read(path: &Path, key: &[u8; 32]) -> Result<Self, TokenFileError> {
        let missing = || TokenFileError::Missing { path: path.to_owned() };
        let text = files::read_if_there(path)?.ok_or_else(missing)?;
        let text = String::from_utf8(text)
            .map_err(|_| TokenFileError::Encoding { path: path.to_owned() })?;
        let mut file = Self::empty(key);
        for (index, row) in text.lines().enumerate().filter(|(_, row)| !row.trim().is_empty()) {
            file.add(row, path, index + 1)?;
        }
        Ok(file)
    }

    fn add(&mut self, row: &str, path: &Path, line: usize) -> Result<(), TokenFileError> {
        let path = || path.to_owned();
        let columns = columns(row).ok_or_else(|| TokenFileError::Quote { path: path(), line })?;
        let [token, name, uid, rest @ ..] = columns.as_slice() else {
            return Err(TokenFileError::Columns { path: path(), line, found: columns.len() });
        };
        let groups = rest.first().map_or("", String::as_str).split(',');
        let user = User {
            name: name.clone(),
            uid: uid.clone(),
            groups: groups.filter(|group| !group.is_empty()).map(str::to_owned).collect(),
            extra: BTreeMap::new(),
        };
        if token.is_empty() || self.users.insert(self.digest(token), user).is_some() {
            return Err(TokenFileError::Token { path: path(), line });
        }
        Ok(())
    }

    /// The user that has `token`.
    pub fn user(&self, token: &str) -> Option<&User> {
        if self.users.is_empty() { None } else { self.users.get(&self.digest(token)) }
    }

    fn digest(&self, token: &str) -> [u8; digest::SHA256_OUTPUT_LEN] {
        let mut digest = [0; digest::SHA256_OUTPUT_LEN];
        digest.copy_from_slice(hmac::sign(&self.key, token.as_bytes()).as_ref());
        digest
    }
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFile").field("tokens", &self.users.len()).finish_non_exhaustive()
    }
}

/// The columns of a line of CSV, as Go's `encoding/csv` reads them, or `None` if a quotation mark is
/// in the wrong place.
fn columns(row: &str) -> Option<Vec<String>> {
    let mut columns = Vec::new();
    let mut rest = row;
    loop {
        let (column, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_column(quoted)?,
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (column, after) = rest.split_at(end);
                if column.contains('"') {
                    return None;
                }
                (column.to_owned(), after)
            }
        };
        columns.push(column);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some(columns),
            None => return None,
        }
    }
}

/// The rest of a column that began with a quotation mark, and what comes after it.
fn quoted_column(text: &str) -> Option<(String, &str)> {
    let mut column = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        column.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                column.push('"');
                rest = next;
            }
            None => return Some((column, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn read(text: &str) -> Result<TokenFile, TokenFileError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tokens.csv");
        fs::write(&path, text).unwrap();
        TokenFile::read(&path, &KEY)
    }

    #[test]
    fn parity_a_line_is_token_user_uid_and_groups() {
        let file =
            read("t1,ann,u1\r\n\nt2,bob,,\"dev,ops\"\nt3,\"c, \"\"d\"\"\",u3,one,more\nt4,e,,\n");
        let file = file.unwrap();
        for (token, expected) in [
            ("t1", Some(("ann", "u1", &[][..]))),
            ("t2", Some(("bob", "", &["dev", "ops"]))),
            ("t3", Some(("c, \"d\"", "u3", &["one"]))),
            ("t4", Some(("e", "", &[]))),
            ("t", None),
            ("", None),
            ("t11", None),
        ] {
            let found = file.user(token);
            let found = found.map(|user| (user.name.as_str(), user.uid.as_str(), &user.groups));
            let expected = expected.map(|(name, uid, groups)| (name, uid, groups.to_vec()));
            let found = found.map(|(name, uid, groups)| {
                (name, uid, groups.iter().map(String::as_str).collect::<Vec<_>>())
            });
            assert_eq!(found, expected, "{token}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_by_its_line_and_without_the_token() {
        for (text, said) in [
            ("s3cr3t", "line 1 of the token file "),
            ("ok,u,i\n\ns3cr3t,user", "has 2 columns"),
            ("s3\"cr3t,u,i", "quotation mark"),
            ("\"s3cr3t,u,i", "quotation mark"),
            ("\"s3cr3t\"x,u,i", "quotation mark"),
            (",u,i", "empty or was there before"),
            ("s3cr3t,u,i\ns3cr3t,v,i", "line 2"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("cr3t"), "{error}");
        }
        let error = TokenFile::read(Path::new("no/tokens"), &KEY).unwrap_err();
        assert_eq!(error.to_string(), "there is no token file no/tokens");
    }

    #[test]
    fn no_token_can_be_seen_from_outside() {
        let file = read("s3cr3t,ann,u1").unwrap();
        assert_eq!(format!("{file:?}"), "TokenFile { tokens: 1, .. }");
    }
}
