//! A set of a guest's pages, as compact as a bitmap and read as runs.

use std::iter;

use crate::{PageCount, PageIndex, PageRun};

/// Some of the pages of one guest: one bit for each page that the guest has, 32 KiB for each GiB.
///
/// It takes its whole bitmap when it is made, so its size must never be a number that a peer sent.
/// Pages beyond the end of that memory are never in it; putting them in does nothing.
///
/// ```
/// use ferry_units::{PageCount, PageIndex, PageRun, PageSet};
///
/// let mut pages = PageSet::empty(PageCount(512));
/// pages.insert_run(PageRun::new(PageIndex(60), PageCount(8)));
/// pages.insert(PageIndex(100));
/// pages.remove_run(PageRun::one(PageIndex(63)));
///
/// let runs: Vec<_> = pages.runs().map(|run| run.to_string()).collect();
/// assert_eq!(runs, ["pages 60 to 62", "pages 64 to 67", "page 100"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSet {
    /// Bit `n % 64` of word `n / 64` is page `n`. Bits beyond `memory` are never set.
    words: Vec<u64>,
    memory: PageCount,
}

impl PageSet {
    /// Pages in a word of the bitmap.
    pub const PAGES_PER_WORD: u64 = u64::BITS as u64;

    /// None of the pages of a `memory` that large.
    pub fn empty(memory: PageCount) -> Self {
        Self { words: (0..memory.0.div_ceil(Self::PAGES_PER_WORD)).map(|_| 0).collect(), memory }
    }

    /// All pages of a `memory` that large.
    pub fn full(memory: PageCount) -> Self {
        let mut set = Self::empty(memory);
        set.insert_run(set.whole());
        set
    }

    /// The set whose bitmap is `words`.
    pub fn from_words(memory: PageCount, words: impl Iterator<Item = u64>) -> Self {
        let mut set = Self::empty(memory);
        let whole = set.whole();
        for ((number, mask), word) in whole.bitmap().zip(words) {
            set.merge(number, mask & word);
        }
        set
    }

    /// How many pages the guest has.
    pub fn memory(&self) -> PageCount {
        self.memory
    }

    /// How many of them are in the set.
    pub fn count(&self) -> PageCount {
        PageCount(self.words.iter().map(|word| u64::from(word.count_ones())).sum())
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Whether `page` is.
    pub fn contains(&self, page: PageIndex) -> bool {
        self.word(page.0 / Self::PAGES_PER_WORD) & bit(page) != 0
    }

    /// Puts `page` in.
    pub fn insert(&mut self, page: PageIndex) {
        self.insert_run(PageRun::one(page));
    }

    /// Puts the pages of `run` in.
    pub fn insert_run(&mut self, run: PageRun) {
        for (number, mask) in self.clip(run).bitmap() {
            self.merge(number, mask);
        }
    }

    /// Takes the pages of `run` out.
    pub fn remove_run(&mut self, run: PageRun) {
        for (number, mask) in self.clip(run).bitmap() {
            if let Some(word) = self.word_mut(number) {
                *word &= !mask;
            }
        }
    }

    /// Its pages as runs, as long as they can be, in order.
    pub fn runs(&self) -> impl Iterator<Item = PageRun> {
        self.runs_within(self.whole())
    }

    /// Those of its pages that are in `within` as runs, as long as they can be, in order.
    pub fn runs_within(&self, within: PageRun) -> impl Iterator<Item = PageRun> {
        let within = self.clip(within);
        let mut at = within.first().0;
        iter::from_fn(move || {
            let start = self.find(at..within.end().0, 0)?;
            at = self.find(start..within.end().0, u64::MAX).unwrap_or(within.end().0);
            Some(PageRun::of(start..at))
        })
    }

    /// Puts the pages in whose bits are set in `bits` of the word `number` of the bitmap; see
    /// [`PageRun::bitmap`].
    pub fn merge(&mut self, number: u64, bits: u64) {
        let mask = self.clip(PageRun::of(
            number.saturating_mul(Self::PAGES_PER_WORD)
                ..number.saturating_add(1).saturating_mul(Self::PAGES_PER_WORD),
        ));
        let mask = mask.bitmap().next().map_or(0, |(_, mask)| mask);
        if let Some(word) = self.word_mut(number) {
            *word |= bits & mask;
        }
    }

    /// Puts the pages of `other`, a set of pages of the same memory, in.
    pub fn insert_all(&mut self, other: &Self) {
        for (number, bits) in (0..).zip(other.words()) {
            self.merge(number, *bits);
        }
    }

    /// The bitmap: bit `n % 64` of word `n / 64` is page `n`.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    fn whole(&self) -> PageRun {
        PageRun::new(PageIndex(0), self.memory)
    }

