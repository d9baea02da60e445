//! Which pages were written since somebody last asked.

use std::fmt;
use std::slice;
use std::sync::{Mutex, PoisonError};

use ferry_units::{PageCount, PageIndex, PageRun, PageSet};

use crate::cards::{Harvest, look, mark, take};
use crate::error::MemoryError;
use crate::sync::AtomicU8;
use crate::{GuestMemory, Stopped};

/// Which pages were written since somebody last asked.
///
/// A log is on from when it is made until it is dropped, while vCPUs run. What it promises, whoever
/// keeps it, is that no write is missed:
///
/// - a write that a reader who begins after the log was made cannot see is in a later harvest;
/// - so is a write that a reader cannot see who begins after a harvest that had the page.
///
/// So the order is: take the marks of some pages, then read those pages. A page may be harvested
/// although nothing changed, never the reverse. Several threads may harvest at the same time; of
/// those that meet at a page while the guest runs, one gets it.
///
/// [`CardLog`] is fed by the guest's own writes and works everywhere. Tracking by the kernel
/// (userfaultfd's `WP_ASYNC` with `PAGEMAP_SCAN`), for guests whose stores are not ours, would stand
/// behind the same trait.
pub trait DirtyLog: fmt::Debug + Send + Sync {
    /// Takes the marks of the pages of `run`, adds those pages to `dirty` and returns how many they
    /// were. Not for a thread that is [`Running`](crate::Running) itself: it might wait for its own
    /// next checkpoint.
    ///
    /// # Errors
    /// [`MemoryError::NoSuchPages`], and [`MemoryError::AnotherGuest`] for a set that belongs to a
    /// memory of another size.
    fn harvest(&self, run: PageRun, dirty: &mut PageSet) -> Result<PageCount, MemoryError>;

    /// The same while the vCPUs stand still, of which `stopped` is the proof: cheaper, and final.
    /// As long as that proof exists nothing is written, so a page that this did not return will not
    /// be dirty.
    ///
    /// # Errors
    /// As [`harvest`](Self::harvest), and [`MemoryError::AnotherGuest`] for a proof that another
    /// guest stands still.
    fn harvest_stopped(
        &self,
        stopped: &Stopped,
        run: PageRun,
        dirty: &mut PageSet,
    ) -> Result<PageCount, MemoryError>;

    /// Adds the pages of `run` that a harvest would find to `dirty`, takes nothing, and returns how
    /// many they were. A hint: a page that is dirty again already may better be sent later.
    ///
    /// # Errors
    /// As [`harvest`](Self::harvest).
    fn peek(&self, run: PageRun, dirty: &mut PageSet) -> Result<PageCount, MemoryError>;
}

/// A log that the guest's own writes keep: one mark for each page, set after the data.
///
/// The marks are there always, for a branch that would skip them costs as much as they do: making a
/// log clears its own and so begins to follow. See [`GuestMemory::log`].
#[derive(Debug)]
pub struct CardLog {
    memory: GuestMemory,
    bit: u8,
}

/// The cards of one guest, and which logs use them.
#[derive(Debug)]
pub(crate) struct Cards {
    /// One for each page.
    marks: Box<[AtomicU8]>,
    /// The bits that logs own.
    owned: Mutex<u8>,
}

impl GuestMemory {
    /// Begins to follow writes: from the return of this call on, what a reader cannot see is in a
    /// later harvest. A migration that begins with it goes on to send everything once, and a
    /// measurement of how fast a guest writes begins with nothing; both may run at once. vCPUs do
    /// not stop for it.
    ///
    /// Takes up to 0.6 ms for each GiB of memory. Not for a thread that is
    /// [`Running`](crate::Running) itself.
    ///
    /// # Errors
    /// [`MemoryError::TooManyLogs`], and [`MemoryError::StillArriving`] in post-copy: pages that
    /// arrive are not marked.
    pub fn log(&self) -> Result<CardLog, MemoryError> {
        let missing = self.missing();
        if missing.0 > 0 {
            return Err(MemoryError::StillArriving { missing });
        }
        let bit = self.cards().acquire().ok_or(MemoryError::TooManyLogs)?;
        let log = CardLog { memory: self.clone(), bit };
        // Whoever wrote before looked at a card with this bit, or is seen after the barrier.
        let clear = |marks: &[AtomicU8]| take(marks, bit, Harvest::Running);
        self.cards().read(self.ram().whole(), clear, |_, _| ());
        self.pass_barrier();
        Ok(log)
    }
}

