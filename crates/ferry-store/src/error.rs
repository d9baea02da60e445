//! Why a journal could not be opened, or why a write was not made.

use std::io;
use std::path::{Path, PathBuf};

use crate::layout::{DATA, LARGE};

/// Each says which file it is about and what can be done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something else lives there.
    #[error(
        "{path} is not a ferry journal: it holds {found} and no `format` file; \
         choose an empty directory"
    )]
    NotAJournal {
        /// The directory.
        path: PathBuf,
        /// The first name that does not belong.
        found: String,
    },

    /// Two processes cannot share a journal.
    #[error("{path} is locked by {holder}: stop it first, or choose another directory")]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as is known.
        holder: String,
    },

    /// Written by a later ferry.
    #[error(
        "{path} says format {found}, and this ferry knows formats up to {known}: \
         use the ferry that wrote it, or a newer one"
    )]
    NewerFormat {
        /// The format file.
        path: PathBuf,
        /// What it says.
        found: u64,
        /// The newest that is known here.
        known: u64,
    },

    /// The operating system said no.
    #[error("cannot {doing} {path}: check its owner, its permissions and the disk")]
    Inaccessible {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },

    /// Something was changed or lost that a crash cannot explain.
    #[error(
        "{path} is damaged: {what}; restore {} from a backup, or begin anew in another directory",
        journal_of(path).display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How it shows.
        what: String,
    },

    /// Less is there than was acknowledged.
    #[error(
        "{path} has lost writes: revision {acknowledged} was acknowledged and {found} is the newest \
         found; restore {path} from a backup, or begin anew in another directory"
    )]
    LostWrites {
        /// The directory of the journal, one of whose files should have held them.
        path: PathBuf,
        /// What the mark remembers.
        acknowledged: u64,
        /// What there is.
        found: u64,
    },

    /// The disk is too full to write safely. Nothing was written, and writing works again when there
    /// is space.
    #[error("{path} has {free} bytes free and a write needs {needed}: make space")]
    NoSpace {
        /// The directory.
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes that have to be.
        needed: u64,
    },

    /// More than the journal takes at once. Nothing was written.
    #[error("a batch of {bytes} bytes is more than the {most} that are written at once")]
    TooLarge {
        /// Its keys and values.
        bytes: u64,
        /// The limit.
        most: u64,
    },

    /// A mistake of the caller. Nothing was written.
    #[error("revision {revision} does not come after {newest}")]
    OutOfOrder {
        /// What was to be written.
        revision: u64,
        /// What comes before it.
        newest: u64,
    },

    /// That part of the log is no longer kept.
    #[error("the log after revision {asked} is gone: it begins after {base}")]
    Compacted {
        /// After which it was asked for.
        asked: u64,
        /// After which it begins.
        base: u64,
    },

    /// A write failed half way. Whether its records are durable is known after the next open, so
    /// nothing more is written until then.
    #[error("the journal in {path} stopped: {reason}; restart to read what is on the disk")]
    Failed {
        /// The directory.
        path: PathBuf,
        /// What failed first.
        reason: String,
    },
}

/// The directory of the journal that a file is of: it is restored as a whole.
fn journal_of(path: &Path) -> &Path {
    let is_part = |it: &&Path| it.file_name().is_some_and(|name| name == DATA || name == LARGE);
    let data = path.ancestors().find(is_part);
    data.unwrap_or(path).parent().unwrap_or(path)
}

impl StoreError {
    /// For `map_err`: what was tried with which file.
    pub(crate) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Inaccessible { path, doing, source }
    }
}