    fn clip(&self, run: PageRun) -> PageRun {
        PageRun::of(run.first().0..run.end().0.min(self.memory.0))
    }

    fn word(&self, number: u64) -> u64 {
        usize::try_from(number)
            .ok()
            .and_then(|number| self.words.get(number))
            .map_or(0, |word| *word)
    }

    fn word_mut(&mut self, number: u64) -> Option<&mut u64> {
        usize::try_from(number).ok().and_then(|number| self.words.get_mut(number))
    }

    /// The first page among `numbers` that is in the set, or, with all bits in `flip`, that is not.
    fn find(&self, numbers: std::ops::Range<u64>, flip: u64) -> Option<u64> {
        PageRun::of(numbers).bitmap().find_map(|(number, mask)| {
            let bits = (self.word(number) ^ flip) & mask;
            (bits != 0).then(|| number * Self::PAGES_PER_WORD + u64::from(bits.trailing_zeros()))
        })
    }
}

fn bit(page: PageIndex) -> u64 {
    1 << (page.0 % PageSet::PAGES_PER_WORD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Not a whole number of words.
    const MEMORY: PageCount = PageCount(200);

    #[derive(Clone, Debug)]
    enum Step {
        Insert(PageRun),
        Remove(PageRun),
    }

    fn any_run() -> impl Strategy<Value = PageRun> {
        prop_oneof![(0..220_u64, 0..100_u64), (any::<u64>(), any::<u64>())]
            .prop_map(|(first, count)| PageRun::new(PageIndex(first), PageCount(count)))
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![any_run().prop_map(Step::Insert), any_run().prop_map(Step::Remove)];
        prop::collection::vec(step, 0..20)
    }

    /// Short enough to be walked through, and as good as the whole.
    fn walkable(run: PageRun) -> impl Iterator<Item = u64> {
        run.numbers().take_while(|number| *number < MEMORY.0)
    }

    proptest! {
        #[test]
        fn a_set_of_pages_is_a_set(steps in any_steps(), within in any_run()) {
            let mut set = PageSet::empty(MEMORY);
            let mut model = BTreeSet::new();
            for step in steps {
                match step {
                    Step::Insert(run) => {
                        set.insert_run(run);
                        model.extend(walkable(run));
                    }
                    Step::Remove(run) => {
                        set.remove_run(run);
                        for page in walkable(run) {
                            model.remove(&page);
                        }
                    }
                }
            }
            prop_assert_eq!(set.count().0, model.len() as u64);
            prop_assert_eq!(set.is_empty(), model.is_empty());
            for page in 0..300 {
                prop_assert_eq!(set.contains(PageIndex(page)), model.contains(&page));
            }

            let runs: Vec<_> = set.runs_within(within).collect();
            let pages: Vec<_> = runs.iter().flat_map(|run| run.numbers()).collect();
            let expected: Vec<_> =
                model.into_iter().filter(|page| within.contains(PageIndex(*page))).collect();
            prop_assert_eq!(pages, expected);
            // As long as they can be: between two runs a page is missing.
            prop_assert!(runs.windows(2).all(|two| two[0].end() < two[1].first()));
        }
    }

    #[test]
    fn a_full_set_has_every_page_and_none_more() {
        let set = PageSet::full(MEMORY);
        assert_eq!(set.count(), MEMORY);
        assert_eq!(set.runs().collect::<Vec<_>>(), [PageRun::new(PageIndex(0), MEMORY)]);
        assert_eq!(PageSet::from_words(MEMORY, [u64::MAX; 9].into_iter()), set);
        assert!(PageSet::full(PageCount(0)).is_empty());
    }
}
