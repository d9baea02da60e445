//! Values out of tokens.
//!
//! QEMU keeps a message's tokens and parses them when the last bracket closes. Here they are parsed
//! as they come, so that nothing has to be kept; a message that is wrong somewhere is read on to
//! its end with the first error in mind, which is the one that QEMU reports.

use super::error::KEYWORD_MAX;
use super::lexer::Kind;
use super::{Json, JsonError, Number, Object, string, unicode};

/// A value of which some tokens have come.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// The arrays and objects that are open, the outermost first.
    open: Vec<Open>,
    /// What came out in the end, or what was wrong first.
    outcome: Option<Result<Json, JsonError>>,
}

/// An array or an object that is not closed yet.
#[derive(Debug)]
enum Open {
    Array { elements: Vec<Json>, expected: InArray },
    Object { object: Object, expected: InObject },
}

/// What may come next in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InArray {
    ElementOrEnd,
    Element,
    CommaOrEnd,
}

/// What may come next in an object.
#[derive(Debug, PartialEq, Eq)]
enum InObject {
    NameOrEnd,
    Name,
    Colon { name: String },
    Value { name: String },
    CommaOrEnd,
}

impl Builder {
    /// Takes the next token; `text` is all of it.
    pub(super) fn push(&mut self, kind: Kind, text: &[u8]) {
        if self.outcome.is_some() {
            return;
        }
        if let Err(error) = self.accept(kind, text) {
            self.open.clear();
            self.outcome = Some(Err(error));
        }
    }

    /// The value, or the first thing that was wrong with it. The brackets have been counted, so
    /// all of it has come.
    pub(super) fn finish(&mut self) -> Result<Json, JsonError> {
        // Brackets that balance but close each other's kind are wrong where the first one does.
        let outcome = std::mem::take(self).outcome;
        outcome.expect("a message ends where its value does, or before it with an error")
    }

    fn accept(&mut self, kind: Kind, text: &[u8]) -> Result<(), JsonError> {
        let Some(open) = self.open.last_mut() else {
            return self.value(kind, text);
        };
        match open {
            Open::Array { expected, .. } => match (*expected, kind) {
                (InArray::ElementOrEnd | InArray::CommaOrEnd, Kind::CloseArray) => self.close(),
                (InArray::CommaOrEnd, Kind::Comma) => {
                    *expected = InArray::Element;
                    Ok(())
                }
                (InArray::CommaOrEnd, _) => Err(JsonError::NoCommaInArray),
                (InArray::ElementOrEnd | InArray::Element, _) => self.value(kind, text),
            },
            Open::Object { expected, .. } => match (&mut *expected, kind) {
                (InObject::NameOrEnd | InObject::CommaOrEnd, Kind::CloseObject) => self.close(),
                (InObject::CommaOrEnd, Kind::Comma) => {
                    *expected = InObject::Name;
                    Ok(())
                }
                (InObject::CommaOrEnd, _) => Err(JsonError::NoCommaInObject),
                (InObject::Colon { name }, Kind::Colon) => {
                    *expected = InObject::Value { name: std::mem::take(name) };
                    Ok(())
                }
                (InObject::Colon { .. }, _) => Err(JsonError::NoColon),
                // A name may look like any value until it has come as a whole.
                (InObject::NameOrEnd | InObject::Name | InObject::Value { .. }, _) => {
                    self.value(kind, text)
                }
            },
        }
    }

    /// Takes a token where a value belongs.
    // PARITY: qobject/json-parser.c#parse_value
    fn value(&mut self, kind: Kind, text: &[u8]) -> Result<(), JsonError> {
        match kind {
            Kind::OpenArray => {
                let expected = InArray::ElementOrEnd;
                self.open.push(Open::Array { elements: Vec::new(), expected });
                Ok(())
            }
            Kind::OpenObject => {
                let expected = InObject::NameOrEnd;
                self.open.push(Open::Object { object: Object::new(), expected });
                Ok(())
            }
            Kind::String => self.complete(Json::String(string::parse(text)?)),
            Kind::Number => {
                let text = std::str::from_utf8(text).expect("the lexer takes ASCII in numbers");
                self.complete(Json::Number(Number::parse(text)))
            }
            Kind::Keyword => self.complete(keyword(text)?),
            Kind::CloseArray | Kind::CloseObject | Kind::Colon | Kind::Comma => {
                Err(JsonError::NoValue)
            }
        }
    }

    /// Closes the innermost array or object.
    fn close(&mut self) -> Result<(), JsonError> {
        match self.open.pop() {
            Some(Open::Array { elements, .. }) => self.complete(Json::Array(elements)),
            Some(Open::Object { object, .. }) => self.complete(Json::Object(object)),
            None => Err(JsonError::NoValue),
        }
    }

    /// Puts a value that has come as a whole where it belongs.
    // PARITY: qobject/json-parser.c#parse_pair
    fn complete(&mut self, value: Json) -> Result<(), JsonError> {
        match self.open.last_mut() {
            None => self.outcome = Some(Ok(value)),
            Some(Open::Array { elements, expected }) => {
                elements.push(value);
                *expected = InArray::CommaOrEnd;
            }
            Some(Open::Object { object, expected }) => match expected {
                InObject::Value { name } => {
                    if object.contains(name) {
                        return Err(JsonError::DuplicateName);
                    }
                    object.insert(name, value);
                    *expected = InObject::CommaOrEnd;
                }
                InObject::NameOrEnd
                | InObject::Name
                | InObject::Colon { .. }
                | InObject::CommaOrEnd => {
                    let Json::String(name) = value else { return Err(JsonError::NameIsNoString) };
                    *expected = InObject::Colon { name };
                }
            },
        }
        Ok(())
    }
}

// PARITY: qobject/json-parser.c#parse_keyword
fn keyword(text: &[u8]) -> Result<Json, JsonError> {
    match text {
        b"true" => Ok(Json::Bool(true)),
        b"false" => Ok(Json::Bool(false)),
        b"null" => Ok(Json::Null),
        _ => {
            let kept = &text[..text.len().min(KEYWORD_MAX)];
            Err(JsonError::Keyword { keyword: unicode::lossy(kept) })
        }
    }
}
