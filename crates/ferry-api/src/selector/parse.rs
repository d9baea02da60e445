//! From kubectl's text to requirements.
//!
//! ```text
//!  selector     ::= "" | requirement { "," requirement }
//!  requirement  ::= key | "!" key | key ( "=" | "==" | "!=" | ">" | "<" ) [ value ]
//!                 | key ( "in" | "notin" ) "(" [ value ] { "," [ value ] } ")"
//! ```
//!
//! Blanks may stand between tokens. A token is a slice of the text: a symbol, or everything up to
//! the next symbol or blank; the end of the text is an empty one. `in` and `notin` are operators
//! only behind a key, so they may be keys and values, too.

use std::collections::BTreeSet;

use super::{Operator, Requirement, RequirementError, SelectorError, check_value};
use crate::names::NameRule;

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
const SYMBOLS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

// PARITY: apimachinery/pkg/labels/selector.go#parse
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, SelectorError> {
    let unexpected = |found: &str, expected| {
        Err(SelectorError::Unexpected { found: found.to_owned(), expected })
    };
    let mut parser = Parser::new(text);
    let mut requirements = Vec::new();
    if parser.ahead.is_empty() {
        return Ok(requirements);
    }
    if !parser.is_at_requirement() {
        return unexpected(parser.ahead, "!, identifier, or 'end of string'");
    }
    loop {
        requirements.push(parser.requirement().map_err(SelectorError::Requirement)?);
        match parser.take() {
            "" => return Ok(requirements),
            "," if parser.is_at_requirement() => {}
            "," => return unexpected(parser.ahead, "identifier after ','"),
            found => return unexpected(found, "',' or 'end of string'"),
        }
    }
}

/// Reads tokens with one token of foresight.
struct Parser<'a> {
    ahead: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        let mut parser = Self { ahead: "", rest: text };
        parser.take();
        parser
    }

    /// The token that was ahead.
    fn take(&mut self) -> &'a str {
        let rest = self.rest.trim_start_matches(BLANKS);
        let length = if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else if rest.starts_with(SYMBOLS) {
            1
        } else {
            let ends = |c| BLANKS.contains(&c) || SYMBOLS.contains(&c);
            rest.find(ends).unwrap_or(rest.len())
        };
        let (next, rest) = rest.split_at(length);
        self.rest = rest;
        std::mem::replace(&mut self.ahead, next)
    }

    fn is_at_requirement(&self) -> bool {
        self.ahead == "!" || is_identifier(self.ahead)
    }

    fn requirement(&mut self) -> Result<Requirement, RequirementError> {
        let negated = self.ahead == "!";
        if negated {
            self.take();
        }
        let key = self.identifier()?;
        // Checked before the rest is read, so that a bad key is what the user hears about first.
        if let Err(problem) = NameRule::LabelKey.check(&key) {
            return Err(RequirementError::Key { key, problem });
        }
        if negated {
            return Requirement::new(key, Operator::DoesNotExist);
        }
        if matches!(self.ahead, "" | ",") {
            return Requirement::new(key, Operator::Exists);
        }
        let operator = match self.take() {
            "=" | "==" => Operator::Equals(self.value()?),
            "!=" => Operator::NotEquals(self.value()?),
            "in" => Operator::In(self.values()?),
            "notin" => Operator::NotIn(self.values()?),
            ">" => Operator::GreaterThan(self.integer()?),
            "<" => Operator::LessThan(self.integer()?),
            found => return unexpected(found, "in, notin, =, ==, !=, gt, lt"),
        };
        Requirement::new(key, operator)
    }

    fn identifier(&mut self) -> Result<String, RequirementError> {
        match self.take() {
            token if is_identifier(token) => Ok(token.to_owned()),
            found => unexpected(found, "identifier"),
        }
    }

    /// One value; none is the empty one.
    fn value(&mut self) -> Result<String, RequirementError> {
        match self.ahead {
            "" | "," => Ok(String::new()),
            _ => self.identifier(),
        }
    }

    fn integer(&mut self) -> Result<i64, RequirementError> {
        let value = self.value()?;
        match value.parse() {
            // `+2` is a number, too, but nothing that a label could say.
            Ok(number) => check_value(0, &value).map(|()| number),
            Err(_) => Err(RequirementError::NotAnInteger { value }),
        }
    }

    /// The values between parentheses; where there is none between commas, it is the empty one.
    // PARITY: apimachinery/pkg/labels/selector.go#parseValues. Upstream refuses `(a,,)` and takes
    // `(a,)` and `(a,,b)`; here, all three are taken.
    fn values(&mut self) -> Result<BTreeSet<String>, RequirementError> {
        match self.take() {
            "(" => {}
            found => return unexpected(found, "'('"),
        }
        let mut values = BTreeSet::new();
        loop {
            values.insert(match self.ahead {
                "," | ")" => String::new(),
                token if is_identifier(token) => self.take().to_owned(),
                found => return unexpected(found, "',', ')' or identifier"),
            });
            match self.take() {
                "," => {}
                ")" => return Ok(values),
                found => return unexpected(found, "',' or ')'"),
            }
        }
    }
}

fn is_identifier(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(SYMBOLS)
}

fn unexpected<T>(found: &str, expected: &'static str) -> Result<T, RequirementError> {
    Err(RequirementError::Unexpected { found: found.to_owned(), expected })
}
