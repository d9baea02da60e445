//! Tokens out of bytes.
//!
//! The automaton of QEMU's lexer without its interpolation, which QMP does not use. It is total:
//! every byte leads somewhere from every state.
//!
//! ```text
//!            garbage                          [ ] { } : ,  controls, FE, FF
//!   Start ────────────► (stray) ─► Recovery ─────────────────────────────► Start
//! ```

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{`
    OpenObject,
    /// `}`
    CloseObject,
    /// `[`
    OpenArray,
    /// `]`
    CloseArray,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// A string literal with its quotes.
    String,
    /// A number.
    Number,
    /// A word of lower-case letters.
    Keyword,
}

/// Where in a token the lexer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum State {
    /// Between tokens.
    #[default]
    Start,
    /// After a stray byte, looking for a place to begin again.
    Recovery,
    /// In a string with this quote around it.
    String(Quote),
    /// After a backslash in such a string.
    Escape(Quote),
    /// In a number.
    Number(InNumber),
    /// In a word.
    Keyword,
}

/// Where in a number the lexer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InNumber {
    /// After `-`.
    Sign,
    /// After a leading `0`.
    Zero,
    /// In the digits before the point.
    Digits,
    /// After the point.
    Point,
    /// In the digits after the point.
    Decimals,
    /// After `e`.
    Exponent,
    /// After the sign of an exponent.
    ExponentSign,
    /// In the digits of an exponent.
    ExponentDigits,
}

/// What a string is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    /// `"`
    Double,
    /// `'`, an extension of QEMU's.
    Single,
}

/// What a byte does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is part of a token that goes on.
    Continues(State),
    /// It is the last byte of a token.
    Completes(Kind),
    /// The token ended before it; it is to be looked at again.
    Follows(Kind),
    /// It is white space, or skipped while recovering.
    Skipped(State),
    /// Recovery ended before it; it is to be looked at again.
    Recovers,
    /// It belongs to no token.
    Strays,
}

/// What `byte` does in `state`.
// PARITY: qobject/json-lexer.c#next_state
pub(super) fn step(state: State, byte: u8) -> Step {
    match state {
        State::Start => begin(byte),
        State::Recovery => match byte {
            b'\t' => Step::Skipped(State::Recovery),
            0..=0x1F | 0xFE | 0xFF | b'[' | b']' | b'{' | b'}' | b':' | b',' => Step::Recovers,
            _ => Step::Skipped(State::Recovery),
        },
        State::String(quote) => match (byte, quote) {
            (b'"', Quote::Double) | (b'\'', Quote::Single) => Step::Completes(Kind::String),
            (b'\\', _) => Step::Continues(State::Escape(quote)),
            (0x20..=0xFD, _) => Step::Continues(State::String(quote)),
            (0..=0x1F | 0xFE | 0xFF, _) => Step::Strays,
        },
        State::Escape(quote) => match byte {
            0x20..=0xFD => Step::Continues(State::String(quote)),
            0..=0x1F | 0xFE | 0xFF => Step::Strays,
        },
        State::Keyword => match byte {
            b'a'..=b'z' => Step::Continues(State::Keyword),
            _ => Step::Follows(Kind::Keyword),
        },
        State::Number(place) => in_number(place, byte),
    }
}

fn begin(byte: u8) -> Step {
    match byte {
        b' ' | b'\t' | b'\r' | b'\n' => Step::Skipped(State::Start),
        b'{' => Step::Completes(Kind::OpenObject),
        b'}' => Step::Completes(Kind::CloseObject),
        b'[' => Step::Completes(Kind::OpenArray),
        b']' => Step::Completes(Kind::CloseArray),
        b':' => Step::Completes(Kind::Colon),
        b',' => Step::Completes(Kind::Comma),
        b'"' => Step::Continues(State::String(Quote::Double)),
        b'\'' => Step::Continues(State::String(Quote::Single)),
        b'-' => Step::Continues(State::Number(InNumber::Sign)),
        b'0' => Step::Continues(State::Number(InNumber::Zero)),
        b'1'..=b'9' => Step::Continues(State::Number(InNumber::Digits)),
        b'a'..=b'z' => Step::Continues(State::Keyword),
        _ => Step::Strays,
    }
}

/// A number in QEMU's grammar: JSON's, except that a lone `0` takes no exponent.
fn in_number(place: InNumber, byte: u8) -> Step {
    use InNumber::{Decimals, Digits, Exponent, ExponentDigits, ExponentSign, Point, Sign, Zero};
    let next = match (place, byte) {
        (Sign, b'0') => Zero,
        (Sign, b'1'..=b'9') | (Digits, b'0'..=b'9') => Digits,
        (Zero | Digits, b'.') => Point,
        (Point | Decimals, b'0'..=b'9') => Decimals,
        (Digits | Decimals, b'e' | b'E') => Exponent,
        (Exponent, b'-' | b'+') => ExponentSign,
        (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => ExponentDigits,
        (Zero, b'0'..=b'9') | (Sign | Point | Exponent | ExponentSign, _) => return Step::Strays,
        (Zero | Digits | Decimals | ExponentDigits, _) => return Step::Follows(Kind::Number),
    };
    Step::Continues(State::Number(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens of a text, `?` before a stray one.
    fn tokens(text: &str) -> Vec<String> {
        let (mut state, mut token, mut tokens) = (State::Start, String::new(), Vec::new());
        for byte in text.bytes() {
            loop {
                let step = step(state, byte);
                if matches!(step, Step::Continues(_) | Step::Completes(_) | Step::Strays) {
                    token.push(char::from(byte));
                }
                state = match step {
                    Step::Continues(state) | Step::Skipped(state) => state,
                    Step::Completes(_) | Step::Follows(_) | Step::Recovers => State::Start,
                    Step::Strays => State::Recovery,
                };
                match step {
                    Step::Completes(_) | Step::Follows(_) => {
                        tokens.push(std::mem::take(&mut token));
                    }
                    Step::Strays => tokens.push(format!("?{}", std::mem::take(&mut token))),
                    Step::Continues(_) | Step::Skipped(_) | Step::Recovers => {}
                }
                if !matches!(step, Step::Follows(_) | Step::Recovers) {
                    break;
                }
            }
        }
        tokens
    }

    #[test]
    fn parity_texts_fall_into_qemus_tokens() {
        for (text, expected) in [
            ("{}[]:,", &["{", "}", "[", "]", ":", ","][..]),
            (" \t\r\n1 ", &["1"]),
            ("true]", &["true", "]"]),
            (r#""a\"b'"'c"'"#, &[r#""a\"b'""#, r#"'c"'"#]),
            ("-0.5e+3,", &["-0.5e+3", ","]),
            ("1E5 ", &["1E5"]),
            // A lone zero takes no exponent.
            ("0e5,", &["0", "e", "5", ","]),
            ("01,2,", &["?01", ",", "2", ","]),
            ("1.,", &["?1.,"]),
            ("-x{", &["?-x", "{"]),
            ("@ abc \"d\" {}", &["?@", "{", "}"]),
            ("@\tabc\n1 ", &["?@", "1"]),
            ("\"a\nb\"{", &["?\"a\n", "{"]),
            ("%p ", &["?%"]),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
