//! What the two sides of a migration tell each other.
//!
//! ```text
//!  source                                     destination
//!    Offer ───────────────────────────────────►
//!          ◄───────────────────────────────────  Accept | Refuse
//!    … pages on the data connections …
//!    … probes on the data connections …
//!          ◄───────────────────────────────────  Echo      when all before a probe was read
//!    Ping  ───────────────────────────────────►       at any time
//!          ◄───────────────────────────────────  Pong
//!    State ───────────────────────────────────►
//!          ◄───────────────────────────────────  Ready | Refuse
//!    Run   ───────────────────────────────────►       the commit point
//!          ◄───────────────────────────────────  Resumed
//!    … post-copy: pages, requests on the urgent connection …
//!          ◄───────────────────────────────────  Complete
//!
//!  on a connection that recovers:
//!          ◄───────────────────────────────────  Missing
//!    Run   ───────────────────────────────────►
//! ```

use ferry_units::{Bytes, PageCount, PageSet};

use super::bytes::{Reader, Writer};
use super::error::DecodeError;
use crate::layout::{Channel, MAX_CHANNELS, MAX_DISKS};

/// The most bytes of a text; of an offer, with all its disks, [`Envelope::MAX_OFFER`].
pub const MAX_TEXT: u32 = 4096;

/// What is in front of a message: which one it is, and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    kind: u8,
    length: u32,
}

/// What a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The guest's identity.
    pub uuid: String,
    /// The guest's memory.
    pub memory: Bytes,
    /// The size of the pages that are counted.
    pub page: Bytes,
    /// How many vCPUs it has.
    pub cpus: u32,
    /// How many data connections there are going to be.
    pub channels: u8,
    /// Whether it may become a post-copy, which takes an urgent connection.
    pub post_copy: bool,
    /// Its disks.
    pub disks: Vec<DiskOffer>,
}

/// A disk that a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskOffer {
    /// What it is called.
    pub id: String,
    /// Its size.
    pub size: Bytes,
    /// Whether both sides reach the same one, so that it does not move.
    pub shared: bool,
}

/// For what kind of a switch a state is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateFor {
    /// All memory is there.
    StopAndCopy,
    /// This memory is not.
    PostCopy(PageSet),
}

/// What a source says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceMessage {
    /// This is the guest.
    Offer(Offer),
    /// Are you there?
    Ping(u64),
    /// The state of its devices.
    State {
        /// With all memory or without some.
        switch: StateFor,
        /// Whether the guest was running, and is to run.
        runs: bool,
        /// The bytes, which only the guests understand.
        state: Vec<u8>,
    },
    /// The guest is yours. From here on the source never lets it run by itself.
    Run,
    /// The migration is over, for this reason; the guest stays here.
    Abort(String),
}

/// What a destination says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetMessage {
    /// There is room for that guest.
    Accept,
    /// There is not, or it could not be loaded. The destination will not run it.
    Refuse(String),
    /// I am.
    Pong(u64),
    /// Everything before that probe of that channel was read.
    Echo(Channel, u16),
    /// Everything is here and counted.
    Ready,
    /// The guest runs here.
    Resumed {
        /// Since when, in nanoseconds since 1970 of this host's clock.
        at: u64,
    },
    /// All of its memory is here.
    Complete,
    /// After a recovery: this memory is not here.
    Missing(PageSet),
}

impl Envelope {
    /// How many bytes it has.
    pub const LENGTH: usize = 5;

    /// The most bytes of an offer: [`MAX_DISKS`] disks, each with an id of some 500 bytes at most.
    pub const MAX_OFFER: u32 = MAX_TEXT + 512 * 64;

    /// Reads an envelope of a source's message to a guest of so much memory, whose state has at most
    /// so many bytes.
    ///
    /// # Errors
    /// [`DecodeError`] for no message, or a longer one than there is.
    pub fn from_source(
        bytes: [u8; Self::LENGTH],
        memory: PageCount,
        state: u32,
    ) -> Result<Self, DecodeError> {
        Self::read(bytes, |kind| match kind {
            SourceMessage::OFFER => Some(Self::MAX_OFFER),
            SourceMessage::PING => Some(8),
            SourceMessage::STATE => {
                Some(state.saturating_add(bitmap_length(memory)).saturating_add(8))
            }
            SourceMessage::RUN => Some(0),
            SourceMessage::ABORT => Some(MAX_TEXT),
            _unknown => None,
        })
    }

