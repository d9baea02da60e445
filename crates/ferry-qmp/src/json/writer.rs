//! Values as QEMU writes them: on one line, a blank after each colon and comma, ASCII only.

use std::fmt::{Formatter, Result, Write as _};

use super::Json;
use super::unicode;

/// Writes `json`. Deeper nesting than a [`Reader`](super::Reader) takes is the caller's to avoid.
// PARITY: qobject/qjson.c#qobject_to_json
pub(super) fn write(json: &Json, f: &mut Formatter<'_>) -> Result {
    match json {
        Json::Null => f.write_str("null"),
        Json::Bool(value) => write!(f, "{value}"),
        Json::Number(number) => write!(f, "{number}"),
        Json::String(text) => write_string(text, f),
        Json::Array(elements) => {
            f.write_char('[')?;
            for (index, element) in elements.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write(element, f)?;
            }
            f.write_char(']')
        }
        Json::Object(object) => {
            f.write_char('{')?;
            for (index, (name, value)) in object.members().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                write_string(name, f)?;
                f.write_str(": ")?;
                write(value, f)?;
            }
            f.write_char('}')
        }
    }
}

/// Writes a string literal: what is not printable ASCII is escaped.
// PARITY: qobject/json-writer.c#quoted_str
fn write_string(text: &str, f: &mut Formatter<'_>) -> Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{C}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            ' '..='~' => f.write_char(character)?,
            _ if unicode::is_valid(character) => write_escaped(character, f)?,
            _ => write_escaped(char::REPLACEMENT_CHARACTER, f)?,
        }
    }
    f.write_char('"')
}

/// Writes `\uXXXX`, or two of them for what lies beyond 16 bits.
fn write_escaped(character: char, f: &mut Formatter<'_>) -> Result {
    for unit in character.encode_utf16(&mut [0; 2]) {
        write!(f, "\\u{unit:04X}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Object;

    #[test]
    fn parity_values_print_as_qemu_writes_them() {
        for (json, text) in [
            (Json::Null, "null"),
            (Json::from(true), "true"),
            (Json::from(vec![Json::from(1_u64), Json::from(vec![])]), "[1, []]"),
            (Json::from(Object::new()), "{}"),
            (Json::from("a\"b\\c/d'\n\u{7F}\0"), r#""a\"b\\c/d'\n\u007F\u0000""#),
            (Json::from("é€😀"), r#""\u00E9\u20AC\uD83D\uDE00""#),
            (Json::from("\u{FFFE}\u{1FFFF}"), r#""\uFFFD\uFFFD""#),
        ] {
            assert_eq!(json.to_string(), text);
        }
    }
}
