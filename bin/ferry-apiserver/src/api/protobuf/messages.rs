//! Which messages there are, and what their fields are called in JSON.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The table, as text.
const TABLE: &str = include_str!("messages.txt");

/// A message: its fields by number.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) fields: BTreeMap<u32, Field>,
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name in JSON; none if its fields stand in the outer message.
    pub(super) name: Option<&'static str>,
    /// How often its value occurs.
    pub(super) count: Count,
    /// What its value is.
    pub(super) shape: Shape,
    /// What becomes of a value that is zero.
    pub(super) zero: Zero,
}

/// How often the value of a field occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    /// Once.
    One,
    /// Any number of times: a list.
    Many,
    /// Any number of times, with a text each: a map.
    Map,
}

/// What becomes of a value that is zero. Go writes fields that were never set as zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    /// It is no value.
    Dropped,
    /// It is a value like any other.
    Kept,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text.
    Text,
    /// Bytes, which JSON has in base 64.
    Bytes,
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A time in seconds.
    Time,
    /// A time in microseconds.
    MicroTime,
    /// A quantity, which JSON has as text.
    Quantity,
    /// A number or a text.
    IntOrString,
    /// A list of texts that is a message of its own.
    ExtraValue,
    /// JSON in bytes.
    FieldsV1,
    /// Another message, by its name in the table.
    Message(&'static str),
}

/// The message of that name.
pub(super) fn message(name: &str) -> Option<&'static Message> {
    table().get(name)
}

/// All messages by name.
pub(super) fn table() -> &'static BTreeMap<&'static str, Message> {
    static MESSAGES: OnceLock<BTreeMap<&'static str, Message>> = OnceLock::new();
    MESSAGES.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| read(line).expect("the table is well formed, as a test says")).collect()
    })
}

fn read(line: &'static str) -> Option<(&'static str, Message)> {
    let (name, fields) = line.split_once(':')?;
    let fields = fields.split(',').map(str::trim).filter(|field| !field.is_empty());
    Some((name, Message { fields: fields.map(field).collect::<Option<_>>()? }))
}

fn field(text: &'static str) -> Option<(u32, Field)> {
    let mut words = text.split(' ');
    let (number, name, shape) = (words.next()?, words.next()?, words.next()?);
    let (count, shape) = match shape.split_at(1) {
        ("*", shape) => (Count::Many, shape),
        ("%", shape) => (Count::Map, shape),
        _ => (Count::One, shape),
    };
    let (name, zero) = match name.strip_suffix('!') {
        Some(name) => (name, Zero::Kept),
        None => (name, Zero::Dropped),
    };
    let shape = match shape {
        "text" => Shape::Text,
        "bytes" => Shape::Bytes,
        "bool" => Shape::Bool,
        "int" => Shape::Int,
        "Time" => Shape::Time,
        "MicroTime" => Shape::MicroTime,
        "Quantity" => Shape::Quantity,
        "IntOrString" => Shape::IntOrString,
        "ExtraValue" => Shape::ExtraValue,
        "FieldsV1" => Shape::FieldsV1,
        message => Shape::Message(message),
    };
    let name = (name != "^").then_some(name);
    Some((number.parse().ok()?, Field { name, count, shape, zero }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_that_a_field_holds_is_in_the_table() {
        assert!(table().len() > 200);
        for (name, message) in table() {
            assert!(!message.fields.is_empty(), "{name}");
            for field in message.fields.values() {
                if let Shape::Message(inner) = field.shape {
                    assert!(table().contains_key(inner), "{name}: {inner}");
                }
                let is_inline = field.name.is_none();
                assert!(!is_inline || matches!(field.shape, Shape::Message(_)), "{name}");
                assert!(!is_inline || field.count == Count::One, "{name}");
            }
        }
    }
}
