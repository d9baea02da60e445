//! String literals.

use super::JsonError;
use super::unicode::{self, Sequence};

/// Reads a string literal that the lexer has delimited: its quotes are there, of either kind.
// PARITY: qobject/json-parser.c#parse_string
pub(super) fn parse(literal: &[u8]) -> Result<String, JsonError> {
    let mut rest = &literal[1..literal.len() - 1];
    let mut text = String::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = if *byte == b'\\' {
            let (character, rest) = escaped(rest, literal)?;
            text.push(character);
            rest
        } else if byte.is_ascii() {
            text.push(char::from(*byte));
            after
        } else {
            let Sequence { character, len } = unicode::first(rest);
            text.push(character.ok_or(JsonError::Utf8)?);
            &rest[len..]
        };
    }
    Ok(text)
}

/// Reads an escape and what it stands for. `rest` begins with the backslash.
fn escaped<'a>(rest: &'a [u8], literal: &[u8]) -> Result<(char, &'a [u8]), JsonError> {
    let character = match rest.get(1) {
        Some(b'"') => '"',
        Some(b'\'') => '\'',
        Some(b'\\') => '\\',
        Some(b'/') => '/',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{C}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return by_code(rest, literal),
        Some(_) | None => return Err(JsonError::Escape),
    };
    Ok((character, &rest[2..]))
}

/// Reads `\uXXXX`, and a second one where the first is the leading half of a surrogate pair.
fn by_code<'a>(rest: &'a [u8], literal: &[u8]) -> Result<(char, &'a [u8]), JsonError> {
    const ONE: usize = 6;
    let first = hex(&rest[2..]);
    let (code, len) = match (first, rest.get(ONE..ONE + 2)) {
        (Some(lead @ 0xD800..=0xDBFF), Some(br"\u")) => match hex(&rest[ONE + 2..]) {
            Some(trail @ 0xDC00..=0xDFFF) => {
                (Some(0x1_0000 + ((lead & 0x3FF) << 10) + (trail & 0x3FF)), 2 * ONE)
            }
            Some(_) | None => (None, ONE),
        },
        (code, _) => (code, ONE),
    };
    if let Some(character) = code.and_then(unicode::character) {
        return Ok((character, &rest[len..]));
    }
    // QEMU quotes six bytes, even where the literal's closing quote is among them.
    let start = literal.len() - 1 - rest.len();
    let end = (start + len).min(literal.len());
    Err(JsonError::Character { escape: unicode::lossy(&literal[start..end]) })
}

/// The code of four hexadecimal digits.
// PARITY: qobject/json-parser.c#cvt4hex
fn hex(digits: &[u8]) -> Option<u32> {
    let digits = digits.get(..4)?;
    digits.iter().try_fold(0, |code, digit| Some(code << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_literals_are_read_as_qemu_does() {
        for (literal, text) in [
            (&br#""""#[..], ""),
            (br#""a'b""#, "a'b"),
            (br#"'a"b'"#, "a\"b"),
            (br#""\"\'\\\/\b\f\n\r\t""#, "\"'\\/\u{8}\u{C}\n\r\t"),
            (br#""\u00e9\u20AC\ud83d\ude00""#, "é€😀"),
            (b"\"\xC3\xA9\xF0\x9F\x98\x80\"", "é😀"),
            (br#""\u0000""#, "\0"),
            (b"\"\xC0\x80\"", "\0"),
            (b"\"%d\"", "%d"),
        ] {
            assert_eq!(parse(literal).unwrap(), text);
        }
    }

    #[test]
    fn parity_what_is_no_string_is_refused_in_qemus_words() {
        for (literal, error) in [
            (&br#""\q""#[..], "invalid escape sequence in string"),
            (br#""\u12""#, r#"\u12" is not a valid Unicode character"#),
            (br#""\u1""#, r#"\u1" is not a valid Unicode character"#),
            (b"\"\\u12\xC3\xA9\"", "\\u12é is not a valid Unicode character"),
            (br#""\ud800""#, r"\ud800 is not a valid Unicode character"),
            (br#""\ud800\u0041""#, r"\ud800 is not a valid Unicode character"),
            (br#""\ud83f\udffe""#, r"\ud83f\udffe is not a valid Unicode character"),
            (br#""\udc00""#, r"\udc00 is not a valid Unicode character"),
            (br#""\ufffe""#, r"\ufffe is not a valid Unicode character"),
            (b"\"\xC3\"", "invalid UTF-8 sequence in string"),
        ] {
            let refused = parse(literal).unwrap_err().to_string();
            assert_eq!(refused, format!("JSON parse error, {error}"));
        }
    }
}
