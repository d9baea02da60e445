//! Messages into JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferry_registry::Document;
use ferry_units::WallTime;
use serde_json::{Map, Value};

use super::ProtobufError;
use super::messages::{Count, Field, Shape, Zero, message};
use super::wire::{Reader, Wire};

/// How many values a body may hold. A value takes two bytes there and some forty in memory, so this
/// bounds what a body of 3 MiB can ask for; the largest objects of real clusters have ten thousand.
const MOST_VALUES: usize = 300_000;

/// The document that is in the message `name`.
pub(super) fn read(name: &'static str, bytes: &[u8]) -> Result<Document, ProtobufError> {
    let mut values = Values { left: MOST_VALUES };
    let mut document = Map::new();
    values.message(name, bytes, &mut document)?;
    Ok(document)
}

/// Reads values, and no more than it may.
struct Values {
    left: usize,
}

/// Where a value stands, for messages about it.
#[derive(Clone, Copy)]
struct Place {
    message: &'static str,
    field: u32,
}

impl Place {
    fn wrong_type(self) -> ProtobufError {
        ProtobufError::WrongType { message: self.message, field: self.field }
    }

    fn no_text(self) -> ProtobufError {
        ProtobufError::Text { message: self.message, field: self.field }
    }

    fn text(self, bytes: &[u8]) -> Result<String, ProtobufError> {
        str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.no_text())
    }
}

