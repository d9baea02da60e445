//! Reading everything: the state where the log begins, and the log.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bytes::Bytes;

use crate::engine::Engine;
use crate::entry::{Entry, Item, Tag};
use crate::ledger::{Change, Ledger, Standing};
use crate::mark::Acknowledged;
use crate::options::Retention;
use crate::record::{Object, Record, RecordChange};
use crate::unreadable::Unreadable;

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The revision where the log begins. It holds every change after it.
    pub base: u64,
    /// The state at `base`, by key.
    pub objects: Vec<Object>,
    /// Every change since, oldest first.
    pub log: Vec<Record>,
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) ledger: Ledger,
    pub(crate) recovered: Recovered,
    /// The newest entry.
    pub(crate) newest: Acknowledged,
    /// Where the next entry goes.
    pub(crate) next: u64,
    /// The chain at the position that was asked about, if an entry stands there.
    pub(crate) chain: Option<u32>,
}

/// Reads all entries. Each must be whole, and must follow the one before it.
pub(crate) fn scan(engine: &Engine, retention: Retention, marked: u64) -> Result<Scan, Unreadable> {
    let mut reader = Reader::new(retention, marked);
    engine.scan(|pieces, bytes| reader.entry(pieces, bytes))?;
    Ok(reader.finish()?)
}

struct Reader {
    ledger: Ledger,
    /// What is known of each key, also that it was deleted.
    state: BTreeMap<Bytes, (u64, Option<Bytes>)>,
    log: VecDeque<Record>,
    newest: Acknowledged,
    next: Option<u64>,
    tail: u64,
    base: u64,
    marked: u64,
    chain: Option<u32>,
}

impl Reader {
    fn new(retention: Retention, marked: u64) -> Self {
        Self {
            ledger: Ledger::new(retention),
            state: BTreeMap::new(),
            log: VecDeque::new(),
            newest: Acknowledged::default(),
            next: None,
            tail: 0,
            base: 0,
            marked,
            chain: None,
        }
    }

    fn entry(&mut self, pieces: Range<u64>, bytes: &[u8]) -> Result<(), String> {
        let position = pieces.start;
        let says = |what: &str| format!("entry {position}: {what}");
        let entry = Entry::parse(bytes).map_err(says)?;
        if entry.position != position {
            return Err(says("it says that it stands elsewhere"));
        }
        if self.next.is_some_and(|next| next != position || entry.previous != self.newest.chain) {
            return Err(says("one before it is missing"));
        }
        let mut standing = Standing {
            pieces: pieces.clone(),
            size: bytes.len() as u64,
            changes: Vec::new(),
            record_bytes: 0,
            revision: self.newest.revision,
        };
        for item in entry.items() {
            self.item(item.map_err(says)?, &mut standing).map_err(says)?;
        }
        self.newest = Acknowledged { revision: standing.revision, position, chain: entry.chain };
        self.tail = entry.tail;
        self.base = entry.base;
        self.next = Some(pieces.end);
        if position == self.marked {
            self.chain = Some(entry.chain);
        }
        self.push(standing);
        Ok(())
    }

    fn item(&mut self, item: Item<'_>, standing: &mut Standing) -> Result<(), &'static str> {
        let Some(record) = record(&item) else {
            let key = Bytes::copy_from_slice(item.key);
            let value = match item.tag {
                Tag::Buried => None,
                Tag::Put | Tag::Delete | Tag::Carried => Some(Bytes::copy_from_slice(item.value)),
            };
            self.settle(item.revision, key, value);
            return Ok(());
        };
        if record.revision <= standing.revision {
            return Err("its revision is not above the one before");
        }
        standing.revision = record.revision;
        standing.changes.push(Change::from(&item));
        standing.record_bytes += record.size();
        self.log.push_back(record);
        Ok(())
    }

    fn push(&mut self, standing: Standing) {
        self.ledger.push(standing);
        self.settle_log();
    }

    /// What left the window becomes state.
    fn settle_log(&mut self) {
        while self.log.len() > self.ledger.records() {
            let Some(Record { revision, key, change }) = self.log.pop_front() else { break };
            match change {
                RecordChange::Put(value) => self.settle(revision, key, Some(value)),
                RecordChange::Delete(_) => self.settle(revision, key, None),
            }
        }
    }

    /// The highest revision counts, wherever it stands.
    fn settle(&mut self, revision: u64, key: Bytes, value: Option<Bytes>) {
        let known = self.state.entry(key).or_default();
        if known.0 <= revision {
            *known = (revision, value);
        }
    }

    fn finish(mut self) -> Result<Scan, String> {
        self.ledger.begin_after(self.base);
        self.settle_log();
        if let Some(tail) = self.ledger.tail()
            && tail != self.tail
        {
            return Err(format!("entries between {} and {tail} are missing", self.tail));
        }
        let state = self.state.into_iter();
        let objects: Vec<_> = state
            .filter_map(|(key, (revision, value))| Some(Object { revision, key, value: value? }))
            .collect();
        let known = objects.iter().map(|it| (it.key.as_ref(), it.revision, it.value.as_ref()));
        self.ledger.adopt(known);
        let recovered = Recovered { base: self.ledger.base(), objects, log: self.log.into() };
        let next = self.next.unwrap_or(1);
        Ok(Scan { ledger: self.ledger, recovered, newest: self.newest, next, chain: self.chain })
    }
}

/// The records of some entries.
pub(crate) fn records<'a>(
    engine: &Engine,
    entries: impl Iterator<Item = &'a Standing>,
) -> Result<Vec<Record>, Unreadable> {
    let mut records = Vec::new();
    for entry in entries {
        let bytes = engine.read(&entry.pieces)?;
        for item in Entry::parse(&bytes)?.items() {
            records.extend(record(&item?));
        }
    }
    Ok(records)
}

fn record(item: &Item<'_>) -> Option<Record> {
    let value = || Bytes::copy_from_slice(item.value);
    let change = match item.tag {
        Tag::Put => RecordChange::Put(value()),
        Tag::Delete => RecordChange::Delete(value()),
        Tag::Carried | Tag::Buried => return None,
    };
    Some(Record { revision: item.revision, key: Bytes::copy_from_slice(item.key), change })
}
