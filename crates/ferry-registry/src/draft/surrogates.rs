//! Halves of surrogate pairs in JSON that stand alone.
//!
//! `"\ud800"` is no text. Go reads it as U+FFFD, so that clients in other languages that write such
//! strings get by; `serde_json` reads nothing at all.

use std::borrow::Cow;

/// The bytes of an escaped half: `\ud800`.
const ESCAPE: usize = 6;
/// What stands for what is no text.
const REPLACEMENT: &[u8; ESCAPE] = b"\\ufffd";

/// Which half of a pair an escape is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    High,
    Low,
}

/// The JSON with a replacement for each half of a pair that stands alone.
// PARITY: golang/go/src/encoding/json/decode.go#unquoteBytes
pub(super) fn mended(json: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(json);
    let mut place = 0;
    while let Some(next) = json[place..].iter().position(|byte| *byte == b'\\') {
        place += next;
        match half_at(json, place) {
            Some(Half::High) if half_at(json, place + ESCAPE) == Some(Half::Low) => {
                place += 2 * ESCAPE;
            }
            Some(Half::High | Half::Low) => {
                mended.to_mut()[place..place + ESCAPE].copy_from_slice(REPLACEMENT);
                place += ESCAPE;
            }
            // Whatever is escaped is passed over, so that `\\u` is no escape.
            None => place = json.len().min(place + 2),
        }
    }
    mended
}

fn half_at(json: &[u8], place: usize) -> Option<Half> {
    let escape = json.get(place..place + ESCAPE)?;
    let digits = str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::High),
        0xDC00..=0xDFFF => Some(Half::Low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn parity_half_a_pair_is_a_replacement_character() {
        for (json, read) in [
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\ud800""#, "\u{fffd}"),
            (r#""\udc00a""#, "\u{fffd}a"),
            (r#""\ud800\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud800\u0041""#, "\u{fffd}A"),
            (r#""\uD800\n\uDFFF""#, "\u{fffd}\n\u{fffd}"),
            (r#""\\ud800""#, "\\ud800"),
            (r#""\\\ud800""#, "\\\u{fffd}"),
            (r#""\"\ud800""#, "\"\u{fffd}"),
        ] {
            let value: Value = serde_json::from_slice(&mended(json.as_bytes())).unwrap();
            assert_eq!(value, read, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_can_be_read_is_left_alone(text in any::<String>(), bytes in any::<Vec<u8>>()) {
            let json = Value::from(text).to_string();
            let read = mended(json.as_bytes());
            prop_assert_eq!(read.as_ref(), json.as_bytes());
            prop_assert_eq!(mended(&bytes).len(), bytes.len());
        }
    }
}
