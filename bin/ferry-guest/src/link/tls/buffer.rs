//! Bytes that wait between a socket and rustls.

/// A queue of bytes in one piece: filled behind, taken from the front. It is as large as what it
/// was ever asked for.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// All of it is initialized; only `start..end` means something.
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is in it.
    pub(super) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The first `count` bytes of what is in it.
    pub(super) fn front_mut(&mut self, count: usize) -> &mut [u8] {
        &mut self.bytes[self.start..self.end][..count]
    }

    /// Room for exactly `count` bytes behind what is in it.
    pub(super) fn spare(&mut self, count: usize) -> &mut [u8] {
        if self.bytes.len() - self.end < count {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.bytes.len() - self.end < count {
            self.bytes.resize(self.end + count, 0);
        }
        &mut self.bytes[self.end..][..count]
    }

    /// The first `count` bytes of the room are filled.
    pub(super) fn add(&mut self, count: usize) {
        debug_assert!(self.end + count <= self.bytes.len());
        self.end += count;
    }

    /// Puts `bytes` behind what is in it.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.spare(bytes.len()).copy_from_slice(bytes);
        self.add(bytes.len());
    }

    /// The first `count` bytes are done with.
    pub(super) fn consume(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        if self.start == self.end {
            self.clear();
        }
    }

    /// Everything is done with.
    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn it_is_a_queue(steps in prop::collection::vec((any::<u8>(), 0..100_usize, 0..100_usize), 0..50)) {
            let mut buffer = Buffer::default();
            let mut model = VecDeque::new();
            for (byte, add, take) in steps {
                buffer.extend(&vec![byte; add]);
                model.extend(vec![byte; add]);
                let take = take.min(model.len());
                buffer.consume(take);
                model.drain(..take);
                prop_assert_eq!(buffer.filled(), model.make_contiguous());
                prop_assert_eq!(buffer.is_empty(), model.is_empty());
                // No larger than it was ever asked for.
                prop_assert!(buffer.bytes.len() <= 50 * 100);
            }
        }
    }

    #[test]
    fn room_is_found_at_the_front_before_it_grows() {
        let mut buffer = Buffer::default();
        buffer.extend(&[1; 100]);
        buffer.consume(90);
        assert_eq!(buffer.spare(90).len(), 90);
        assert_eq!((buffer.filled(), buffer.bytes.len()), (&[1; 10][..], 100));
    }
}
