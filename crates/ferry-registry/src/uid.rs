//! What tells an object from all others, in a third of the memory that its text takes.

use std::fmt;

/// How long the text of a UUID is.
const LENGTH: usize = 36;

/// Where its dashes are.
const DASHES: [usize; 4] = [8, 13, 18, 23];

/// `metadata.uid` of an object. It may be any text; nearly all are UUIDs, as RFC 9562 writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uid(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// What is written as a UUID with small letters, and nothing else.
    Uuid([u8; 16]),
    Text(Box<str>),
}

impl Default for Uid {
    /// That of an object without one.
    fn default() -> Self {
        Self(Form::Text(Box::default()))
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(uuid(text).map_or_else(|| Form::Text(text.into()), Form::Uuid))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Uuid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                // Two digits are a byte.
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")
            }),
            Form::Text(text) => f.write_str(text),
        }
    }
}

impl PartialEq<str> for Uid {
    fn eq(&self, text: &str) -> bool {
        match &self.0 {
            Form::Uuid(bytes) => uuid(text).as_ref() == Some(bytes),
            Form::Text(own) => **own == *text,
        }
    }
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != LENGTH {
        return None;
    }
    let mut number = 0;
    for (at, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'-' if DASHES.contains(&at) => continue,
            _ if DASHES.contains(&at) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        number = number << 4 | u128::from(digit);
    }
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "0b9af3a1-00c2-4d5e-8f60-0123456789ab";

    #[test]
    fn uuids_are_kept_as_numbers_and_all_else_as_text() {
        assert!(matches!(Uid::from(UUID).0, Form::Uuid(_)));
        let others = [
            String::new(),
            "x".to_owned(),
            UUID.to_uppercase(),
            UUID.replace('-', ""),
            UUID.replace("-8", "8-"),
            UUID.replace('b', "g"),
            format!("{UUID}0"),
            "ä".repeat(LENGTH / 2),
        ];
        for text in others {
            let uid = Uid::from(text.as_str());
            assert!(matches!(uid.0, Form::Text(_)), "{text}");
            assert!(uid == *text && uid != *UUID && *uid.to_string() == text, "{text}");
        }
        assert_eq!(Uid::default(), Uid::from(""));
        assert!(size_of::<Uid>() <= 24);
    }

    proptest! {
        #[test]
        fn a_uid_is_written_as_it_was_read(
            text in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-fA-F-]{36}|.{0,40}",
            other in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|.{0,40}",
        ) {
            let uid = Uid::from(text.as_str());
            prop_assert_eq!(uid.to_string(), text.clone());
            prop_assert!(uid == *text);
            prop_assert_eq!(uid == *other, text == other);
            let other_uid = Uid::from(other.as_str());
            prop_assert_eq!(uid == other_uid, text == other);
        }
    }
}
