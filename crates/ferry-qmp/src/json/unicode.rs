//! Modified UTF-8, the encoding of QEMU's strings: UTF-8 but for U+0000, which takes two bytes.

/// What a string of bytes begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence {
    /// The character, unless the bytes are not one that QEMU takes.
    pub(super) character: Option<char>,
    /// How many bytes it takes; at least one.
    pub(super) len: usize,
}

/// Whether QEMU takes a character: it has no use for the 66 noncharacters.
// PARITY: util/unicode.c#is_valid_codepoint
pub(super) fn is_valid(character: char) -> bool {
    let code = u32::from(character);
    !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
}

/// The character of a code point that QEMU takes.
pub(super) fn character(code: u32) -> Option<char> {
    char::from_u32(code).filter(|&character| is_valid(character))
}

/// Reads what `bytes` begin with. There must be at least one, and it must not be zero.
// PARITY: util/unicode.c#mod_utf8_codepoint
pub(super) fn first(bytes: &[u8]) -> Sequence {
    let invalid = |len| Sequence { character: None, len };
    let lead = bytes[0];
    let len = match lead.leading_ones() {
        0 => return Sequence { character: Some(char::from(lead)), len: 1 },
        // A continuation byte, or one that UTF-8 never has.
        1 | 7 | 8 => return invalid(1),
        ones => ones as usize,
    };
    let mut code = u32::from(lead & (0x7F >> len));
    for index in 1..len {
        match bytes.get(index) {
            Some(byte) if byte & 0xC0 == 0x80 => code = code << 6 | u32::from(byte & 0x3F),
            Some(_) | None => return invalid(index),
        }
    }
    let least = [0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000][len - 2];
    let is_overlong = code < least && !(code == 0 && len == 2);
    Sequence { character: character(code).filter(|_| !is_overlong), len }
}

/// The bytes as text, with U+FFFD for each sequence that is none: what becomes of bytes that QEMU
/// quotes in a message. As in C, the text ends at a zero byte.
pub(super) fn lossy(bytes: &[u8]) -> String {
    let mut rest = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut text = String::with_capacity(rest.len());
    while !rest.is_empty() {
        let Sequence { character, len } = first(rest);
        text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = &rest[len..];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_sequences_are_read_as_modified_utf8() {
        for (bytes, character, len) in [
            (&b"a"[..], Some('a'), 1),
            (b"\xC3\xA9x", Some('é'), 2),
            (b"\xE2\x82\xAC", Some('€'), 3),
            (b"\xF0\x9F\x98\x80", Some('😀'), 4),
            // Zero has two bytes.
            (b"\xC0\x80", Some('\0'), 2),
            // Overlong, surrogate, noncharacter, beyond Unicode, five and six bytes.
            (b"\xC1\x81", None, 2),
            (b"\xED\xA0\x80", None, 3),
            (b"\xEF\xBF\xBE", None, 3),
            (b"\xEF\xB7\x90", None, 3),
            (b"\xF4\x90\x80\x80", None, 4),
            (b"\xF8\x88\x80\x80\x80", None, 5),
            (b"\xFC\x84\x80\x80\x80\x80", None, 6),
            // Cut short, and bytes that begin nothing.
            (b"\xC3", None, 1),
            (b"\xE2\x82x", None, 2),
            (b"\x80", None, 1),
            (b"\xFE", None, 1),
            (b"\xFF", None, 1),
        ] {
            assert_eq!(first(bytes), Sequence { character, len }, "{bytes:x?}");
        }
    }

    #[test]
    fn text_for_a_message_replaces_what_is_none_and_ends_at_zero() {
        assert_eq!(lossy(b"a\xFFb\xE2\x82c\0d"), "a\u{FFFD}b\u{FFFD}c");
    }

    #[test]
    fn valid_text_is_read_as_the_standard_library_does() {
        for code in (1..0x11_0000).filter_map(char::from_u32).filter(|&c| is_valid(c)) {
            let text = code.to_string();
            let expected = Sequence { character: Some(code), len: text.len() };
            assert_eq!(first(text.as_bytes()), expected);
        }
    }
}
