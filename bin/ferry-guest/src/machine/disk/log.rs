//! Which blocks were written since somebody last asked. The promises are those of
//! [`ferry_memory::DirtyLog`].
//!
//! A write goes to the file and marks afterwards; a harvest takes marks and reads the file
//! afterwards. Taking and marking are read-modify-writes of one word, so one comes first: either the
//! harvest has the mark, and sees the data, or a later one has it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ferry_units::{PageCount, PageRun, PageSet};

/// The marks of every log of a disk.
#[derive(Debug, Default)]
pub(super) struct Logs {
    all: RwLock<Vec<Arc<Marks>>>,
}

/// A bit for each block.
#[derive(Debug)]
struct Marks {
    words: Box<[AtomicU64]>,
}

/// Follows the writes to a disk, from when it is made until it is dropped.
#[derive(Debug)]
pub struct DiskLog {
    logs: Arc<Logs>,
    marks: Arc<Marks>,
}

impl Logs {
    /// Marks the blocks of `run`, which were written before.
    pub(super) fn mark(&self, run: PageRun) {
        for marks in &*self.all.read().unwrap_or_else(PoisonError::into_inner) {
            for (number, mask) in run.bitmap() {
                if let Some(word) = marks.word(number) {
                    word.fetch_or(mask, Ordering::AcqRel);
                }
            }
        }
    }
}

impl Marks {
    fn word(&self, number: u64) -> Option<&AtomicU64> {
        self.words.get(usize::try_from(number).ok()?)
    }
}

impl DiskLog {
    pub(super) fn new(logs: &Arc<Logs>, blocks: PageCount) -> Self {
        let words = blocks.get().div_ceil(PageSet::PAGES_PER_WORD);
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        let marks = Arc::new(Marks { words });
        let mut all = logs.all.write().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&marks));
        drop(all);
        Self { logs: Arc::clone(logs), marks }
    }

    /// Takes the marks of the blocks of `run`, adds those blocks to `dirty` and returns how many
    /// they were. While nobody can write it is final.
    pub fn harvest(&self, run: PageRun, dirty: &mut PageSet) -> PageCount {
        self.collect(run, dirty, |word, mask| {
            if word.load(Ordering::Relaxed) & mask == 0 {
                return 0;
            }
            word.fetch_and(!mask, Ordering::AcqRel) & mask
        })
    }

    /// Adds the blocks of `run` that a harvest would find to `dirty`, takes nothing, and returns how
    /// many they were.
    pub fn peek(&self, run: PageRun, dirty: &mut PageSet) -> PageCount {
        self.collect(run, dirty, |word, mask| word.load(Ordering::Acquire) & mask)
    }

    fn collect(
        &self,
        run: PageRun,
        dirty: &mut PageSet,
        read: impl Fn(&AtomicU64, u64) -> u64,
    ) -> PageCount {
        let end = self.marks.words.len() as u64 * PageSet::PAGES_PER_WORD;
        let run = PageRun::of(run.first().get()..run.end().get().min(end));
        let mut found = 0;
        for (number, mask) in run.bitmap() {
            let bits = self.marks.word(number).map_or(0, |word| read(word, mask));
            dirty.merge(number, bits);
            found += u64::from(bits.count_ones());
        }
        PageCount(found)
    }
}

impl Drop for DiskLog {
    fn drop(&mut self) {
        let mut all = self.logs.all.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|marks| !Arc::ptr_eq(marks, &self.marks));
    }
}
