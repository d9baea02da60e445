//! JSON as QEMU reads and writes it.
//!
//! A general JSON library would accept and refuse other texts than QEMU does, would name other
//! reasons, and would write members in another order. Whoever drives a machine through QMP may
//! come to depend on any of these, so this module follows `qobject/` of QEMU 10:
//!
//! * the [`Reader`] takes a stream in any pieces, ends a message where its brackets close, not
//!   where a line ends, and finds its feet again after garbage;
//! * strings may be in single quotes, keys must not repeat, integers keep all 64 bits;
//! * a [`Json`] prints on one line in ASCII, members in the order of QEMU's hash table.

mod builder;
mod error;
mod lexer;
mod number;
mod object;
mod reader;
mod string;
mod unicode;
mod writer;

pub use error::JsonError;
pub use number::Number;
pub use object::Object;
pub use reader::{Limits, Reader};

use std::fmt;

/// A JSON value.
///
/// ```
/// use ferry_qmp::json::{Json, Object};
///
/// let id = Json::from(Object::from_iter([("seq", Json::from(7_u64)), ("by", Json::from("node"))]));
/// assert_eq!(id.to_string(), r#"{"seq": 7, "by": "node"}"#);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Null | Self::Number(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => {
                None
            }
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The object, if it is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) | Self::Array(_) => None,
        }
    }

    /// The number, if it is one.
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Null | Self::Bool(_) | Self::String(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }
}

/// Prints as QEMU writes it: one line, ASCII only.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writer::write(self, f)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Self::Object(object)
    }
}

impl From<Vec<Json>> for Json {
    fn from(elements: Vec<Json>) -> Self {
        Self::Array(elements)
    }
}

impl<N: Into<Number>> From<N> for Json {
    fn from(number: N) -> Self {
        Self::Number(number.into())
    }
}
