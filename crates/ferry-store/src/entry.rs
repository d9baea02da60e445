//! The bytes of an entry: what one append writes.
//!
//! ```text
//! version 1 | position 8 | tail 8 | base 8 | previous chain 4 | items… | chain 4
//! item: tag 1 | revision 8 | key length 4 | value length 4 | key | value
//! ```
//!
//! All numbers are little-endian. The chain is the CRC-32 of everything before it, begun with the
//! chain of the entry before: an entry that is missing, doubled or out of order breaks it. The tail
//! is where the oldest entry stood when this one was written, so that a lost beginning shows too. The
//! base is the revision whose state was kept by then: no older state can be told from what is left.

use crate::record::{Record, RecordChange};

/// The only version there is. [`Place`](crate::large::Place) has another first byte.
const VERSION: u8 = 1;

const HEADER: usize = 1 + 8 + 8 + 8 + 4;
const TAIL_AT: usize = 1 + 8;
const BASE_AT: usize = TAIL_AT + 8;
const CHAIN: usize = 4;
const ITEM_HEADER: usize = 1 + 8 + 4 + 4;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// A record that puts.
    Put,
    /// A record that deletes.
    Delete,
    /// A put that stood in an older entry, which was removed. It is state and no longer history.
    Carried,
    /// A deletion that stood in an older entry. It outlives that one, once and without its value,
    /// because a value from before it may have been carried past it while it was still history.
    Buried,
}

impl Tag {
    fn byte(self) -> u8 {
        match self {
            Self::Put => 1,
            Self::Delete => 2,
            Self::Carried => 3,
            Self::Buried => 4,
        }
    }

    fn parse(byte: u8) -> Option<Self> {
        let tags = [Self::Put, Self::Delete, Self::Carried, Self::Buried];
        tags.into_iter().find(|tag| tag.byte() == byte)
    }
}

/// One change in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) tag: Tag,
    pub(crate) revision: u64,
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
}

impl<'a> From<&'a Record> for Item<'a> {
    fn from(record: &'a Record) -> Self {
        let (tag, value) = match &record.change {
            RecordChange::Put(value) => (Tag::Put, value),
            RecordChange::Delete(value) => (Tag::Delete, value),
        };
        Self { tag, revision: record.revision, key: &record.key, value }
    }
}

/// An entry that is being written.
pub(crate) struct Builder {
    bytes: Vec<u8>,
    previous: u32,
}

impl Builder {
    /// At `position`, after an entry with the chain `previous`; `size` is a guess, and `bytes` a buffer
    /// that nobody needs any more.
    pub(crate) fn new(position: u64, previous: u32, size: usize, mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        bytes.reserve(HEADER + size + CHAIN);
        bytes.push(VERSION);
        bytes.extend(position.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(previous.to_le_bytes());
        Self { bytes, previous }
    }

    pub(crate) fn push(&mut self, item: Item<'_>) {
        let length = |part: &[u8]| {
            u32::try_from(part.len()).expect("batches are limited to far less than 4 GiB")
        };
        self.bytes.push(item.tag.byte());
        self.bytes.extend(item.revision.to_le_bytes());
        self.bytes.extend(length(item.key).to_le_bytes());
        self.bytes.extend(length(item.value).to_le_bytes());
        self.bytes.extend(item.key);
        self.bytes.extend(item.value);
    }

    /// How long it will be.
    pub(crate) fn size(&self) -> u64 {
        (self.bytes.len() + CHAIN) as u64
    }

    /// The bytes and their chain.
    pub(crate) fn finish(mut self, tail: u64, base: u64) -> (Vec<u8>, u32) {
        self.bytes[TAIL_AT..BASE_AT].copy_from_slice(&tail.to_le_bytes());
        self.bytes[BASE_AT..BASE_AT + 8].copy_from_slice(&base.to_le_bytes());
        let chain = checksum(self.previous, &self.bytes);
        self.bytes.extend(chain.to_le_bytes());
        (self.bytes, chain)
    }
}

/// An entry that was read and whose chain is right.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) position: u64,
    pub(crate) tail: u64,
    pub(crate) base: u64,
    pub(crate) previous: u32,
    pub(crate) chain: u32,
    items: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Says what is wrong if it is not an entry.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let (body, chain) = bytes.split_last_chunk().ok_or("an entry is too short")?;
        let mut rest = body;
        let [version] = take(&mut rest).ok_or("an entry is too short")?;
        if version != VERSION {
            return Err("an entry has an unknown version");
        }
        let position = take(&mut rest).map(u64::from_le_bytes).ok_or("an entry is too short")?;
        let tail = take(&mut rest).map(u64::from_le_bytes).ok_or("an entry is too short")?;
        let base = take(&mut rest).map(u64::from_le_bytes).ok_or("an entry is too short")?;
        let previous = take(&mut rest).map(u32::from_le_bytes).ok_or("an entry is too short")?;
        let chain = u32::from_le_bytes(*chain);
        if checksum(previous, body) != chain {
            return Err("the checksum of an entry is wrong");
        }
        Ok(Self { position, tail, base, previous, chain, items: rest })
    }

    /// In the order in which they were written.
    pub(crate) fn items(&self) -> Items<'a> {
        Items { rest: self.items }
    }
}

