//! Sets of nodes, one bit each.
//!
//! What a demand asks of labels and of other pods is turned into such sets once; after that a node
//! costs one bit test for each of its screens, however many labels it carries.

use std::borrow::Borrow;

/// A set of nodes by their slot in the snapshot. 5,000 nodes are 79 words.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeSet {
    words: Vec<u64>,
}

const BITS: usize = u64::BITS as usize;

impl NodeSet {
    pub(crate) fn insert(&mut self, slot: usize) {
        if self.words.len() <= slot / BITS {
            self.words.resize(slot / BITS + 1, 0);
        }
        self.words[slot / BITS] |= 1 << (slot % BITS);
    }

    pub(crate) fn remove(&mut self, slot: usize) {
        if let Some(word) = self.words.get_mut(slot / BITS) {
            *word &= !(1 << (slot % BITS));
        }
    }

    pub(crate) fn contains(&self, slot: usize) -> bool {
        self.words.get(slot / BITS).is_some_and(|word| word >> (slot % BITS) & 1 == 1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The first `count` nodes.
    pub(crate) fn first(count: usize) -> Self {
        let mut words = vec![u64::MAX; count.div_ceil(BITS)];
        if let Some(last) = words.last_mut().filter(|_| !count.is_multiple_of(BITS)) {
            *last = (1 << (count % BITS)) - 1;
        }
        Self { words }
    }

    /// The nodes that are in one of `sets`.
    pub(crate) fn any_of<T: Borrow<Self>>(sets: impl IntoIterator<Item = T>) -> Self {
        let mut any = Self::default();
        for set in sets {
            any.unite(set.borrow());
        }
        any
    }

    /// Adds the nodes of `other`.
    pub(crate) fn unite(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, &theirs) in self.words.iter_mut().zip(&other.words) {
            *word |= theirs;
        }
    }

    /// Keeps the nodes that `other` has too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.truncate(other.words.len());
        for (word, &theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= theirs;
        }
    }

    /// Removes the nodes of `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        for (word, &theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= !theirs;
        }
    }
}

impl FromIterator<usize> for NodeSet {
    fn from_iter<I: IntoIterator<Item = usize>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(slots: &[usize]) -> NodeSet {
        slots.iter().copied().collect()
    }

    fn slots(set: &NodeSet) -> Vec<usize> {
        (0..300).filter(|&slot| set.contains(slot)).collect()
    }

    #[test]
    fn sets_of_different_lengths_combine() {
        let (short, long) = (set(&[1, 5, 63]), set(&[5, 64, 200]));
        for (left, right) in [(&short, &long), (&long, &short)] {
            let mut both = left.clone();
            both.unite(right);
            assert_eq!(slots(&both), [1, 5, 63, 64, 200]);
            let mut common = left.clone();
            common.intersect(right);
            assert_eq!(slots(&common), [5]);
        }
        let mut rest = short.clone();
        rest.subtract(&long);
        assert_eq!(slots(&rest), [1, 63]);
        let mut rest = long;
        rest.subtract(&short);
        assert_eq!(slots(&rest), [64, 200]);
    }

    #[test]
    fn the_first_nodes_are_all_that_there_are() {
        for count in [0, 1, 63, 64, 65, 128, 200] {
            assert_eq!(slots(&NodeSet::first(count)), (0..count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_set_is_empty_once_everything_is_removed() {
        let mut one = set(&[70]);
        assert!(!one.is_empty());
        one.remove(70);
        one.remove(1000);
        assert!(one.is_empty());
        assert!(NodeSet::default().is_empty());
    }
}