    /// Reads an envelope of a destination's message to the source of a guest of so much memory.
    ///
    /// # Errors
    /// As [`from_source`](Self::from_source).
    pub fn from_target(bytes: [u8; Self::LENGTH], memory: PageCount) -> Result<Self, DecodeError> {
        Self::read(bytes, |kind| match kind {
            TargetMessage::ACCEPT | TargetMessage::READY | TargetMessage::COMPLETE => Some(0),
            TargetMessage::REFUSE => Some(MAX_TEXT),
            TargetMessage::PONG | TargetMessage::RESUMED => Some(8),
            TargetMessage::ECHO => Some(3),
            TargetMessage::MISSING => Some(bitmap_length(memory)),
            _unknown => None,
        })
    }

    /// How many bytes follow.
    pub fn length(self) -> usize {
        self.length as usize
    }

    fn read(
        bytes: [u8; Self::LENGTH],
        most: impl Fn(u8) -> Option<u32>,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&bytes, "an envelope");
        let (kind, length) = (reader.u8()?, reader.u32()?);
        let most =
            most(kind).ok_or(DecodeError::Word { what: "message", value: u64::from(kind) })?;
        if length > most {
            let (value, most) = (u64::from(length), u64::from(most));
            return Err(DecodeError::TooMany { what: "bytes in a message", value, most });
        }
        Ok(Self { kind, length })
    }
}

impl SourceMessage {
    const OFFER: u8 = 1;
    const PING: u8 = 2;
    const STATE: u8 = 3;
    const RUN: u8 = 4;
    const ABORT: u8 = 5;

    /// Its bytes, with the envelope.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let kind = match self {
            Self::Offer(offer) => {
                offer.encode(&mut writer);
                Self::OFFER
            }
            Self::Ping(number) => {
                writer.u64(*number);
                Self::PING
            }
            Self::State { switch, runs, state } => {
                writer.u8(u8::from(*runs));
                match switch {
                    StateFor::StopAndCopy => {
                        writer.u8(0);
                    }
                    StateFor::PostCopy(missing) => {
                        put_bitmap(writer.u8(1), missing);
                    }
                }
                writer.put(state);
                Self::STATE
            }
            Self::Run => Self::RUN,
            Self::Abort(why) => {
                writer.put(cut(why));
                Self::ABORT
            }
        };
        enveloped(kind, &writer.done())
    }

    /// Reads the message behind an envelope, for a guest of so much memory.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(
        envelope: Envelope,
        bytes: &[u8],
        memory: PageCount,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, "a message");
        Ok(match envelope.kind {
            Self::OFFER => {
                let offer = Offer::decode(&mut reader)?;
                reader.end()?;
                Self::Offer(offer)
            }
            Self::PING => {
                let number = reader.u64()?;
                reader.end()?;
                Self::Ping(number)
            }
            Self::STATE => {
                let runs = flag(reader.u8()?)?;
                let (switch, length) = match reader.u8()? {
                    0 => (StateFor::StopAndCopy, 2),
                    1 => {
                        let missing = take_bitmap(&mut reader, memory)?;
                        (StateFor::PostCopy(missing), 2 + bitmap_length(memory) as usize)
                    }
                    other => return Err(DecodeError::Word { what: "switch", value: other.into() }),
                };
                Self::State { switch, runs, state: bytes[length..].to_vec() }
            }
            Self::RUN => {
                reader.end()?;
                Self::Run
            }
            Self::ABORT => Self::Abort(text(bytes)?),
            other => return Err(DecodeError::Word { what: "message", value: other.into() }),
        })
    }
}

impl TargetMessage {
    const ACCEPT: u8 = 1;
    const REFUSE: u8 = 2;
    const PONG: u8 = 3;
    const READY: u8 = 4;
    const RESUMED: u8 = 5;
    const COMPLETE: u8 = 6;
    const MISSING: u8 = 7;
    const ECHO: u8 = 8;

