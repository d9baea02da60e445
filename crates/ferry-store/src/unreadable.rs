//! Why what is in a journal could not be read.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use rustix::io::Errno;

use crate::error::StoreError;

/// What is wrong, and with which file if that is not sled's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// Something was changed or lost.
    #[error("{0}")]
    Wrong(String),
    /// The same, in this file.
    #[error("{} is damaged: {what}", path.display())]
    WrongFile { path: PathBuf, what: String },
    /// A file cannot be read, or what should be there is not.
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
}

impl Unreadable {
    /// The process, or the machine, has too much open. It may work later.
    pub(crate) fn is_for_now(&self) -> bool {
        let Self::File { source, .. } = self else { return false };
        [Errno::MFILE, Errno::NFILE].into_iter().any(|it| Errno::from_io_error(source) == Some(it))
    }

    /// The same of a journal that is being opened, with sled's file where no other is known.
    pub(crate) fn at_open(self, data: PathBuf) -> StoreError {
        match self {
            Self::Wrong(what) => StoreError::Damaged { path: data, what },
            Self::WrongFile { path, what } => StoreError::Damaged { path, what },
            Self::File { path, source } => match source.kind() {
                ErrorKind::NotFound | ErrorKind::UnexpectedEof => {
                    StoreError::Damaged { path, what: source.to_string() }
                }
                _ => StoreError::io("read", path)(source),
            },
        }
    }
}

impl From<String> for Unreadable {
    fn from(what: String) -> Self {
        Self::Wrong(what)
    }
}

impl From<&str> for Unreadable {
    fn from(what: &str) -> Self {
        Self::Wrong(what.to_owned())
    }
}
