//! What pages and blocks hold: a function of whose they are, where they are, and how many times they
//! were written. So the guest can check every byte of itself, at any time and on any host.
//!
//! A content begins with who it is, in two words, so that one that is wrong tells what it is:
//!
//! ```text
//!   word 0   entry (16 bits) │ disk + 1, or 0 for memory (8 bits) │ page or block (40 bits)
//!   word 1   the guest's seed, mixed with word 0
//!   rest     drawn from both: random words, or words of a vocabulary
//! ```
//!
//! Zeros begin with nothing: a page that should be zero is, and one that is zero and should not be
//! is lost.

use ferry_qmp::words::FaultKind;

use super::chance::mix;
use super::entry::{Entry, Kind};

/// Bytes of a page, and of a block.
pub(crate) const PAGE: usize = 4096;

/// What a page or block holds.
pub(crate) type Content = [u8; PAGE];

const WORD: usize = size_of::<u64>();
const INDEX_BITS: u32 = 40;
const PLACE_BITS: u32 = 48;

/// Where in a guest a content belongs: a page of memory, or a block of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u64);

impl Place {
    /// How many pages or blocks there can be of each: 4 PiB.
    pub(crate) const MOST: u64 = 1 << INDEX_BITS;

    /// How many disks there can be.
    pub(crate) const MOST_DISKS: usize = u8::MAX as usize;

    /// A page of memory.
    pub(crate) fn page(index: u64) -> Self {
        Self(index % Self::MOST)
    }

    /// A block of the disk `number`, counted from 0.
    pub(crate) fn block(number: usize, index: u64) -> Self {
        let disk = (number % Self::MOST_DISKS + 1) as u64;
        Self((disk << INDEX_BITS) | (index % Self::MOST))
    }
}

/// Whose content, and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The guest's seed.
    pub(crate) seed: u64,
    /// The place in it.
    pub(crate) place: Place,
}

/// Makes the content that `owner` has when its entry is `entry`. What is unknown is made zero.
pub(crate) fn fill(owner: Owner, entry: Entry, into: &mut Content) {
    match entry.kind() {
        None | Some(Kind::Zero) => into.fill(0),
        Some(Kind::Random) => {
            let key = begin(owner, entry, into);
            random(key, &mut into[2 * WORD..]);
        }
        Some(Kind::Text) => {
            let key = begin(owner, entry, into);
            text(key, &mut into[2 * WORD..]);
        }
    }
}

/// What is wrong with `found`, where `owner` should have what `entry` says. `scratch` is overwritten.
pub(crate) fn check(
    owner: Owner,
    entry: Entry,
    found: &Content,
    scratch: &mut Content,
) -> Option<FaultKind> {
    let kind = entry.kind()?;
    fill(owner, entry, scratch);
    if found == scratch {
        return None;
    }
    if kind != Kind::Zero && found.iter().all(|byte| *byte == 0) {
        return Some(FaultKind::Lost);
    }
    Some(match identify(found, scratch) {
        Some((other, _)) if other != owner => FaultKind::Foreign,
        Some((_, older)) if older.is_before(entry) => FaultKind::Stale,
        Some(_) | None => FaultKind::Torn,
    })
}

/// Whose content `found` is, if it is whole. Zeros are nobody's. `scratch` is overwritten.
pub(crate) fn identify(found: &Content, scratch: &mut Content) -> Option<(Owner, Entry)> {
    let (words, _) = found.as_chunks::<WORD>();
    let first = u64::from_le_bytes(words[0]);
    let entry = u16::try_from(first >> PLACE_BITS).ok().and_then(Entry::from_bits)?;
    let seed = u64::from_le_bytes(words[1]) ^ mix(first);
    let owner = Owner { seed, place: Place(first & ((1 << PLACE_BITS) - 1)) };
    fill(owner, entry, scratch);
    (found == scratch).then_some((owner, entry))
}

/// Writes who it is, and returns what the rest is drawn from.
fn begin(owner: Owner, entry: Entry, into: &mut Content) -> u64 {
    let first = u64::from(entry.bits()) << PLACE_BITS | owner.place.0;
    let second = owner.seed ^ mix(first);
    into[..WORD].copy_from_slice(&first.to_le_bytes());
    into[WORD..2 * WORD].copy_from_slice(&second.to_le_bytes());
    mix(second.wrapping_add(mix(first)))
}

/// Shifts and additions only, which every processor does for several words at once; a
/// multiplication of 64 bits is not among those.
fn random(key: u64, into: &mut [u8]) {
    let (words, _) = into.as_chunks_mut::<WORD>();
    let mut counter = key;
    for word in words {
        counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = counter;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        *word = bits.wrapping_add(key).to_le_bytes();
    }
}

/// Words of eight letters in an order of chance, of which deflate leaves little more than a quarter.
fn text(key: u64, into: &mut [u8]) {
    let (words, _) = into.as_chunks_mut::<WORD>();
    let mut counter = key;
    for word in words {
        counter = counter.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // The upper bits: the lower ones of such a counter repeat soon.
        *word = VOCABULARY[usize::try_from(counter >> 58).expect("six bits")];
    }
}

/// 64 words of eight letters.
const VOCABULARY: [[u8; WORD]; 64] = [
    *b"A guest ",
    *b"writes t",
    *b"o its me",
    *b"mory whi",
    *b"le the m",
    *b"emory is",
    *b" being s",
    *b"ent, so ",
    *b"a page t",
    *b"hat has ",
    *b"crossed ",
    *b"may be d",
    *b"irty aga",
    *b"in and m",
    *b"ust cros",
    *b"s once m",
    *b"ore. Eac",
    *b"h pass s",
    *b"ends wha",
    *b"t was wr",
    *b"itten du",
    *b"ring the",
    *b" one bef",
    *b"ore, and",
    *b" takes l",
    *b"ess time",
    *b" if the ",
    *b"link is ",
    *b"faster t",
    *b"han the ",
    *b"guest. W",
    *b"hen the ",
    *b"rest fit",
    *b"s into t",
    *b"he pause",
    *b" that is",
    *b" allowed",
    *b", the gu",
    *b"est stop",
    *b"s, the r",
    *b"est foll",
    *b"ows, and",
    *b" the oth",
    *b"er host ",
    *b"lets it ",
    *b"run on f",
    *b"rom wher",
    *b"e it sto",
    *b"od. Nobo",
    *b"dy notic",
    *b"ed, or s",
    *b"o one ho",
    *b"pes; who",
    *b"ever wan",
    *b"ts to kn",
    *b"ow compa",
    *b"res ever",
    *b"y byte w",
    *b"ith what",
    *b" it ough",
    *b"t to be,",
    *b" on both",
    *b" sides, ",
    *b"afterwar",
];

#[cfg(test)]
mod tests;
