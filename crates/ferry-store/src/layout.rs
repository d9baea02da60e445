//! The directory: whose it is, which format it has, who uses it.
//!
//! ```text
//! format         "ferry-journal 3": written first
//! lock           locked while somebody uses the journal, and says who
//! acknowledged   see `mark`: written last, so that a journal without it was never finished
//! recent         the newest of the data, see `recent`
//! large/         large entries, see `large`
//! sled/          the data
//! ```

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::engine;
use crate::error::StoreError;

/// Where sled's files are.
pub(crate) const DATA: &str = "sled";

const FORMAT: u64 = 3;

/// The first format with `recent`, which an older ferry would not look at.
const WITH_RECENT: u64 = 2;

/// The first one with `large`, the same.
const WITH_LARGE: u64 = 3;

const OLDEST: u64 = 1;

/// The names of both.
const RECENT: &str = "recent";
pub(crate) const LARGE: &str = "large";

const WORD: &str = "ferry-journal";

/// What there may be before `format` is.
const BEGUN: [&str; 2] = ["format.new", "lock"];

/// What mkfs leaves behind.
const TOLERATED: &str = "lost+found";

/// A directory that is ours alone until this is dropped.
#[derive(Debug)]
pub(crate) struct Layout {
    dir: PathBuf,
    format: u64,
    _lock: File,
}

impl Layout {
    /// Takes the directory, or says why not. A new one gets its format.
    pub(crate) fn claim(dir: &Path) -> Result<Self, StoreError> {
        create(dir)?;
        // A stranger's directory gets no lock file from us.
        check(dir)?;
        let lock = lock(&dir.join("lock"))?;
        let format = match check(dir)? {
            Found::Journal => FORMAT,
            Found::Empty => write_format(dir).map(|()| FORMAT)?,
            Found::Older(format) => match write_format(dir) {
                // It stays what it is until there is room.
                Err(StoreError::Inaccessible { source, .. }) if engine::is_full(&source) => format,
                written => written.map(|()| FORMAT)?,
            },
        };
        Ok(Self { dir: dir.to_owned(), format, _lock: lock })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn mark(&self) -> PathBuf {
        self.dir.join("acknowledged")
    }

    pub(crate) fn unfinished_mark(&self) -> PathBuf {
        self.dir.join("acknowledged.new")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join(DATA)
    }

    /// The newest of the data, if they have a file of their own.
    pub(crate) fn recent(&self) -> Option<PathBuf> {
        (self.format >= WITH_RECENT).then(|| self.dir.join(RECENT))
    }

    /// Where large entries have files of their own, if they have.
    pub(crate) fn large(&self) -> Option<PathBuf> {
        (self.format >= WITH_LARGE).then(|| self.dir.join(LARGE))
    }

    pub(crate) fn unfinished_recent(&self) -> PathBuf {
        self.dir.join("recent.new")
    }

    pub(crate) fn unfinished_data(&self) -> PathBuf {
        self.dir.join("sled.new")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Empty,
    Older(u64),
    Journal,
}

/// Says which format it is; that appears whole or not at all.
fn write_format(dir: &Path) -> Result<(), StoreError> {
    let (unfinished, path) = (dir.join("format.new"), dir.join("format"));
    let write = || -> io::Result<()> {
        let mut file = File::create(&unfinished)?;
        writeln!(file, "{WORD} {FORMAT}")?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)
    };
    write().map_err(StoreError::io("create", &path))?;
    engine::sync(dir)
}

fn create(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => engine::sync(Path::new(".")),
        Some(parent) => engine::sync(parent),
        None => Ok(()),
    }
}

fn check(dir: &Path) -> Result<Found, StoreError> {
    let format = dir.join("format");
    match fs::read(&format) {
        Ok(text) => known(&format, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            nobodys(dir).map(|()| Found::Empty)
        }
        Err(error) => Err(StoreError::io("read", format)(error)),
    }
}

fn known(path: &Path, text: &[u8]) -> Result<Found, StoreError> {
    let text = str::from_utf8(text).ok();
    let words = text.and_then(|text| text.strip_suffix('\n')?.split_once(' '));
    match words.map(|(word, number)| (word, number.parse::<u64>())) {
        Some((WORD, Ok(FORMAT))) => Ok(Found::Journal),
        Some((WORD, Ok(older @ OLDEST..FORMAT))) => Ok(Found::Older(older)),
        Some((WORD, Ok(found))) if found > FORMAT => {
            Err(StoreError::NewerFormat { path: path.to_owned(), found, known: FORMAT })
        }
        _ => {
            let what = format!("it does not say `{WORD} {FORMAT}`");
            Err(StoreError::Damaged { path: path.to_owned(), what })
        }
    }
}

/// Without a format there may only be what a start leaves that was interrupted before anything was
/// acknowledged.
fn nobodys(dir: &Path) -> Result<(), StoreError> {
    for entry in fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let name = entry.map_err(StoreError::io("list", dir))?.file_name();
        let name = name.to_string_lossy();
        if matches!(name.as_ref(), "acknowledged" | RECENT | LARGE | DATA) {
            let what = format!("it is missing beside `{name}`");
            return Err(StoreError::Damaged { path: dir.join("format"), what });
        }
        if !BEGUN.contains(&name.as_ref()) && name != TOLERATED {
            let found = format!("`{name}`");
            return Err(StoreError::NotAJournal { path: dir.to_owned(), found });
        }
    }
    Ok(())
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    let open = options.read(true).write(true).create(true).truncate(false).open(path);
    let mut file = open.map_err(StoreError::io("open", path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            // Who it is helps and is not needed.
            let _ = file.take(64).read_to_string(&mut holder);
            let holder = match holder.trim() {
                "" => "another process".to_owned(),
                holder => holder.to_owned(),
            };
            return Err(StoreError::Locked { path: path.to_owned(), holder });
        }
        Err(error) => return Err(StoreError::io("lock", path)(error.into())),
    }
    let mut write = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "process {}", std::process::id())
    };
    match write() {
        // Who it is helps and is not needed; what has been read can be served on a full disk.
        Err(error) if !engine::is_full(&error) => Err(StoreError::io("write", path)(error)),
        Ok(()) | Err(_) => Ok(file),
    }
}