impl CardLog {
    /// How many can follow one guest at the same time: a card has so many bits.
    pub const MOST: u32 = u8::BITS;

    /// Adds what `read` finds at the cards of `run` to `dirty`.
    fn collect(
        &self,
        run: PageRun,
        dirty: &mut PageSet,
        read: impl Fn(&[AtomicU8]) -> u64,
    ) -> Result<PageCount, MemoryError> {
        let ram = self.memory.ram();
        ram.span_of(run)?;
        if dirty.memory() != ram.pages() {
            return Err(MemoryError::AnotherGuest);
        }
        let mut count = 0;
        self.memory.cards().read(run, read, |number, found| {
            dirty.merge(number, found);
            count += u64::from(found.count_ones());
        });
        Ok(PageCount(count))
    }
}

impl DirtyLog for CardLog {
    fn harvest(&self, run: PageRun, dirty: &mut PageSet) -> Result<PageCount, MemoryError> {
        let count = self.collect(run, dirty, |marks| take(marks, self.bit, Harvest::Running))?;
        // Nothing taken is nothing to be read: what a look at a card could have missed is still
        // marked.
        if count.0 > 0 {
            self.memory.pass_barrier();
        }
        Ok(count)
    }

    fn harvest_stopped(
        &self,
        stopped: &Stopped,
        run: PageRun,
        dirty: &mut PageSet,
    ) -> Result<PageCount, MemoryError> {
        if !stopped.memory().is(&self.memory) {
            return Err(MemoryError::AnotherGuest);
        }
        self.collect(run, dirty, |marks| take(marks, self.bit, Harvest::Stopped))
    }

    fn peek(&self, run: PageRun, dirty: &mut PageSet) -> Result<PageCount, MemoryError> {
        self.collect(run, dirty, |marks| look(marks, self.bit))
    }
}

impl Drop for CardLog {
    fn drop(&mut self) {
        self.memory.cards().release(self.bit);
    }
}

impl Cards {
    /// Clean cards for so many pages.
    pub(crate) fn new(pages: PageCount) -> Self {
        let marks = (0..pages.0).map(|_| AtomicU8::new(0)).collect();
        Self { marks, owned: Mutex::new(0) }
    }

    /// Marks the pages of `run`, all of which exist and were written before.
    pub(crate) fn mark(&self, run: PageRun) {
        mark(self.of(run.numbers()));
    }

    /// Marks one page, which exists and was written before.
    pub(crate) fn mark_one(&self, page: PageIndex) {
        let card = usize::try_from(page.0).ok().and_then(|page| self.marks.get(page));
        mark(card.map(slice::from_ref).unwrap_or_default());
    }

    /// Has `read` read the cards of `run`, all of whose pages exist, up to 64 at a time, and tells
    /// `found` what it found: the number of a word of the bitmap, and bits of it.
    fn read(
        &self,
        run: PageRun,
        read: impl Fn(&[AtomicU8]) -> u64,
        mut found: impl FnMut(u64, u64),
    ) {
        for (number, mask) in run.bitmap() {
            let first = u64::from(mask.trailing_zeros());
            let start = number * PageSet::PAGES_PER_WORD + first;
            let bits = read(self.of(start..start + u64::from(mask.count_ones())));
            if bits != 0 {
                found(number, bits << first);
            }
        }
    }

    fn of(&self, pages: std::ops::Range<u64>) -> &[AtomicU8] {
        let index = |page| usize::try_from(page).unwrap_or(usize::MAX);
        self.marks.get(index(pages.start)..index(pages.end)).unwrap_or_default()
    }

