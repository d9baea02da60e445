//! Pages in a row.

use std::ops::Range;
use std::{fmt, iter, mem};

use crate::{Bytes, PageCount, PageIndex, PageSet, PageSize};

/// Pages in a row, of 4 KiB each: the unit in which memory is scanned, sent and placed.
///
/// A run that would reach beyond the last page number there is ends there, so no arithmetic on runs
/// overflows. Whether a memory has such pages is for the memory to say.
///
/// ```
/// use ferry_units::{Bytes, PageCount, PageIndex, PageRun};
///
/// let run = PageRun::new(PageIndex(16), PageCount(4));
/// assert_eq!(run.to_string(), "pages 16 to 19");
/// assert_eq!(run.bytes(), Bytes::from_kib(16));
/// assert!(run.contains(PageIndex(19)) && !run.contains(PageIndex(20)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageRun {
    first: PageIndex,
    count: PageCount,
}

impl PageRun {
    /// `count` pages from `first` on.
    pub const fn new(first: PageIndex, count: PageCount) -> Self {
        let most = u64::MAX - first.0;
        let count = if count.0 < most { count } else { PageCount(most) };
        Self { first, count }
    }

    /// The page `page` alone.
    pub const fn one(page: PageIndex) -> Self {
        Self::new(page, PageCount(1))
    }

    /// The pages whose numbers are in `numbers`; none if that is empty or runs backwards.
    pub const fn of(numbers: Range<u64>) -> Self {
        Self::new(PageIndex(numbers.start), PageCount(numbers.end.saturating_sub(numbers.start)))
    }

    /// Its first page, or where it would be.
    pub const fn first(self) -> PageIndex {
        self.first
    }

    /// The page behind its last.
    pub const fn end(self) -> PageIndex {
        PageIndex(self.first.0 + self.count.0)
    }

    /// How many pages it has.
    pub const fn count(self) -> PageCount {
        self.count
    }

    /// How many bytes it has.
    pub const fn bytes(self) -> Bytes {
        self.count.bytes(PageSize::KIB_4)
    }

    /// Whether it has no pages.
    pub const fn is_empty(self) -> bool {
        self.count.0 == 0
    }

    /// Whether `page` is one of them.
    pub const fn contains(self, page: PageIndex) -> bool {
        self.first.0 <= page.0 && page.0 < self.end().0
    }

    /// Whether all pages of `other` are among them.
    pub const fn encloses(self, other: Self) -> bool {
        other.is_empty() || self.first.0 <= other.first.0 && other.end().0 <= self.end().0
    }

    /// Its pages, one by one.
    pub fn pages(self) -> impl Iterator<Item = PageIndex> {
        self.numbers().map(PageIndex)
    }

    /// It in pieces of `count` pages, the last one perhaps shorter. Nothing for a `count` of zero.
    pub fn pieces(self, count: PageCount) -> impl Iterator<Item = Self> {
        let mut rest = self;
        iter::from_fn(move || {
            let cut = rest.first.0 + rest.count.0.min(count.0);
            let piece = Self::of(rest.first.0..cut);
            rest = Self::of(cut..rest.end().0);
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// The numbers of its pages.
    pub const fn numbers(self) -> Range<u64> {
        self.first.0..self.end().0
    }

    /// Where it is in a bitmap with one bit for each page: the numbers of the words that it touches,
    /// and which of their bits are its pages. Bit `n % 64` of word `n / 64` is page `n`.
    pub fn bitmap(self) -> impl Iterator<Item = (u64, u64)> {
        let mut rest = self.numbers();
        iter::from_fn(move || {
            let number = rest.start / PageSet::PAGES_PER_WORD;
            let end = rest.end.min((number + 1).saturating_mul(PageSet::PAGES_PER_WORD));
            let here = mem::replace(&mut rest.start, end)..end;
            let length = here.end.checked_sub(here.start).filter(|length| *length > 0)?;
            let ones = u64::MAX >> (PageSet::PAGES_PER_WORD - length);
            Some((number, ones << (here.start % PageSet::PAGES_PER_WORD)))
        })
    }
}

impl fmt::Display for PageRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count.0 {
            0 => f.write_str("no pages"),
            1 => write!(f, "{}", self.first),
            _ => write!(f, "pages {} to {}", self.first.0, self.end().0 - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, count: u64) -> PageRun {
        PageRun::new(PageIndex(first), PageCount(count))
    }

    #[test]
    fn a_run_ends_with_the_last_page_there_is() {
        assert_eq!(run(u64::MAX - 1, 5).end(), PageIndex(u64::MAX));
        assert_eq!(run(u64::MAX, u64::MAX).count(), PageCount(0));
        let (start, end) = (5, 3);
        assert!(PageRun::of(start..end).is_empty());
    }

    #[test]
    fn a_run_prints_its_first_and_last_page() {
        for (run, text) in
            [(run(3, 0), "no pages"), (run(3, 1), "page 3"), (run(3, 3), "pages 3 to 5")]
        {
            assert_eq!(run.to_string(), text);
        }
    }

    #[test]
    fn a_run_encloses_what_lies_within_it() {
        for (inner, is_within) in
            [(run(4, 4), true), (run(4, 5), false), (run(3, 2), false), (run(99, 0), true)]
        {
            assert_eq!(run(4, 4).encloses(inner), is_within, "{inner}");
        }
    }

    #[test]
    fn pieces_cover_a_run_once() {
        assert_eq!(
            run(5, 7).pieces(PageCount(3)).collect::<Vec<_>>(),
            [run(5, 3), run(8, 3), run(11, 1)]
        );
        assert_eq!(run(5, 0).pieces(PageCount(3)).count(), 0);
        assert_eq!(run(5, 7).pieces(PageCount(0)).count(), 0);
        assert_eq!(run(5, 2).pieces(PageCount(u64::MAX)).collect::<Vec<_>>(), [run(5, 2)]);
    }
}