    /// Its bytes, with the envelope.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        let kind = match self {
            Self::Accept => Self::ACCEPT,
            Self::Refuse(why) => {
                writer.put(cut(why));
                Self::REFUSE
            }
            Self::Pong(number) => {
                writer.u64(*number);
                Self::PONG
            }
            Self::Echo(channel, number) => {
                writer.u8(channel.0).u16(*number);
                Self::ECHO
            }
            Self::Ready => Self::READY,
            Self::Resumed { at } => {
                writer.u64(*at);
                Self::RESUMED
            }
            Self::Complete => Self::COMPLETE,
            Self::Missing(missing) => {
                put_bitmap(&mut writer, missing);
                Self::MISSING
            }
        };
        enveloped(kind, &writer.done())
    }

    /// Reads the message behind an envelope, for a guest of so much memory.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(
        envelope: Envelope,
        bytes: &[u8],
        memory: PageCount,
    ) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes, "a message");
        let message = match envelope.kind {
            Self::ACCEPT => Self::Accept,
            Self::REFUSE => return text(bytes).map(Self::Refuse),
            Self::PONG => Self::Pong(reader.u64()?),
            Self::ECHO => Self::Echo(Channel(reader.u8()?), reader.u16()?),
            Self::READY => Self::Ready,
            Self::RESUMED => Self::Resumed { at: reader.u64()? },
            Self::COMPLETE => Self::Complete,
            Self::MISSING => Self::Missing(take_bitmap(&mut reader, memory)?),
            other => return Err(DecodeError::Word { what: "message", value: other.into() }),
        };
        reader.end()?;
        Ok(message)
    }
}

impl Offer {
    fn encode(&self, writer: &mut Writer) {
        writer.text(&self.uuid).u64(self.memory.get()).u64(self.page.get()).u32(self.cpus);
        writer.u8(self.channels).u8(u8::from(self.post_copy));
        writer.u8(u8::try_from(self.disks.len().min(MAX_DISKS)).expect("it is at most 64"));
        for disk in self.disks.iter().take(MAX_DISKS) {
            writer.text(&disk.id).u64(disk.size.get()).u8(u8::from(disk.shared));
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (uuid, memory, page) = (reader.text()?, reader.u64()?, reader.u64()?);
        let (cpus, channels) = (reader.u32()?, reader.u8()?);
        if !(1..=MAX_CHANNELS).contains(&channels) {
            let (value, most) = (u64::from(channels), u64::from(MAX_CHANNELS));
            return Err(DecodeError::TooMany { what: "channels", value, most });
        }
        let post_copy = flag(reader.u8()?)?;
        let count = reader.u8()?;
        if usize::from(count) > MAX_DISKS {
            let (value, most) = (u64::from(count), MAX_DISKS as u64);
            return Err(DecodeError::TooMany { what: "disks", value, most });
        }
        let mut disks = Vec::new();
        for _ in 0..count {
            let (id, size, shared) = (reader.text()?, reader.u64()?, flag(reader.u8()?)?);
            disks.push(DiskOffer { id, size: Bytes::new(size), shared });
        }
        let (memory, page) = (Bytes::new(memory), Bytes::new(page));
        Ok(Self { uuid, memory, page, cpus, channels, post_copy, disks })
    }
}

fn enveloped(kind: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message has less than 4 GiB");
    Writer::default().u8(kind).u32(length).put(message).done()
}

fn flag(byte: u8) -> Result<bool, DecodeError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(DecodeError::Word { what: "yes or no", value: u64::from(other) }),
    }
}

fn cut(text: &str) -> &[u8] {
    &text.as_bytes()[..text.floor_char_boundary(MAX_TEXT as usize)]
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Text)
}

fn bitmap_length(memory: PageCount) -> u32 {
    let words = memory.0.div_ceil(PageSet::PAGES_PER_WORD);
    u32::try_from(words.saturating_mul(8)).unwrap_or(u32::MAX)
}

fn put_bitmap(writer: &mut Writer, pages: &PageSet) {
    for word in pages.words() {
        writer.u64(*word);
    }
}

fn take_bitmap(reader: &mut Reader<'_>, memory: PageCount) -> Result<PageSet, DecodeError> {
    let bytes = reader.take(bitmap_length(memory) as usize)?;
    let words = bytes
        .chunks_exact(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("a chunk has as many bytes")));
    Ok(PageSet::from_words(memory, words))
}

#[cfg(test)]
mod tests;
