//! What is drawn by chance for an object: its uid, and the ending of a name that is generated.

use ferry_runtime::entropy;

/// How much is drawn at once. Asking the kernel for a few bytes with each write took a tenth of the
/// time that a decision takes; this is for 64 uids.
const DRAWN: usize = 1024;

/// The letters of generated names: no vowels and nothing that looks like another, as upstream.
// PARITY: apimachinery/pkg/util/rand/rand.go#alphanums
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// How long the ending of a generated name is.
const SUFFIX_LETTERS: usize = 5;

/// Bytes that nobody can foretell, drawn ahead.
pub(super) struct Chance {
    bytes: [u8; DRAWN],
    used: usize,
}

impl Default for Chance {
    fn default() -> Self {
        Self { bytes: [0; DRAWN], used: DRAWN }
    }
}

impl Chance {
    /// A random UUID (RFC 9562, version 4).
    pub(super) fn uid(&mut self) -> String {
        let mut bytes: [u8; 16] = self.draw();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let mut text = String::with_capacity(36);
        for (index, byte) in bytes.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits are a digit"));
            text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits are a digit"));
        }
        text
    }

    /// The ending of a generated name.
    pub(super) fn suffix(&mut self) -> String {
        // The modulo prefers some letters by a hundredth, which no name minds.
        let bytes: [u8; SUFFIX_LETTERS] = self.draw();
        bytes.iter().map(|byte| char::from(LETTERS[usize::from(*byte) % LETTERS.len()])).collect()
    }

    fn draw<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > DRAWN {
            self.bytes = entropy::bytes();
            self.used = 0;
        }
        let mut drawn = [0; N];
        drawn.copy_from_slice(&self.bytes[self.used..self.used + N]);
        self.used += N;
        drawn
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn uids_are_random_uuids() {
        let mut chance = Chance::default();
        let uids: BTreeSet<String> = (0..1000).map(|_| chance.uid()).collect();
        assert_eq!(uids.len(), 1000);
        for uid in uids {
            let groups: Vec<usize> = uid.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{uid}");
            assert_eq!(uid.as_bytes()[14], b'4', "{uid}");
            assert!(b"89ab".contains(&uid.as_bytes()[19]), "{uid}");
        }
    }

    #[test]
    fn parity_suffixes_have_letters_that_nobody_confuses() {
        let suffix = Chance::default().suffix();
        assert_eq!(suffix.len(), SUFFIX_LETTERS);
        assert!(suffix.bytes().all(|byte| LETTERS.contains(&byte)), "{suffix}");
    }
}
