//! The one place that knows sled: entries in numbered pieces, written at once, synced for real.
//!
//! What sled 0.34 does decides the shape of this file:
//!
//! - A page with more than a quarter of a segment becomes a *blob*, a file of its own that sled never
//!   syncs. A leaf holds at most 20 pieces, so pieces of [`PIECE`] bytes never let that happen.
//! - `flush` is `sync_file_range(2)`, which survives a killed process and not a power cut. `db` is
//!   opened a second time here, and `fdatasync(2)` is called on it after each flush.
//! - Within a batch sled frees no segment for reuse that the batch itself made obsolete, and
//!   everything here is one batch followed by a sync: nothing that is overwritten is still needed.
//! - `flush_async` can deadlock and the background flusher syncs at its own times: neither is used.
//! - It empties half-dead segments too slowly: see [`Broom`].
//! - What it replaces is kept by the thread that did so until that has replaced much more, which may
//!   be some buffers of a whole segment for each thread: each call gives it away.
//! - A piece costs it three writes: entries of many pieces are kept in [`Large`].
//! - It asserts about what it reads: every call is made by [`quiet::catch`].

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::mem;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::broom::Broom;
use crate::error::StoreError;
use crate::large::{Large, Place};
use crate::layout::Layout;
use crate::options::StoreOptions;
use crate::quiet;
use crate::recent::{self, Recent, Write};
use crate::unreadable::Unreadable;

/// sled's default. Segments are read whole at start and one or two are buffered, so that larger ones
/// cost memory; smaller ones would make pieces smaller than most objects.
const SEGMENT: usize = 512 << 10;

/// A quarter of a segment is 128 KiB, and a leaf has at most 17 items and, for a moment after a
/// merge, three more: 6,000 bytes would do. sled keeps 256 pages of eight pieces in memory: a fifth
/// of that makes them 2.5 MiB, and most objects still make two. It is part of the format: entries that
/// are recent have the numbers of their pieces already.
const PIECE: usize = 1_250;

/// A full leaf is cut in half, so that this many new pieces make a new page.
const PAGE: u64 = 8;

/// sled notes accesses to pages in 256 queues of so many, and looks at the limit of its cache when
/// one is full. Nearly all of a journal's pages are written once, and would be in memory for ever.
const QUEUE: u64 = 64;

/// What is noted of a page by writing eight pieces to it: it is looked up and changed for each.
const WRITTEN: u64 = 2 * PAGE;

/// sled panics below 256 bytes.
const LEAST_CACHE: u64 = 64 << 10;

/// An earlier journal of this process may still be finishing its last write when the same directory
/// is opened again; sled's own lock goes away with it. Ours is held by then, so that nobody else can be
/// meant. A second is far more than a write takes.
const LOCK_ATTEMPTS: u32 = 1_000;

/// Where a piece stands (big-endian), and how many of its entry follow it.
const KEY: usize = 8 + 4;

/// How often one append sweeps, at most: some milliseconds.
const SWEEPS: u32 = 4;

/// Where the number of the last write stands that went from [`Recent`] to sled: after all pieces.
const SETTLED: [u8; 1] = [u8::MAX];

/// sled with its file.
pub(crate) struct Engine {
    /// None while it is being dropped.
    db: Option<sled::Db>,
    broom: Broom,
    file: File,
    path: PathBuf,
    /// None where there was no room for it.
    recent: Option<Recent>,
    /// The same.
    large: Option<Large>,
    /// sled was written to since [`Engine::tidy`] looked.
    is_stirred: bool,
    /// Pieces since the last call of [`Engine::press`].
    loose: Cell<u64>,
}

