//! The journal itself: appends, and a little cleaning with each.

use std::mem;
use std::ops::Range;
use std::path::Path;

use crate::engine::Engine;
use crate::entry::{Builder, Entry, Item};
use crate::error::StoreError;
use crate::journal::{Compaction, Journal, Snapshot};
use crate::layout::Layout;
use crate::ledger::{Change, Ledger, Standing};
use crate::mark::{Acknowledged, Mark};
use crate::options::StoreOptions;
use crate::recent::Write;
use crate::record::Record;
use crate::recovery::{self, Recovered, Scan};
use crate::space::{self, Room};
use crate::stats::StoreStats;

/// An append may read so many times its own size to clean. Twice would do on average, where half of
/// what is read is dead; the rest catches up where it is not.
const CLEAN_FACTOR: u64 = 4;

/// And this much besides, so that small appends get past a large entry.
const CLEAN_AT_LEAST: u64 = 32 << 10;

/// All of a batch is in memory several times over while it is written. 256 writers with bodies of
/// 256 KiB fit.
const BATCH: u64 = 64 << 20;

/// As large a buffer is kept from one entry to the next: that of 128 writes of an object. A new one is
/// new memory each time, page by page, which takes longer than to fill it.
const SPARE: usize = 256 << 10;

/// A journal on sled.
pub struct Store {
    engine: Engine,
    mark: Mark,
    ledger: Ledger,
    options: StoreOptions,
    newest: Acknowledged,
    next: u64,
    appends: u64,
    written: u64,
    failed: Option<String>,
    /// The buffer of the last entry, if it is worth keeping.
    spare: Vec<u8>,
    /// Dropped last: it holds the lock.
    layout: Layout,
}

/// What cleaning found.
#[derive(Default)]
struct Cleaned {
    remove: Vec<Range<u64>>,
    result: Compaction,
}

impl Store {
    /// The most that [`Journal::append`] takes: bytes of keys and values.
    pub const MOST_BATCH_BYTES: u64 = BATCH;

