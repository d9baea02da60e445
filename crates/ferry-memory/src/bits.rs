//! A bit for each page, which several threads set.

use std::sync::atomic::{AtomicU64, Ordering};

use ferry_units::{PageCount, PageIndex, PageRun, PageSet};

/// Bits that are only ever set. Who sees one set sees what its setter did before.
#[derive(Debug)]
pub(crate) struct Bits {
    words: Box<[AtomicU64]>,
    memory: PageCount,
}

impl Bits {
    /// No bit set, for a memory of so many pages.
    pub(crate) fn none(memory: PageCount) -> Self {
        let words = PageSet::empty(memory).words().iter().map(|_| AtomicU64::new(0)).collect();
        Self { words, memory }
    }

    /// The bits of all pages that are not in `set`.
    pub(crate) fn all_but(set: &PageSet) -> Self {
        let words = set.words().iter().map(|word| AtomicU64::new(!word)).collect();
        Self { words, memory: set.memory() }
    }

    /// Sets the bits of `run`. Pages that do not exist have none.
    pub(crate) fn set(&self, run: PageRun) {
        for (number, mask) in run.bitmap() {
            let Some(word) = self.word(number) else { return };
            word.fetch_or(mask, Ordering::Release);
        }
    }

    /// The first page of `run` whose bit is not set.
    pub(crate) fn first_unset(&self, run: PageRun) -> Option<PageIndex> {
        self.find(run, |word| !word)
    }

    /// Those pages of `run` whose bits are set, as runs.
    pub(crate) fn set_within(&self, run: PageRun) -> impl Iterator<Item = PageRun> {
        let (mut at, end) = (run.first().0, run.end().0);
        std::iter::from_fn(move || {
            let start = self.find(PageRun::of(at..end), |word| word)?.0;
            at = self.first_unset(PageRun::of(start..end)).map_or(end, |page| page.0);
            Some(PageRun::of(start..at))
        })
    }

    /// The pages whose bits are not set.
    pub(crate) fn unset(&self) -> PageSet {
        let words = self.words.iter().map(|word| !word.load(Ordering::Acquire));
        PageSet::from_words(self.memory, words)
    }

    fn word(&self, number: u64) -> Option<&AtomicU64> {
        usize::try_from(number).ok().and_then(|number| self.words.get(number))
    }

    fn find(&self, run: PageRun, of: impl Fn(u64) -> u64) -> Option<PageIndex> {
        for (number, mask) in run.bitmap() {
            let found = of(self.word(number)?.load(Ordering::Acquire)) & mask;
            if found != 0 {
                let first = u64::from(found.trailing_zeros());
                return Some(PageIndex(number * PageSet::PAGES_PER_WORD + first));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, count: u64) -> PageRun {
        PageRun::new(PageIndex(first), PageCount(count))
    }

    #[test]
    fn bits_are_found_where_they_were_set() {
        let bits = Bits::none(PageCount(150));
        bits.set(run(10, 5));
        bits.set(run(60, 70));
        bits.set(run(149, 1000));
        let whole = run(0, 150);
        let found: Vec<_> = bits.set_within(whole).collect();
        assert_eq!(found, [run(10, 5), run(60, 70), run(149, 1)]);
        assert_eq!(bits.set_within(run(12, 50)).collect::<Vec<_>>(), [run(12, 3), run(60, 2)]);
        assert_eq!(bits.first_unset(run(60, 80)), Some(PageIndex(130)));
        assert_eq!(bits.first_unset(run(60, 70)), None);
        assert_eq!(bits.first_unset(run(5, 0)), None);
        let unset: Vec<_> = bits.unset().runs().collect();
        assert_eq!(unset, [run(0, 10), run(15, 45), run(130, 19)]);
        assert_eq!(Bits::all_but(&bits.unset()).unset(), bits.unset());
    }
}
