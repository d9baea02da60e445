//! From the bytes of a body to a document, with the keys that stand in it twice.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::draft::path::{push_field, push_index};
use crate::draft::surrogates::mended;
use crate::object::Document;
use crate::refusal::Refusal;

/// How many keys that stand twice are told.
const MOST_DUPLICATES: usize = 100;

/// A document that a client sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// The document. Of keys that stand twice, the last counts.
    pub object: Document,
    /// Where keys stand twice: `spec.running`.
    pub duplicates: Vec<String>,
}

impl Body {
    /// The document that `json` is.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] if it is no JSON object.
    pub fn json(json: &[u8]) -> Result<Self, Refusal> {
        let unread = |what: String| Refusal::BadRequest {
            message: format!("couldn't get version/kind; json parse error: {what}"),
        };
        let Parsed { value, duplicates } =
            Parsed::json(json).map_err(|error| unread(error.to_string()))?;
        match value {
            Value::Object(object) => Ok(Self { object, duplicates }),
            other => {
                let kind = kind_of(&other);
                Err(unread(format!("json: cannot unmarshal {kind} into Go value of type struct")))
            }
        }
    }
}

/// A JSON value that a client sent: a document, or a patch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The value. Of keys that stand twice, the last counts.
    pub value: Value,
    /// Where keys stand twice: `spec.running`, `[0].path`.
    pub duplicates: Vec<String>,
}

impl Parsed {
    /// The value that `json` is.
    ///
    /// # Errors
    /// What is wrong with it, if it is no JSON.
    pub fn json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let json = mended(json);
        let mut duplicates = Vec::new();
        let mut reader = serde_json::Deserializer::from_slice(&json);
        let mut path = Vec::new();
        let seed = Reader { path: &mut path, duplicates: &mut duplicates };
        let value = seed.deserialize(&mut reader)?;
        reader.end()?;
        Ok(Self { value, duplicates })
    }
}

impl From<Document> for Body {
    fn from(object: Document) -> Self {
        Self { object, duplicates: Vec::new() }
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Where in the document the reader is.
enum Step {
    Field(String),
    Item(usize),
}

/// Reads a value that stands at `path`.
struct Reader<'a> {
    path: &'a mut Vec<Step>,
    duplicates: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn within(&mut self) -> Reader<'_> {
        Reader { path: self.path, duplicates: self.duplicates }
    }

    fn report(&mut self, key: &str) {
        if self.duplicates.len() >= MOST_DUPLICATES {
            return;
        }
        let mut path = String::new();
        for step in self.path.iter() {
            match step {
                Step::Field(name) => push_field(&mut path, name),
                Step::Item(index) => push_index(&mut path, *index),
            }
        }
        push_field(&mut path, key);
        if !self.duplicates.contains(&path) {
            self.duplicates.push(path);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a finite number"))?;
        let mut value = Value::Number(number);
        super::normalise(&mut value);
        Ok(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.path.push(Step::Item(list.len()));
            let item = items.next_element_seed(self.within())?;
            self.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.contains_key(&key) {
                self.report(&key);
            }
            self.path.push(Step::Field(key));
            let value = entries.next_value_seed(self.within())?;
            let Some(Step::Field(key)) = self.path.pop() else {
                return Err(A::Error::custom("a key without a place"));
            };
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_that_stands_twice_is_told_and_the_last_counts() {
        let body = Body::json(
            br#"{"a":1,"a":2,"a":3,"spec":{"x":{"y":1,"y":[{"z":0},{"z":1,"z":2}]},"w":[1]}}"#,
        )
        .unwrap();
        assert_eq!(
            Value::Object(body.object),
            json!({ "a": 3, "spec": { "x": { "y": [{ "z": 0 }, { "z": 2 }] }, "w": [1] } })
        );
        assert_eq!(body.duplicates, ["a", "spec.x.y", "spec.x.y[1].z"]);
    }

    #[test]
    fn whole_numbers_are_whole_however_they_are_written() {
        let body = Body::json(
            br#"{"a":1.0,"b":1e3,"c":-2.0,"d":1.5,"e":9007199254740993,"f":18446744073709551615,"g":1e300}"#,
        )
        .unwrap();
        assert_eq!(
            serde_json::to_string(&body.object).unwrap(),
            r#"{"a":1,"b":1000,"c":-2,"d":1.5,"e":9007199254740993,"f":18446744073709551615,"g":1e+300}"#
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        for json in [&b""[..], b"{", b"[]", b"1", b"{}{}", b"{\"a\":}", b"\xff", &deep] {
            let refusal = Body::json(json).unwrap_err();
            assert!(matches!(refusal, Refusal::BadRequest { .. }), "{refusal}");
        }
    }
}
