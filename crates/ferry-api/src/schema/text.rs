//! What a string may say: one of a few words, a time, a quantity, or bytes in base64.

use std::borrow::Cow;

use ferry_units::WallTime;
use serde_json::Value;

use crate::field_error::Problem;
use crate::quantity::Quantity;
use crate::schema::Text;

/// What is wrong with `written`, if anything is; `value` is what the document has there.
pub(super) fn problem_of(text: &Text, value: &Value, written: &str) -> Option<Problem> {
    let accepted = match text {
        Text::Any => return None,
        Text::OneOf(accepted) => {
            let found = accepted.iter().any(|one| one == written);
            return (!found).then(|| Problem::NotSupported {
                value: value.clone(),
                accepted: accepted.clone(),
            });
        }
        Text::DateTime | Text::MicroTime => {
            if is_date_time(written) && written.parse::<WallTime>().is_ok_and(has_a_year) {
                return None;
            }
            "must be an RFC 3339 time such as 2026-11-23T08:15:00Z".to_owned()
        }
        Text::Quantity => written.parse::<Quantity>().err()?.to_string(),
        Text::Base64 => {
            if is_base64(written) {
                return None;
            }
            "must be base64".to_owned()
        }
    };
    Some(Problem::Invalid { value: value.clone(), accepted })
}

/// The first second of the year 0, the earliest that four digits can tell, since 1970.
const YEAR_ZERO: i64 = -62_167_219_200;

fn has_a_year(time: WallTime) -> bool {
    time.unix_seconds() >= YEAR_ZERO
}

/// What ends lines in base64 that was wrapped.
const BREAKS: [char; 2] = ['\r', '\n'];

/// The last second of a minute: Go knows no leap seconds.
const LAST_SECOND: u8 = 59;
/// As many hours a zone may be away from UTC.
// PARITY: golang/go/src/time/format.go#parse
const FARTHEST_ZONE: u8 = 24;

/// Whether a text has the form of an RFC 3339 time. Parsers take more than that: a blank for the
/// `T`, a time without seconds, the name of a zone, leap seconds, zones more than a day away.
fn is_date_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let Some((start, rest)) = text.as_bytes().split_at_checked(FORM.len()) else { return false };
    let fits = |form: &[u8], text: &[u8]| {
        form.len() == text.len()
            && form.iter().zip(text).all(|(form, byte)| match form {
                b'0' => byte.is_ascii_digit(),
                _ => form == byte,
            })
    };
    let fraction = match rest.strip_prefix(b".") {
        Some(digits) => digits.iter().take_while(|byte| byte.is_ascii_digit()).count() + 1,
        None => 0,
    };
    let zone = &rest[fraction..];
    let two_digits = |text: &[u8], place: usize| (text[place] - b'0') * 10 + text[place + 1] - b'0';
    fits(FORM, start)
        && two_digits(start, FORM.len() - 2) <= LAST_SECOND
        && fraction != 1
        && (zone == b"Z"
            || ((fits(b"+00:00", zone) || fits(b"-00:00", zone))
                && two_digits(zone, 1) <= FARTHEST_ZONE))
}

/// Whether a text is base64 with padding, as Go reads it: line breaks do not count, nor do bits that
/// are left over.
// PARITY: golang/go/src/encoding/base64/base64.go#decodeQuantum
fn is_base64(text: &str) -> bool {
    let text: Cow<'_, str> = if text.contains(BREAKS) {
        text.chars().filter(|letter| !BREAKS.contains(letter)).collect()
    } else {
        text.into()
    };
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(&text);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len().is_multiple_of(4) && digits.bytes().all(is_digit)
}
