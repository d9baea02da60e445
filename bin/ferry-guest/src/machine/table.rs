//! The entries of all pages of a memory, or of all blocks of a disk, and how they travel.
//!
//! They are read and written in regions of 2 MiB. A region whose entries are all alike, such as one
//! that was never written, is one entry; any other is its entries one after the other. That is what
//! a region costs: 3 bytes or 1 KiB.

use std::sync::atomic::{AtomicU16, Ordering};

use ferry_units::PageCount;

use super::coding::{Reader, StateError, Writer};
use super::entry::Entry;

/// Pages or blocks of a region.
const REGION: usize = 512;

const UNIFORM: u8 = 0;
const MIXED: u8 = 1;

/// An entry for each page or block: 2 bytes for each 4 KiB.
///
/// Each has one writer, the vCPU that it belongs to. Whoever else reads them has seen that vCPU
/// stand still, so no entry needs an order of its own.
#[derive(Debug)]
pub(crate) struct Table {
    entries: Box<[AtomicU16]>,
}

impl Table {
    /// A table for so many that were never written.
    pub(crate) fn never_written(count: PageCount) -> Self {
        Self { entries: (0..count.get()).map(|_| AtomicU16::new(0)).collect() }
    }

    /// The entry of the page or block `index`; beyond the end never written.
    pub(crate) fn get(&self, index: u64) -> Entry {
        self.slot(index)
            .and_then(|slot| Entry::from_bits(slot.load(Ordering::Relaxed)))
            .unwrap_or(Entry::NEVER)
    }

    /// Notes what the page or block `index` was given.
    pub(crate) fn set(&self, index: u64, entry: Entry) {
        if let Some(slot) = self.slot(index) {
            slot.store(entry.bits(), Ordering::Relaxed);
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Writes all entries.
    pub(crate) fn save(&self, into: &mut Writer<'_>) {
        into.expect((self.entries.len() + self.entries.len() / REGION + 1) * size_of::<u16>());
        for region in self.entries.chunks(REGION) {
            let mut bits = [0; REGION];
            let bits = &mut bits[..region.len()];
            for (to, from) in bits.iter_mut().zip(region) {
                *to = from.load(Ordering::Relaxed);
            }
            if is_uniform(bits) {
                into.u8(UNIFORM);
                into.u16(bits[0]);
            } else {
                into.u8(MIXED);
                into.u16s(bits);
            }
        }
    }

    /// Reads the entries of `count` pages or blocks, a number that was not read.
    ///
    /// # Errors
    /// [`StateError`] where they end too early or say what no entry says.
    pub(crate) fn restore(count: PageCount, from: &mut Reader<'_>) -> Result<Self, StateError> {
        let mut rest = usize::try_from(count.get()).map_err(|_| StateError::Truncated)?;
        let mut entries = Vec::with_capacity(rest);
        while rest > 0 {
            let length = rest.min(REGION);
            rest -= length;
            let mut bits = [0; REGION];
            let bits = &mut bits[..length];
            match from.u8()? {
                UNIFORM => bits.fill(from.u16()?),
                MIXED => from.u16s(bits)?,
                2.. => return Err(StateError::Malformed { what: "a region of the table" }),
            }
            if !bits.iter().fold(true, |all, bits| all & Entry::is_one(*bits)) {
                return Err(StateError::Malformed { what: "an entry of the table" });
            }
            entries.extend(bits.iter().map(|bits| AtomicU16::new(*bits)));
        }
        Ok(Self { entries: entries.into() })
    }

    fn slot(&self, index: u64) -> Option<&AtomicU16> {
        self.entries.get(usize::try_from(index).ok()?)
    }
}

fn is_uniform(bits: &[u16]) -> bool {
    bits.iter().fold(0, |differs, each| differs | (each ^ bits[0])) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::entry::Kind;
    use proptest::prelude::*;

    fn bits(table: &Table) -> Vec<u16> {
        (0..table.len()).map(|index| table.get(index).bits()).collect()
    }

    proptest! {
        #[test]
        fn a_table_travels_whole(
            count in 1..2_000_u64,
            writes in prop::collection::vec((0..2_000_u64, 1..5_u8), 0..50),
        ) {
            let table = Table::never_written(PageCount(count));
            for (index, times) in writes {
                for _ in 0..times {
                    table.set(index, table.get(index).next(Kind::Text));
                }
            }
            let mut saved = Vec::new();
            table.save(&mut Writer::new(&mut saved));
            let mut reader = Reader::new(&saved);
            let restored = Table::restore(PageCount(count), &mut reader).unwrap();
            prop_assert!(reader.is_at_its_end());
            prop_assert_eq!(bits(&restored), bits(&table));
            for cut in [0, saved.len() / 2, saved.len() - 1] {
                let mut reader = Reader::new(&saved[..cut]);
                prop_assert!(Table::restore(PageCount(count), &mut reader).is_err());
            }
        }
    }

    #[test]
    fn what_was_never_written_takes_three_bytes_for_each_region() {
        let mut saved = Vec::new();
        Table::never_written(PageCount(10 * REGION as u64)).save(&mut Writer::new(&mut saved));
        assert_eq!(saved.len(), 30);
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        let table = Table::never_written(PageCount(3));
        table.set(3, Entry::first(Kind::Text));
        assert_eq!((table.get(3), table.get(u64::MAX)), (Entry::NEVER, Entry::NEVER));
    }
}
