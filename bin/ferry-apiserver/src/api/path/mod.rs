//! What a URL means: first, as authorization sees it, a verb and the words of the path
//! ([`RequestInfo`]); then what there is at that path ([`Route`]).
//!
//! The first never fails, because whoever may not look is not told what there is.

mod query;
mod request_info;
mod route;
#[cfg(test)]
mod tests;

pub(crate) use query::Query;
pub(crate) use request_info::{RequestInfo, ResourcePath, Verb};
pub(crate) use route::{
    Absence, Alias, Discovery, Health, ObjectsPath, OpenApi, Review, Route, Subresource,
    VirtctlObject,
};

/// `%41` into `A`. What is no escape, or no UTF-8 afterwards, is left as it is.
fn percent_decoded(text: &str, plus: Plus) -> String {
    if !text.contains(['%', '+']) {
        return text.to_owned();
    }
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
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
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