    fn acquire(&self) -> Option<u8> {
        let mut owned = self.owned.lock().unwrap_or_else(PoisonError::into_inner);
        let bit = 1_u8.checked_shl(owned.trailing_ones())?;
        *owned |= bit;
        Some(bit)
    }

    fn release(&self, bit: u8) {
        *self.owned.lock().unwrap_or_else(PoisonError::into_inner) &= !bit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_units::{Bytes, PageRun};

    fn memory() -> GuestMemory {
        GuestMemory::create("test", Bytes::from_kib(800)).unwrap()
    }

    fn dirty(log: &CardLog) -> Vec<String> {
        let mut dirty = log.memory.ram().no_pages();
        let count = log.harvest(log.memory.ram().whole(), &mut dirty).unwrap();
        assert_eq!(count, dirty.count());
        dirty.runs().map(|run| run.to_string()).collect()
    }

    #[test]
    fn a_log_has_what_was_written_since_it_was_asked() {
        let memory = memory();
        memory.enter().store(Bytes::ZERO, 1).unwrap();
        let log = memory.log().unwrap();
        assert!(dirty(&log).is_empty());

        memory.enter().store(Bytes::from_kib(8), 1).unwrap();
        memory.enter().write(Bytes::from_kib(400), &[1; 5000]).unwrap();
        let mut seen = memory.ram().no_pages();
        assert_eq!(log.peek(memory.ram().whole(), &mut seen).unwrap(), PageCount(3));
        assert_eq!(dirty(&log), ["page 2", "pages 100 to 101"]);
        assert_eq!((seen.count(), dirty(&log).len()), (PageCount(3), 0));
        assert_eq!(log.peek(memory.ram().whole(), &mut seen).unwrap(), PageCount(0));
        memory.enter().store(Bytes::from_kib(8), 1).unwrap();
        assert_eq!(dirty(&log), ["page 2"]);
    }

    #[test]
    fn each_log_has_its_own_marks() {
        let memory = memory();
        let logs: Vec<_> = (0..CardLog::MOST).map(|_| memory.log().unwrap()).collect();
        assert!(matches!(memory.log(), Err(MemoryError::TooManyLogs)));
        memory.enter().store(Bytes::ZERO, 1).unwrap();
        for log in &logs {
            assert_eq!(dirty(log), ["page 0"]);
        }
        assert!(logs.iter().all(|log| dirty(log).is_empty()));
        drop(logs);
        assert!(memory.log().is_ok());
    }

    #[test]
    fn a_harvest_takes_the_marks_of_its_run_only() {
        let memory = memory();
        let log = memory.log().unwrap();
        memory.enter().write(Bytes::ZERO, &vec![1; 200 * 4096]).unwrap();
        let mut dirty_pages = memory.ram().no_pages();
        let run = PageRun::new(PageIndex(60), PageCount(70));
        assert_eq!(log.harvest(run, &mut dirty_pages).unwrap(), PageCount(70));
        assert_eq!(dirty_pages.runs().collect::<Vec<_>>(), [run]);
        assert_eq!(dirty(&log), ["pages 0 to 59", "pages 130 to 199"]);
    }

    #[test]
    fn a_proof_or_a_set_of_another_guest_is_refused() {
        let (memory, other) = (memory(), GuestMemory::create("other", Bytes::from_kib(4)).unwrap());
        let log = memory.log().unwrap();
        let (stopped, others) = (memory.stop(), other.stop());
        let whole = memory.ram().whole();
        let mut dirty = memory.ram().no_pages();
        assert!(log.harvest_stopped(&stopped, whole, &mut dirty).is_ok());
        for refused in [
            log.harvest_stopped(&others, whole, &mut dirty),
            log.harvest(whole, &mut other.ram().no_pages()),
            log.harvest_stopped(&stopped, whole, &mut other.ram().no_pages()),
        ] {
            assert!(matches!(refused, Err(MemoryError::AnotherGuest)), "{refused:?}");
        }
        let beyond = PageRun::new(PageIndex(200), PageCount(1));
        let refused = log.harvest(beyond, &mut dirty);
        assert!(matches!(refused, Err(MemoryError::NoSuchPages { .. })), "{refused:?}");
    }
}