impl Engine {
    /// Opens what is there, and makes what sled did meanwhile durable. Without anything there, sled
    /// begins under the name `unfinished`, so that a start that is killed half way leaves nothing
    /// that looks damaged.
    pub(crate) fn open(layout: &Layout, options: &StoreOptions) -> Result<Self, StoreError> {
        let (path, unfinished) = (layout.data(), layout.unfinished_data());
        if !path.exists() {
            remove(&unfinished)?;
            drop_quietly(start(&unfinished, options)?);
            sync_tree(&unfinished)?;
            fs::rename(&unfinished, &path).map_err(StoreError::io("create", &path))?;
            path.parent().map_or(Ok(()), sync)?;
        }
        let db = start(&path, options)?;
        let db_path = path.join("db");
        let file = File::options().read(true).write(true).open(&db_path);
        let file = file.map_err(StoreError::io("open", &db_path))?;
        let damaged = |what| StoreError::Damaged { path: db_path.clone(), what };
        let broom = quiet::catch(|| Broom::open(&db));
        let broom = broom.and_then(|broom| broom.map_err(|error| error.to_string()));
        let broom = broom.map_err(damaged)?;
        let settled = settled(&db).map_err(damaged)?;
        sync_tree(&path)?;
        let recent = layout.recent();
        let recent = recent.map(|it| Recent::open(&it, &layout.unfinished_recent(), settled));
        // Without one, all goes to sled, once there is room for anything.
        let recent = recent.transpose()?.flatten();
        let large = layout.large().map_or(Ok(None), |dir| Large::open(&dir))?;
        let loose = Cell::new(0);
        Ok(Self { db: Some(db), broom, file, path, recent, large, is_stirred: true, loose })
    }

    /// What an append does: all or nothing. It is on the disk when this returns. The first error says
    /// why it may not be. Returns the pieces of the entry.
    pub(crate) fn write(&mut self, write: &Write) -> Result<Range<u64>, String> {
        let place = match &mut self.large {
            Some(large) if !recent::is_small(write) => {
                large.append(write.position, &write.entry)?
            }
            Some(_) | None => None,
        };
        let placed = place.map(|place| {
            let remove = write.remove.clone();
            Write { position: write.position, entry: place.encode(), remove }
        });
        let write = placed.as_ref().unwrap_or(write);
        match &mut self.recent {
            Some(recent) if recent.takes(write) => recent.append(write)?,
            Some(_) | None => self.settle(Some(write))?,
        }
        if let Some(large) = &mut self.large {
            if let Some(place) = place {
                large.note(write.position, place);
            }
            write.remove.iter().for_each(|range| large.remove(range.start));
        }
        Ok(write.pieces())
    }

    /// Whether the next write may soon have to wait until sled has done all that is recent.
    pub(crate) fn has_backlog(&self) -> bool {
        self.recent.as_ref().is_some_and(Recent::is_half_full)
    }

    /// Has sled do all that is recent, and this if there is one, as one batch.
    pub(crate) fn settle(&mut self, write: Option<&Write>) -> Result<(), String> {
        let recent = self.recent.as_ref().map_or(Ok(Vec::new()), Recent::writes)?;
        let writes = || recent.iter().chain(write);
        let mut batch = sled::Batch::default();
        for write in writes() {
            for (key, piece) in keys(&write.pieces()).zip(write.entry.chunks(PIECE)) {
                batch.insert(&key, piece);
            }
            for range in &write.remove {
                keys(range).for_each(|key| batch.remove(&key));
            }
            for range in write.remove.iter().chain([&write.pieces()]) {
                self.broom.note(range.end - range.start);
            }
        }
        if let Some(recent) = self.recent.as_ref().filter(|recent| !recent.is_empty()) {
            batch.insert(&SETTLED, &recent.last().to_be_bytes());
        }
        quiet::catch(|| {
            self.db().apply_batch(batch)?;
            self.db().flush()
        })?
        .map_err(|error| error.to_string())?;
        for write in writes() {
            keys(&write.pieces()).try_for_each(|key| self.press(&key, QUEUE - WRITTEN))?;
        }
        crossbeam_epoch::pin().flush();
        self.sync()?;
        if let Some(recent) = &mut self.recent {
            recent.is_settled();
        }
        self.is_stirred = true;
        Ok(())
    }

