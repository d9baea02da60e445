//! What a URL means: first, as authorization sees it, a verb and the words of the path
//! ([`RequestInfo`]); then what there is at that path ([`Route`]).
//!
//! The first never fails, because whoever may not look is not told what there is.

mod query;
mod request_info;
mod route;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::string::FromUtf8Error;

use ferry_registry::Refusal;

pub(crate) use query::Query;
pub(crate) use request_info::{PathForm, RequestInfo, ResourcePath, Verb};
pub(crate) use route::{
    Absence, Alias, Discovery, Health, ObjectsPath, OpenApi, Review, Route, Subresource,
    VIRTCTL_GROUP, VIRTCTL_VERSIONS, VirtctlObject,
};

/// Refuses a path or a query with an escape that is none, or that is no UTF-8 without its escapes.
/// Whoever sent it meant something else than it says.
pub(crate) fn check_encoding(text: &str) -> Result<(), Refusal> {
    let refused = |message: String| Err(Refusal::BadRequest { message });
    for (position, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(position + 1..position + 3);
        if digits.and_then(|digits| hex(digits[0], digits[1])).is_none() {
            let end = text.ceil_char_boundary((position + 3).min(text.len()));
            return refused(format!("invalid URL escape {:?}", &text[position..end]));
        }
    }
    if text.contains('%') && decoded(text, Plus::IsPlus).is_err() {
        return refused("the URL is no UTF-8 text".to_owned());
    }
    Ok(())
}

/// `%41` into `A`. What is no escape, or no UTF-8 afterwards, is left as it is.
fn percent_decoded(text: &str, plus: Plus) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    decoded(text, plus).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn decoded(text: &str, plus: Plus) -> Result<String, FromUtf8Error> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|digits| hex(digits[0], digits[1]));
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (b'+', _) if plus == Plus::IsBlank => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes)
}

/// What a plus means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    /// A blank, in queries.
    IsBlank,
    /// Itself, in paths.
    IsPlus,
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}