    /// Opens the journal in `dir`, or makes one if there is nothing, and reads all of it.
    ///
    /// Refuses what is not a journal, is in use, was written by a newer ferry or lacks anything that
    /// was acknowledged. What a crash left half written is dropped, for it was not acknowledged.
    pub fn open(dir: &Path, options: &StoreOptions) -> Result<(Self, Recovered), StoreError> {
        let layout = Layout::claim(dir)?;
        let engine = Engine::open(&layout, options)?;
        let marked = match Mark::open(&layout.mark()) {
            Err(StoreError::Inaccessible { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                None
            }
            marked => Some(marked?),
        };
        let position = marked.as_ref().map_or(0, |(_, acknowledged)| acknowledged.position);
        let scan = recovery::scan(&engine, options.retention, position);
        let scan = scan.map_err(|unreadable| unreadable.at_open(engine.data_path()))?;
        let mut mark = match marked {
            Some((mark, acknowledged)) => {
                compare(&layout, &engine, acknowledged, &scan)?;
                mark
            }
            None => first_mark(&layout, &scan)?,
        };
        mark.write(scan.newest)?;
        mark.sync()?;
        // Not before: a start that refuses removes nothing.
        engine.sweep()?;
        let store = Self {
            engine,
            mark,
            ledger: scan.ledger,
            options: options.clone(),
            newest: scan.newest,
            next: scan.next,
            appends: 0,
            written: 0,
            failed: None,
            spare: Vec::new(),
            layout,
        };
        Ok((store, scan.recovered))
    }

    fn check(&self, batch: &[Record]) -> Result<u64, StoreError> {
        let mut newest = self.newest.revision;
        let mut bytes = 0;
        for record in batch {
            if record.revision <= newest {
                return Err(StoreError::OutOfOrder { revision: record.revision, newest });
            }
            newest = record.revision;
            bytes += record.size();
        }
        if bytes > BATCH {
            return Err(StoreError::TooLarge { bytes, most: BATCH });
        }
        Ok(bytes)
    }

    fn check_alive(&self) -> Result<(), StoreError> {
        match &self.failed {
            None => Ok(()),
            Some(reason) => {
                let path = self.layout.dir().to_owned();
                Err(StoreError::Failed { path, reason: reason.clone() })
            }
        }
    }

    fn check_room(&self, reserve: u64, bytes: u64) -> Result<(), StoreError> {
        let cost = space::of_entry(bytes) + space::in_sled(self.engine.recent_bytes());
        space::check(&self.options.disk, self.layout.dir(), reserve, cost)
    }

    fn append_leaving(&mut self, batch: &[Record], reserve: u64) -> Result<(), StoreError> {
        self.check_alive()?;
        let bytes = self.check(batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        let budget = bytes * CLEAN_FACTOR + CLEAN_AT_LEAST;
        self.check_room(reserve, bytes + budget)?;
        self.write(batch, budget).map(|_| ())
    }

    /// Writes an entry with these records and what cleaning within `budget` carries over.
    fn write(&mut self, batch: &[Record], budget: u64) -> Result<Compaction, StoreError> {
        let record_bytes: u64 = batch.iter().map(Record::size).sum();
        // Memory for what is carried is found when it is needed.
        let size = usize::try_from(record_bytes).unwrap_or_default() + batch.len() * 32;
        let spare = mem::take(&mut self.spare);
        let mut builder = Builder::new(self.next, self.newest.chain, size, spare);
        let mut changes = Vec::with_capacity(batch.len());
        for record in batch {
            let item = Item::from(record);
            builder.push(item);
            changes.push(Change::from(&item));
        }
        let result = self.clean(&mut builder, budget).and_then(|cleaned| {
            let tail = self.ledger.tail().unwrap_or(self.next);
            let (entry, chain) = builder.finish(tail, self.ledger.base());
            let size = entry.len();
            let write = Write { position: self.next, entry, remove: cleaned.remove };
            let pieces = self.engine.write(&write)?;
            self.engine.tidy(self.ledger.size() + size as u64)?;
            if write.entry.capacity() <= SPARE {
                self.spare = write.entry;
            }
            Ok((size, pieces, chain, cleaned.result))
        });
        let (size, pieces, chain, mut result) = result.map_err(|reason| self.fail(reason))?;
        let revision = batch.last().map_or(self.newest.revision, |record| record.revision);
        self.newest = Acknowledged { revision, position: self.next, chain };
        let end = pieces.end;
        self.ledger.push(Standing { pieces, size: size as u64, changes, record_bytes, revision });
        self.next = end;
        self.appends += 1;
        self.written += size as u64;
        // Durable it is, but if this cannot be remembered, a later loss could not be noticed.
        self.mark.write(self.newest).map_err(|error| self.fail(error.to_string()))?;
        result.remaining = self.ledger.excess();
        Ok(result)
    }

    /// Removes the oldest entries as long as there is too much that is dead, and carries over what is
    /// not.
    fn clean(&mut self, builder: &mut Builder, budget: u64) -> Result<Cleaned, String> {
        let mut cleaned = Cleaned::default();
        let before = builder.size();
        while let Some(entry) = self.ledger.removable() {
            if cleaned.result.removed > 0 && cleaned.result.removed + entry.size > budget {
                break;
            }
            let bytes = match self.engine.read(&entry.pieces) {
                Err(unreadable) if unreadable.is_for_now() => break,
                read => read.map_err(|unreadable| unreadable.to_string())?,
            };
            for item in Entry::parse(&bytes)?.items() {
                if let Some(kept) = self.ledger.keep(&item?) {
                    builder.push(kept);
                }
            }
            let removed = self.ledger.remove().ok_or("an entry is gone")?;
            cleaned.result.removed += removed.size;
            cleaned.remove.push(removed.pieces);
        }
        cleaned.result.carried = builder.size() - before;
        Ok(cleaned)
    }

    fn fail(&mut self, reason: String) -> StoreError {
        let path = self.layout.dir().to_owned();
        self.failed = Some(reason.clone());
        StoreError::Failed { path, reason }
    }
}

/// All that was acknowledged must be there, and be the same.
fn compare(
    layout: &Layout,
    engine: &Engine,
    acknowledged: Acknowledged,
    scan: &Scan,
) -> Result<(), StoreError> {
    if scan.newest.position < acknowledged.position {
        let (acknowledged, found) = (acknowledged.revision, scan.newest.revision);
        let path = layout.dir().to_owned();
        return Err(StoreError::LostWrites { path, acknowledged, found });
    }
    if scan.chain.is_some_and(|chain| chain != acknowledged.chain) {
        let what = format!("entry {} is not the one that was acknowledged", acknowledged.position);
        let path = engine.data_path();
        return Err(StoreError::Damaged { path, what });
    }
    Ok(())
}

/// A journal gets its mark before its first entry.
fn first_mark(layout: &Layout, scan: &Scan) -> Result<Mark, StoreError> {
    if scan.newest != Acknowledged::default() {
        let what = "it is missing, although there are writes".to_owned();
        return Err(StoreError::Damaged { path: layout.mark(), what });
    }
    Mark::create(&layout.mark(), &layout.unfinished_mark())?;
    Ok(Mark::open(&layout.mark())?.0)
}

impl Journal for Store {
    fn append(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.append_leaving(batch, self.options.reserve)
    }

    fn append_essential(&mut self, batch: &[Record]) -> Result<(), StoreError> {
        self.append_leaving(batch, self.options.last_reserve)
    }

    fn room(&self) -> Room {
        Room::new(self.layout.dir(), &self.options)
    }

    fn log_since(&mut self, revision: u64) -> Result<Vec<Record>, StoreError> {
        self.check_alive()?;
        let base = self.ledger.base();
        if revision < base {
            return Err(StoreError::Compacted { asked: revision, base });
        }
        let wanted = self.ledger.window().filter(|entry| entry.revision > revision);
        let read = recovery::records(&self.engine, wanted);
        let mut log = read.map_err(|unreadable| self.fail(unreadable.to_string()))?;
        log.retain(|record| record.revision > revision);
        Ok(log)
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.check_alive()?;
        let scan = recovery::scan(&self.engine, self.options.retention, 0);
        let recovered = scan.map_err(|unreadable| self.fail(unreadable.to_string()))?.recovered;
        Ok(Snapshot { revision: recovered.base, objects: recovered.objects })
    }

    fn compact(&mut self, budget: u64) -> Result<Compaction, StoreError> {
        self.check_alive()?;
        if self.ledger.removable().is_none() {
            return Ok(Compaction::default());
        }
        // It is what makes room.
        self.check_room(self.options.last_reserve, budget)?;
        self.write(&[], budget)
    }

    fn has_backlog(&self) -> bool {
        self.failed.is_none() && self.engine.has_backlog()
    }

    fn work_off(&mut self) -> Result<(), StoreError> {
        self.check_alive()?;
        if !self.engine.has_backlog() {
            return Ok(());
        }
        self.check_room(self.options.reserve, 0)?;
        let settled = self.engine.settle(None);
        let done = settled.and_then(|()| self.engine.tidy(self.ledger.size()));
        done.map_err(|reason| self.fail(reason))
    }

    fn stats(&self) -> StoreStats {
        StoreStats {
            bytes_on_disk: space::used(self.layout.dir()).unwrap_or_default(),
            objects: self.ledger.objects(),
            live_bytes: self.ledger.live(),
            entry_bytes: self.ledger.size(),
            log_records: self.ledger.records(),
            log_bytes: self.ledger.record_bytes(),
            revision: self.newest.revision,
            base: self.ledger.base(),
            appends: self.appends,
            written_bytes: self.written,
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What is not synced yet is exact again after the next open.
        let _ = self.mark.sync();
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("dir", &self.layout.dir()).finish_non_exhaustive()
    }
}