    /// Keeps sled's file from growing far beyond what of the `bytes` of all entries is there: has sled
    /// empty segments of which little lives. What has moved is on the disk when this returns.
    pub(crate) fn tidy(&mut self, bytes: u64) -> Result<(), String> {
        if !mem::take(&mut self.is_stirred) {
            return Ok(());
        }
        let bytes = bytes.saturating_sub(self.large.as_ref().map_or(0, Large::saved));
        for _ in 0..SWEEPS {
            let size = self.file.metadata().map_err(|error| error.to_string())?.len();
            if !self.broom.is_due(size, bytes) {
                return Ok(());
            }
            quiet::catch(|| self.broom.sweep().and_then(|()| self.db().flush()))?
                .map_err(|error| error.to_string())?;
            self.sync()?;
        }
        // The rest is for the next append.
        self.is_stirred = true;
        Ok(())
    }

    fn sync(&self) -> Result<(), String> {
        self.file.sync_data().map_err(|error| format!("cannot sync {}: {error}", self.shown()))
    }

    /// The bytes of the entry with these pieces.
    pub(crate) fn read(&self, pieces: &Range<u64>) -> Result<Vec<u8>, Unreadable> {
        if let Some(recent) = &self.recent
            && let Some(write) = recent.write_at(pieces.start)?
        {
            return Ok(self.placed(pieces.start, &write.entry)?.unwrap_or(write.entry));
        }
        let mut bytes = Vec::new();
        for key in keys(pieces) {
            let piece = quiet::catch(|| self.db().get(key))?.map_err(|error| error.to_string())?;
            let missing = || format!("a piece of entry {} is missing", pieces.start);
            bytes.extend_from_slice(&piece.ok_or_else(missing)?);
        }
        Ok(self.placed(pieces.start, &bytes)?.unwrap_or(bytes))
    }

    /// The entry at a position, if only its place is there.
    fn placed(&self, position: u64, bytes: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(place) = Place::parse(bytes) else { return Ok(None) };
        let large =
            self.large.as_ref().ok_or("there is no room for the directory of large entries")?;
        large.note(position, place);
        large.entry(position, place).map(Some)
    }

    /// Removes what has been left of large entries. All entries must have been seen by
    /// [`scan`](Self::scan).
    pub(crate) fn sweep(&self) -> Result<(), StoreError> {
        self.large.as_ref().map_or(Ok(()), Large::sweep)
    }

    /// Shows every entry, oldest first, with the range of its pieces.
    pub(crate) fn scan(
        &self,
        mut visit: impl FnMut(Range<u64>, &[u8]) -> Result<(), String>,
    ) -> Result<(), Unreadable> {
        let recent = self.recent.as_ref().map_or(Ok(Vec::new()), Recent::writes)?;
        let removed = recent.iter().flat_map(|write| &write.remove);
        let removed: BTreeSet<u64> = removed.map(|range| range.start).collect();
        let mut visit = |range: Range<u64>, bytes: &[u8]| {
            if removed.contains(&range.start) {
                return Ok(());
            }
            let placed = self.placed(range.start, bytes)?;
            Ok(visit(range, placed.as_deref().unwrap_or(bytes))?)
        };
        let mut pieces = quiet::catch(|| self.db().range(..SETTLED))?;
        let mut bytes = Vec::new();
        let mut expected: Option<(Range<u64>, u32)> = None;
        while let Some(pair) = quiet::catch(|| pieces.next())? {
            let (key, piece) = pair.map_err(|error| error.to_string())?;
            let (at, left) = parse_key(&key).ok_or("a key has a wrong length")?;
            let start = match expected.take() {
                None => at,
                Some((range, follow)) if range.end == at && follow == left + 1 => range.start,
                Some((range, _)) => return Err(missing(range.end)),
            };
            bytes.extend_from_slice(&piece);
            self.press(&key, QUEUE)?;
            let range = start..at.checked_add(1).ok_or("a key is out of range")?;
            if left == 0 {
                visit(range, &bytes)?;
                bytes.clear();
            } else {
                expected = Some((range, left));
            }
        }
        if let Some((range, _)) = expected {
            return Err(missing(range.end));
        }
        recent.iter().try_for_each(|write| visit(write.pieces(), &write.entry))
    }

