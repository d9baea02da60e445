//! Frames of pages.
//!
//! ```text
//!  0      1        2         4            8                    16
//!  ├ kind ┼ volume ┼ more    ┼ count      ┼ first              ┤  the header, with the first run
//!  ├────────────────────── first << 16 | count ────────────────┤  `more` times: the other runs
//!  ├─ pages of the first run ─┼─ pages of the second ─┼─ …     │  nothing in a frame of zero pages
//! ```
//!
//! The first run stands in the header, so that a frame of one long run needs one look at the socket:
//! a receiver asks for the pages and the next header at once.

use ferry_units::{PageCount, PageIndex, PageRun};

use super::bytes::{Reader, Writer};
use super::error::DecodeError;
use crate::layout::Volume;

/// The most runs of a frame: with the header they fit into one `sendmsg(2)`.
pub const MAX_RUNS: usize = 256;

/// The most pages of a frame, 2 MiB.
pub const MAX_FRAME_PAGES: PageCount = PageCount(512);

// The kinds of frames.
const PAGES: u8 = 1;
const ZEROS: u8 = 2;
const FENCE: u8 = 3;
const PROBE: u8 = 4;

/// Bits of an entry of a [`RunTable`] that say how many pages it has.
const COUNT_BITS: u32 = 16;

/// What is on a data connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Pages that follow.
    Pages(Volume, Vec<PageRun>),
    /// Pages of zeros, of which nothing follows.
    Zeros(Volume, Vec<PageRun>),
    /// Everything that crosses before the guest is handed over is before it.
    Fence {
        /// Which one, from 1.
        number: u16,
        /// How many pages the frames before it named, since the connection was made.
        pages: PageCount,
    },
    /// The destination is to say when it has read everything before it.
    Probe {
        /// Which one of this channel.
        number: u16,
        /// How many pages the frames before it named, since the connection was made.
        pages: PageCount,
    },
}

/// The beginning of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Pages follow, after the entries of a table.
    Pages {
        /// Of which volume.
        volume: Volume,
        /// The first run.
        first: PageRun,
        /// How many runs there are besides.
        more: u16,
    },
    /// Pages of zeros.
    Zeros {
        /// Of which volume.
        volume: Volume,
        /// The first run.
        first: PageRun,
        /// How many runs there are besides.
        more: u16,
    },
    /// Everything that crosses before the guest is handed over is before it.
    Fence {
        /// Which one, from 1.
        number: u16,
        /// How many pages were named before.
        pages: PageCount,
    },
    /// The destination is to say when it has read everything before it.
    Probe {
        /// Which one of this channel.
        number: u16,
        /// How many pages were named before.
        pages: PageCount,
    },
}

/// The runs of a frame but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunTable;

impl Frame {
    /// The bytes in front of the pages, appended to `bytes`.
    ///
    /// A frame has between 1 and [`MAX_RUNS`] runs with at most [`MAX_FRAME_PAGES`] in all.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut writer = Writer::default();
        let (kind, volume, runs) = match self {
            Self::Pages(volume, runs) => (PAGES, *volume, runs),
            Self::Zeros(volume, runs) => (ZEROS, *volume, runs),
            Self::Fence { number, pages } | Self::Probe { number, pages } => {
                let kind = if let Self::Fence { .. } = self { FENCE } else { PROBE };
                writer.u8(kind).u8(0).u16(*number).u32(0).u64(pages.0);
                bytes.extend(writer.done());
                return;
            }
        };
        let volume = u8::try_from(volume.ordinal()).expect("there are fewer volumes");
        let (first, more) = runs.split_first().expect("a frame has a run");
        let number = |value: usize| u16::try_from(value).expect("a frame has few runs");
        let count = |run: &PageRun| u32::try_from(run.count().0).expect("a frame has few pages");
        writer.u8(kind).u8(volume).u16(number(more.len())).u32(count(first)).u64(first.first().0);
        for run in more {
            writer.u64(run.first().0 << COUNT_BITS | u64::from(count(run)));
        }
        bytes.extend(writer.done());
    }
}

impl Header {
    /// How many bytes it has.
    pub const LENGTH: usize = 16;