impl Values {
    /// The fields of a message go into `into`. Messages of the table do not hold themselves, so this
    /// is as deep as the table.
    fn message(
        &mut self,
        name: &'static str,
        bytes: &[u8],
        into: &mut Document,
    ) -> Result<(), ProtobufError> {
        let known = message(name).expect("the table holds what it names, as a test says");
        let mut reader = Reader::new(bytes);
        while let Some((number, wire)) = reader.field()? {
            // What a newer client knows more is dropped, as any unknown field of protobuf.
            let Some(field) = known.fields.get(&number) else { continue };
            self.left =
                self.left.checked_sub(1).ok_or(ProtobufError::TooMany { most: MOST_VALUES })?;
            self.field(field, wire, Place { message: name, field: number }, into)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &Field,
        wire: Wire<'_>,
        place: Place,
        into: &mut Document,
    ) -> Result<(), ProtobufError> {
        let Some(name) = field.name else {
            return match (field.shape, wire) {
                (Shape::Message(inner), Wire::Bytes(bytes)) => self.message(inner, bytes, into),
                _ => Err(place.wrong_type()),
            };
        };
        match field.count {
            Count::One => {
                let value = self.value(field.shape, wire, place)?;
                if field.zero == Zero::Kept && !value.is_null() || !is_zero(&value) {
                    into.insert(name.to_owned(), value);
                }
            }
            Count::Many => {
                let list = into.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                let Value::Array(list) = list else { return Err(place.wrong_type()) };
                self.items(field.shape, wire, place, list)?;
            }
            Count::Map => {
                let map = into.entry(name).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(map) = map else { return Err(place.wrong_type()) };
                let (key, value) = self.entry(field.shape, wire, place)?;
                map.insert(key, value);
            }
        }
        Ok(())
    }

    /// One item, or several numbers in a row.
    fn items(
        &mut self,
        shape: Shape,
        wire: Wire<'_>,
        place: Place,
        list: &mut Vec<Value>,
    ) -> Result<(), ProtobufError> {
        match (shape, wire) {
            (Shape::Int | Shape::Bool, Wire::Bytes(packed)) => {
                let mut reader = Reader::new(packed);
                while !reader.is_empty() {
                    self.left = self
                        .left
                        .checked_sub(1)
                        .ok_or(ProtobufError::TooMany { most: MOST_VALUES })?;
                    let number = Wire::Varint(reader.varint()?);
                    list.push(self.value(shape, number, place)?);
                }
            }
            _ => list.push(self.value(shape, wire, place)?),
        }
        Ok(())
    }

    /// A key with its value: a message of two fields, either of which may be left out.
    fn entry(
        &mut self,
        shape: Shape,
        wire: Wire<'_>,
        place: Place,
    ) -> Result<(String, Value), ProtobufError> {
        let Wire::Bytes(bytes) = wire else { return Err(place.wrong_type()) };
        let mut reader = Reader::new(bytes);
        let (mut key, mut value) = (String::new(), Wire::Bytes(&[]));
        while let Some((number, wire)) = reader.field()? {
            match (number, wire) {
                (1, Wire::Bytes(text)) => key = place.text(text)?,
                (1, _) => return Err(place.wrong_type()),
                (2, wire) => value = wire,
                _ => {}
            }
        }
        Ok((key, self.value(shape, value, place)?))
    }

    fn value(
        &mut self,
        shape: Shape,
        wire: Wire<'_>,
        place: Place,
    ) -> Result<Value, ProtobufError> {
        match (shape, wire) {
            (Shape::Bool, Wire::Varint(number)) => Ok(Value::from(number != 0)),
            // Negative numbers are sent as the 64 bits that they are.
            (Shape::Int, Wire::Varint(number)) => Ok(Value::from(number.cast_signed())),
            (Shape::Text, Wire::Bytes(bytes)) => Ok(Value::from(place.text(bytes)?)),
            (Shape::Bytes, Wire::Bytes(bytes)) => Ok(Value::from(STANDARD.encode(bytes))),
            (Shape::Message(name), Wire::Bytes(bytes)) => {
                let mut inner = Map::new();
                self.message(name, bytes, &mut inner)?;
                Ok(Value::Object(inner))
            }
            (Shape::Time, Wire::Bytes(bytes)) => time(bytes, place, Precision::Seconds),
            (Shape::MicroTime, Wire::Bytes(bytes)) => time(bytes, place, Precision::Micros),
            (Shape::Quantity, Wire::Bytes(bytes)) => {
                Ok(Value::from(small(bytes, place)?.text.unwrap_or_default()))
            }
            (Shape::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes, place),
            (Shape::ExtraValue, Wire::Bytes(bytes)) => self.extra(bytes, place),
            (Shape::FieldsV1, Wire::Bytes(bytes)) => fields(bytes, place),
            _ => Err(place.wrong_type()),
        }
    }

    fn extra(&mut self, bytes: &[u8], place: Place) -> Result<Value, ProtobufError> {
        let mut items = Vec::new();
        let mut reader = Reader::new(bytes);
        while let Some((number, wire)) = reader.field()? {
            if number == 1 {
                self.items(Shape::Text, wire, place, &mut items)?;
            }
        }
        Ok(Value::Array(items))
    }
}

/// Whether a value is what Go has where nothing was set.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A message of a number or two and perhaps a text, whose fields have different numbers in each.
#[derive(Default)]
struct Small {
    /// The numbers in the fields 1 and 2.
    numbers: [i64; 2],
    /// The text, whichever field it is in.
    text: Option<String>,
}

fn small(bytes: &[u8], place: Place) -> Result<Small, ProtobufError> {
    let mut small = Small::default();
    let mut reader = Reader::new(bytes);
    while let Some((field, wire)) = reader.field()? {
        match (field, wire) {
            (1, Wire::Varint(number)) => small.numbers[0] = number.cast_signed(),
            (2, Wire::Varint(number)) => small.numbers[1] = number.cast_signed(),
            (1 | 3, Wire::Bytes(bytes)) => small.text = Some(place.text(bytes)?),
            _ => {}
        }
    }
    Ok(small)
}

/// How exact a time is.
#[derive(Clone, Copy)]
enum Precision {
    Seconds,
    Micros,
}

/// A time; null for one that was never set.
fn time(bytes: &[u8], place: Place, precision: Precision) -> Result<Value, ProtobufError> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let [seconds, nanos] = small(bytes, place)?.numbers;
    let whole = WallTime::from_unix_seconds(seconds).ok_or_else(|| place.no_text())?.to_string();
    Ok(match precision {
        Precision::Seconds => Value::from(whole),
        Precision::Micros => {
            let micros = nanos.clamp(0, 999_999_999) / 1000;
            Value::from(format!("{}.{micros:06}Z", whole.trim_end_matches('Z')))
        }
    })
}

fn int_or_string(bytes: &[u8], place: Place) -> Result<Value, ProtobufError> {
    let Small { numbers: [kind, number], text } = small(bytes, place)?;
    Ok(if kind == 0 { Value::from(number) } else { Value::from(text.unwrap_or_default()) })
}

fn fields(bytes: &[u8], place: Place) -> Result<Value, ProtobufError> {
    let mut reader = Reader::new(bytes);
    while let Some((number, wire)) = reader.field()? {
        if let (1, Wire::Bytes(json)) = (number, wire) {
            return serde_json::from_slice(json).map_err(|_| place.no_text());
        }
    }
    Ok(Value::Object(Map::new()))
}