    /// Makes sled keep to the limit of its cache where the page of this key is counted, once for
    /// each page: looks at it so often.
    fn press(&self, key: &[u8], looks: u64) -> Result<(), String> {
        let loose = self.loose.get() + 1;
        self.loose.set(loose % PAGE);
        if loose < PAGE {
            return Ok(());
        }
        let touch = || (0..looks).try_for_each(|_| self.db().get(key).map(|_| ()));
        quiet::catch(touch)?.map_err(|error| error.to_string())
    }

    /// How much sled will be given together with the next write.
    pub(crate) fn recent_bytes(&self) -> u64 {
        self.recent.as_ref().map_or(0, Recent::size)
    }

    /// Where the data are, for messages.
    pub(crate) fn data_path(&self) -> PathBuf {
        self.path.join("db")
    }

    fn shown(&self) -> String {
        self.data_path().display().to_string()
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            drop_quietly(db);
        }
    }
}

fn start(path: &Path, options: &StoreOptions) -> Result<sled::Db, StoreError> {
    let damaged = |what| StoreError::Damaged { path: path.to_owned(), what };
    let mut attempts = 0;
    loop {
        let config = sled::Config::new()
            .path(path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(options.cache.max(LEAST_CACHE))
            .segment_size(SEGMENT)
            .flush_every_ms(None);
        match quiet::catch(|| config.open()).map_err(damaged)? {
            Ok(db) => return Ok(db),
            Err(error) if is_lock(&error) && attempts < LOCK_ATTEMPTS => {
                attempts += 1;
                thread::park_timeout(Duration::from_millis(1));
            }
            Err(sled::Error::Io(source)) => return Err(StoreError::io("open", path)(source)),
            Err(error) => return Err(damaged(error.to_string())),
        }
    }
}

/// The number of the last write that went from [`Recent`] to sled.
fn settled(db: &sled::Db) -> Result<u64, String> {
    let found = quiet::catch(|| db.get(SETTLED))?.map_err(|error| error.to_string())?;
    let Some(found) = found else { return Ok(0) };
    let found = found.as_ref().try_into().map_err(|_| "a number has a wrong length")?;
    Ok(u64::from_be_bytes(found))
}

/// Whether there was no room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// sled syncs once more when it is dropped, and panics if it cannot. All that was acknowledged is
/// synced already.
fn drop_quietly(db: sled::Db) {
    let _ = quiet::catch(|| drop(db));
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(StoreError::io("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// How many pieces this makes.
pub(crate) fn count(bytes: usize) -> u64 {
    bytes.div_ceil(PIECE) as u64
}

fn missing(piece: u64) -> Unreadable {
    format!("piece {piece} is missing").into()
}

/// The keys of the pieces of an entry.
fn keys(pieces: &Range<u64>) -> impl Iterator<Item = [u8; KEY]> + use<> {
    let end = pieces.end;
    pieces.clone().map(move |at| {
        let left = u32::try_from(end - 1 - at).expect("entries are limited to far less");
        key(at, left)
    })
}

fn key(at: u64, left: u32) -> [u8; KEY] {
    let mut key = [0; KEY];
    key[..8].copy_from_slice(&at.to_be_bytes());
    key[8..].copy_from_slice(&left.to_be_bytes());
    key
}

fn parse_key(key: &[u8]) -> Option<(u64, u32)> {
    let (at, left) = key.split_first_chunk()?;
    Some((u64::from_be_bytes(*at), u32::from_be_bytes(left.try_into().ok()?)))
}

fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().contains("could not acquire lock"))
}

/// sled syncs neither its settings nor its directories.
fn sync_tree(path: &Path) -> Result<(), StoreError> {
    let entries = fs::read_dir(path).map_err(StoreError::io("list", path))?;
    for entry in entries {
        let entry = entry.map_err(StoreError::io("list", path))?;
        sync(&entry.path())?;
    }
    sync(path)
}

/// Makes a file or the names in a directory durable.
pub(crate) fn sync(path: &Path) -> Result<(), StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    file.sync_all().map_err(StoreError::io("sync", path))
}