/// Ends early, with an error, at what is no item.
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    fn item(&mut self) -> Option<Item<'a>> {
        let [tag] = take(&mut self.rest)?;
        let tag = Tag::parse(tag)?;
        let revision = u64::from_le_bytes(take(&mut self.rest)?);
        let key = u32::from_le_bytes(take(&mut self.rest)?);
        let value = u32::from_le_bytes(take(&mut self.rest)?);
        let key = self.rest.split_off(..usize::try_from(key).ok()?)?;
        let value = self.rest.split_off(..usize::try_from(value).ok()?)?;
        Some(Item { tag, revision, key, value })
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Result<Item<'a>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.item().ok_or("an entry ends within a record");
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}

/// What an entry of so many records occupies beside their keys and values.
pub(crate) fn overhead(records: usize) -> u64 {
    (HEADER + CHAIN + records * ITEM_HEADER) as u64
}

/// What an item adds to an entry.
pub(crate) fn footprint(key: &[u8], value: &[u8]) -> u64 {
    (ITEM_HEADER + key.len() + value.len()) as u64
}

/// A CRC-32 that goes on from another.
pub(crate) fn checksum(previous: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(previous);
    hasher.update(bytes);
    hasher.finalize()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> (Vec<u8>, u32) {
        let mut builder = Builder::new(7, 99, 64, vec![5; 9]);
        builder.push(Item { tag: Tag::Put, revision: 1, key: b"a", value: b"one" });
        builder.push(Item { tag: Tag::Delete, revision: 2, key: b"a", value: b"one" });
        builder.push(Item { tag: Tag::Carried, revision: 0, key: b"", value: b"" });
        builder.finish(3, 40)
    }

    #[test]
    fn what_is_written_is_read() {
        let (bytes, chain) = entry();
        let entry = Entry::parse(&bytes).unwrap();
        assert_eq!((entry.position, entry.tail, entry.base), (7, 3, 40));
        assert_eq!((entry.previous, entry.chain), (99, chain));
        let items: Vec<_> = entry.items().map(Result::unwrap).collect();
        assert_eq!(
            items.iter().map(|item| item.tag).collect::<Vec<_>>(),
            [Tag::Put, Tag::Delete, Tag::Carried]
        );
        assert_eq!(items[1].value, b"one");
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (bytes, _) = entry();
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            Entry::parse(&bytes).unwrap_err();
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let (bytes, _) = entry();
        for length in 0..bytes.len() {
            Entry::parse(&bytes[..length]).unwrap_err();
        }
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let mut builder = Builder::new(1, 0, 0, Vec::new());
        builder.push(Item { tag: Tag::Put, revision: 1, key: b"key", value: b"value" });
        for (at, with) in [(HEADER, 9), (HEADER + 9, 200), (HEADER + 12, 255), (HEADER + 16, 255)] {
            let mut bytes = builder.bytes.clone();
            bytes[at] = with;
            let chain = checksum(0, &bytes);
            bytes.extend(chain.to_le_bytes());
            let entry = Entry::parse(&bytes).unwrap();
            let items: Vec<_> = entry.items().collect();
            assert!(matches!(items.as_slice(), [Err(_)]), "{items:?}");
        }
    }
}