    /// Reads it.
    ///
    /// # Errors
    /// [`DecodeError`]. Whether there are such pages is for a [`Layout`](crate::Layout) to say.
    pub fn decode(bytes: &[u8; Self::LENGTH]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, "a header");
        let (kind, volume, more) = (reader.u8()?, reader.u8()?, reader.u16()?);
        let (count, first) = (reader.u32()?, reader.u64()?);
        let (number, pages) = (more, PageCount(first));
        match kind {
            FENCE => return Ok(Self::Fence { number, pages }),
            PROBE => return Ok(Self::Probe { number, pages }),
            _one_with_pages => {}
        }
        let volume = Volume::at(usize::from(volume))
            .ok_or(DecodeError::Word { what: "volume", value: u64::from(volume) })?;
        at_most("more runs", u64::from(more), MAX_RUNS as u64 - 1)?;
        at_most("pages in a frame", u64::from(count), MAX_FRAME_PAGES.0)?;
        let first = PageRun::new(PageIndex(first), PageCount(u64::from(count)));
        match kind {
            PAGES => Ok(Self::Pages { volume, first, more }),
            ZEROS => Ok(Self::Zeros { volume, first, more }),
            other => Err(DecodeError::Word { what: "kind of frame", value: u64::from(other) }),
        }
    }
}

impl RunTable {
    /// How many bytes the entry of a run has.
    pub const ENTRY: usize = 8;

    /// Reads the runs behind `first`, and returns all.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] for more than [`MAX_FRAME_PAGES`] in all.
    pub fn decode(first: PageRun, bytes: &[u8]) -> Result<Vec<PageRun>, DecodeError> {
        let mut runs =
            Vec::with_capacity(1 + bytes.len().min(MAX_RUNS * Self::ENTRY) / Self::ENTRY);
        runs.push(first);
        let mut total = first.count().0;
        for entry in bytes.chunks(Self::ENTRY) {
            let entry = Reader::new(entry, "an entry of a table").u64()?;
            let count = entry & ((1 << COUNT_BITS) - 1);
            total += count;
            at_most("pages in a frame", total, MAX_FRAME_PAGES.0)?;
            runs.push(PageRun::new(PageIndex(entry >> COUNT_BITS), PageCount(count)));
        }
        Ok(runs)
    }
}

fn at_most(what: &'static str, value: u64, most: u64) -> Result<(), DecodeError> {
    if value <= most { Ok(()) } else { Err(DecodeError::TooMany { what, value, most }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_runs() -> impl Strategy<Value = Vec<PageRun>> {
        let run = (0..1_u64 << 40, 1..=2_u64)
            .prop_map(|(first, count)| PageRun::new(PageIndex(first), PageCount(count)));
        prop::collection::vec(run, 1..=MAX_RUNS)
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let volume = prop_oneof![Just(Volume::Memory), (0..64_u8).prop_map(Volume::Disk)];
        prop_oneof![
            (volume.clone(), any_runs()).prop_map(|(volume, runs)| Frame::Pages(volume, runs)),
            (volume, any_runs()).prop_map(|(volume, runs)| Frame::Zeros(volume, runs)),
            (any::<u16>(), any::<u64>())
                .prop_map(|(number, pages)| Frame::Fence { number, pages: PageCount(pages) }),
            (any::<u16>(), any::<u64>())
                .prop_map(|(number, pages)| Frame::Probe { number, pages: PageCount(pages) }),
        ]
    }

    /// Reads a frame as a receiver does.
    fn read(bytes: &[u8]) -> Result<Frame, DecodeError> {
        let (header, table) = bytes.split_at(Header::LENGTH);
        Ok(match Header::decode(header.try_into().unwrap())? {
            Header::Fence { number, pages } => Frame::Fence { number, pages },
            Header::Probe { number, pages } => Frame::Probe { number, pages },
            Header::Pages { volume, first, more } => {
                assert_eq!(table.len(), usize::from(more) * RunTable::ENTRY);
                Frame::Pages(volume, RunTable::decode(first, table)?)
            }
            Header::Zeros { volume, first, more } => {
                assert_eq!(table.len(), usize::from(more) * RunTable::ENTRY);
                Frame::Zeros(volume, RunTable::decode(first, table)?)
            }
        })
    }

    proptest! {
        #[test]
        fn a_frame_arrives_as_it_was_sent(frame in any_frame()) {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes);
            prop_assert_eq!(read(&bytes), Ok(frame));
        }

        #[test]
        fn any_bytes_are_a_header_or_refused(bytes: [u8; Header::LENGTH], table: Vec<u8>) {
            let Ok(header) = Header::decode(&bytes) else { return Ok(()) };
            if let Header::Pages { first, .. } | Header::Zeros { first, .. } = header
                && let Ok(runs) = RunTable::decode(first, &table)
            {
                prop_assert!(runs.iter().map(|run| run.count().0).sum::<u64>() <= MAX_FRAME_PAGES.0);
            }
        }
    }
}
