//! A guest's memory as bytes: what anybody may do with it at any time, which is to read.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use ferry_units::{Bytes, PageCount, PageIndex, PageRun, PageSet, PageSize};

use crate::error::MemoryError;
use crate::mapping::Mapping;
use crate::words::{self, WORD};

/// Bytes of a page, the 4 KiB of every dirty log in ferry.
pub(crate) const PAGE: usize = 4096;

/// The memory of a guest, for reading.
///
/// Whoever reads while the guest runs may see a page half before and half after a write, as a
/// device that reads by DMA would. That is no error here: a page that is written while it is being
/// sent is dirty again, and is sent again.
///
/// Writing takes more than this: the guest does it while it is
/// [`Running`](crate::Running), an engine while it is [`Loading`](crate::Loading) the memory or
/// has a [`Claim`](crate::Claim) to pages that have not arrived.
#[derive(Debug)]
pub struct Ram {
    mapping: Mapping,
}

impl Ram {
    /// New memory, all zero. See [`GuestMemory::create`](crate::GuestMemory::create).
    pub(crate) fn create(name: &str, size: Bytes) -> Result<Self, MemoryError> {
        Mapping::create(name, size).map(|mapping| Self { mapping })
    }

    /// How large it is.
    pub fn size(&self) -> Bytes {
        Bytes::new(self.mapping.length() as u64)
    }

    /// How many pages it has.
    pub fn pages(&self) -> PageCount {
        PageSize::KIB_4.pages_in(self.size())
    }

    /// All of its pages.
    pub fn whole(&self) -> PageRun {
        PageRun::new(PageIndex(0), self.pages())
    }

    /// A set with none of its pages.
    pub fn no_pages(&self) -> PageSet {
        PageSet::empty(self.pages())
    }

    /// A set with all of its pages.
    pub fn all_pages(&self) -> PageSet {
        PageSet::full(self.pages())
    }

    /// Copies what is at `offset` into `into`.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], with nothing copied.
    pub fn read(&self, offset: Bytes, into: &mut [u8]) -> Result<(), MemoryError> {
        let span = self.span(offset, into.len())?;
        words::read(self.words(), span.start, into);
        Ok(())
    }

    /// The word at `offset`, in the host's order of bytes.
    ///
    /// # Errors
    /// [`MemoryError::OutOfBounds`], and [`MemoryError::Misaligned`] unless `offset` is a multiple
    /// of 8.
    pub fn load(&self, offset: Bytes) -> Result<u64, MemoryError> {
        self.word(offset).map(|word| word.load(Ordering::Relaxed))
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(crate) fn words(&self) -> &[AtomicU64] {
        self.mapping.words()
    }

    pub(crate) fn word(&self, offset: Bytes) -> Result<&AtomicU64, MemoryError> {
        let at = usize::try_from(offset.get()).unwrap_or(usize::MAX);
        if !at.is_multiple_of(WORD) {
            return Err(MemoryError::Misaligned { offset });
        }
        let word = self.words().get(at / WORD);
        word.ok_or_else(|| self.out_of_bounds(offset, WORD))
    }

    /// The words of the pages of `run`.
    pub(crate) fn words_of(&self, run: PageRun) -> Result<&[AtomicU64], MemoryError> {
        self.span_of(run).map(|span| &self.words()[span.start / WORD..span.end / WORD])
    }

    /// Which bytes `length` bytes at `offset` are.
    pub(crate) fn span(&self, offset: Bytes, length: usize) -> Result<Range<usize>, MemoryError> {
        usize::try_from(offset.get())
            .ok()
            .and_then(|start| Some(start..start.checked_add(length)?))
            .filter(|span| span.end <= self.mapping.length())
            .ok_or_else(|| self.out_of_bounds(offset, length))
    }

    /// Which bytes the pages of `run` are.
    pub(crate) fn span_of(&self, run: PageRun) -> Result<Range<usize>, MemoryError> {
        if !self.whole().encloses(run) {
            return Err(MemoryError::NoSuchPages { run, memory: self.pages() });
        }
        let byte = |page: u64| usize::try_from(page.saturating_mul(PAGE as u64));
        let numbers = run.numbers();
        // An empty run may stand anywhere.
        match (byte(numbers.start), byte(numbers.end)) {
            (Ok(start), Ok(end)) if !run.is_empty() => Ok(start..end),
            _ => Ok(0..0),
        }
    }

    fn out_of_bounds(&self, offset: Bytes, length: usize) -> MemoryError {
        MemoryError::OutOfBounds { offset, length: length as u64, end: self.size() }
    }
}

/// The pages that hold the bytes of `span`.
pub(crate) fn pages_of(span: &Range<usize>) -> PageRun {
    let first = (span.start / PAGE) as u64;
    PageRun::of(if span.is_empty() { first..first } else { first..span.end.div_ceil(PAGE) as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Bytes = Bytes::from_kib(16);

    fn ram() -> Ram {
        Ram::create("test", SIZE).unwrap()
    }

    #[test]
    fn what_reaches_beyond_the_end_is_refused() {
        let ram = ram();
        for (offset, length, is_within) in [
            (0, 16 * 1024, true),
            (16 * 1024, 0, true),
            (16 * 1024, 1, false),
            (16 * 1024 + 1, 0, false),
            (u64::MAX, 1, false),
            (u64::MAX, 0, false),
        ] {
            let mut buffer = vec![0; length];
            let read = ram.read(Bytes::new(offset), &mut buffer);
            assert_eq!(read.is_ok(), is_within, "{length} at {offset}: {read:?}");
        }
    }

    #[test]
    fn a_word_is_aligned_and_within() {
        let ram = ram();
        ram.words()[1].store(42, Ordering::Relaxed);
        assert_eq!(ram.load(Bytes::new(8)).unwrap(), 42);
        assert_eq!(ram.load(Bytes::new(SIZE.get() - 8)).unwrap(), 0);
        let of = |offset| ram.load(Bytes::new(offset)).unwrap_err();
        assert!(matches!(of(9), MemoryError::Misaligned { .. }));
        assert!(matches!(of(SIZE.get()), MemoryError::OutOfBounds { .. }));
        assert!(matches!(of(u64::MAX - 7), MemoryError::OutOfBounds { .. }));
    }

    #[test]
    fn runs_of_other_pages_are_refused() {
        let ram = ram();
        for (first, count, span) in [
            (0, 4, Some(0..16 * 1024)),
            (3, 1, Some(12 * 1024..16 * 1024)),
            (99, 0, Some(0..0)),
            (3, 2, None),
            (u64::MAX, 1, Some(0..0)),
            (u64::MAX - 1, 1, None),
            (0, u64::MAX, None),
        ] {
            let run = PageRun::new(PageIndex(first), PageCount(count));
            assert_eq!(ram.span_of(run).ok(), span, "{run}");
        }
    }

    #[test]
    fn bytes_belong_to_the_pages_that_they_touch() {
        for (span, run) in
            [(0..1, 0..1), (4095..4097, 0..2), (4096..8192, 1..2), (5000..5000, 1..1)]
        {
            assert_eq!(pages_of(&span), PageRun::of(run), "{span:?}");
        }
    }
}
