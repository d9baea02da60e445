//! What the guest knows about a page or a block beside the page itself: 16 bits.

use ferry_qmp::words::WorkloadContents;

use super::chance::mix;

/// What a page was last given: 2 bits of kind, 14 bits of generation. All zero is a page that was
/// never written. Generations count from 1, and after the last the first comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(u16);

/// What a content is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Bytes that do not compress.
    Random,
    /// Words, which compress about as well as text does.
    Text,
    /// Zeros.
    Zero,
}

/// How many kinds there are.
const KINDS: u16 = 3;

/// The bits of a generation.
const GENERATION: u16 = (1 << 14) - 1;

impl Entry {
    /// Never written: zeros.
    pub(crate) const NEVER: Self = Self(0);

    /// A block of a disk that was there before the guest was: it may hold anything.
    pub(crate) const UNKNOWN: Self = Self(u16::MAX);

    /// The first content of a page.
    #[cfg(test)]
    pub(crate) fn first(kind: Kind) -> Self {
        Self::NEVER.next(kind)
    }

    /// What comes after this.
    pub(crate) fn next(self, kind: Kind) -> Self {
        let generation = match self.generation() {
            _ if self == Self::UNKNOWN => 1,
            GENERATION => 1,
            generation => generation + 1,
        };
        Self(bits(kind) << 14 | generation)
    }

    /// What `bits` say, if they say anything.
    pub(crate) fn from_bits(bits: u16) -> Option<Self> {
        Self::is_one(bits).then_some(Self(bits))
    }

    /// Whether `bits` say anything: comparisons only, which are made for many at once.
    pub(crate) const fn is_one(bits: u16) -> bool {
        let is_known = bits < KINDS << 14 && (bits & GENERATION != 0 || bits == 0);
        is_known || bits == u16::MAX
    }

    /// As 16 bits.
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    /// How many times it was written, until it began again from 1.
    pub(crate) fn generation(self) -> u16 {
        self.0 & GENERATION
    }

    /// What the content is like: zeros if there never was one, `None` if that is not known.
    pub(crate) fn kind(self) -> Option<Kind> {
        match (self.0 >> 14, self.generation()) {
            (0, 0) | (2, _) => Some(Kind::Zero),
            (0, _) => Some(Kind::Random),
            (1, _) => Some(Kind::Text),
            (_, _) => None,
        }
    }

    /// Whether this is older than `other`: less than half of all generations before it.
    pub(crate) fn is_before(self, other: Self) -> bool {
        let (mine, other) = (self.generation(), other.generation());
        let ahead = (other + GENERATION - mine) % GENERATION;
        mine > 0 && other > 0 && (1..=GENERATION / 2).contains(&ahead)
    }
}

fn bits(kind: Kind) -> u16 {
    match kind {
        Kind::Random => 0,
        Kind::Text => 1,
        Kind::Zero => 2,
    }
}

impl Kind {
    /// What the page `index` gets when a guest writes `contents`.
    pub(crate) fn of(contents: WorkloadContents, index: u64) -> Self {
        match contents {
            WorkloadContents::Random => Self::Random,
            WorkloadContents::Text => Self::Text,
            WorkloadContents::Zero => Self::Zero,
            WorkloadContents::Mixed => match mix(index) % 3 {
                0 => Self::Random,
                1 => Self::Text,
                2.. => Self::Zero,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_wraps_and_skips_zero() {
        let mut entry = Entry::NEVER;
        for expected in (1..=GENERATION).chain(1..=2) {
            let next = entry.next(Kind::Random);
            assert_eq!(next.generation(), expected);
            assert_eq!(Entry::from_bits(next.bits()), Some(next));
            assert!(entry == Entry::NEVER || entry.is_before(next) && !next.is_before(entry));
            entry = next;
        }
    }

    #[test]
    fn bits_that_no_content_has_are_refused() {
        let known = (0..=u16::MAX).filter(|bits| Entry::from_bits(*bits).is_some()).count();
        assert_eq!(known, 3 * usize::from(GENERATION) + 2);
        assert_eq!(Entry::from_bits(1 << 14), None);
        assert_eq!(Entry::from_bits(3 << 14), None);
    }

    #[test]
    fn an_entry_keeps_its_kind() {
        for kind in [Kind::Random, Kind::Text, Kind::Zero] {
            assert_eq!(Entry::first(kind).kind(), Some(kind));
            assert_eq!(Entry::UNKNOWN.next(kind), Entry::first(kind));
        }
        assert_eq!(Entry::NEVER.kind(), Some(Kind::Zero));
        assert_eq!(Entry::UNKNOWN.kind(), None);
    }

    #[test]
    fn mixed_contents_are_some_of_each() {
        let mut counts = [0; 3];
        for page in 0..3_000 {
            counts[usize::from(bits(Kind::of(WorkloadContents::Mixed, page)))] += 1;
        }
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }
}
