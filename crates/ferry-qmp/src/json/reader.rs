//! Messages out of a stream of bytes.
//!
//! A message ends where its brackets close, or with a value that needs none; line ends mean
//! nothing.
//! What cannot become a message is reported once and dropped.

use super::builder::Builder;
use super::lexer::{self, Kind, State, Step};
use super::{Json, JsonError, unicode};

/// How large a message may be. What it takes in memory is bounded by these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all tokens of a message, and of one that never ends.
    pub bytes: usize,
    /// Tokens of a message.
    pub tokens: usize,
    /// Brackets in brackets.
    pub nesting: u32,
}

impl Limits {
    /// What QEMU takes: 64 MiB, 2 Mi tokens, 1024 brackets deep.
    // PARITY: qobject/json-streamer.c#json_message_process_token
    pub const QEMU: Self = Self { bytes: 64 << 20, tokens: 2 << 20, nesting: 1 << 10 };

    /// What a server needs that serves the commands of this crate: a single command is at most a
    /// few hundred bytes, a list of several thousand bitmaps less than this.
    pub const COMMANDS: Self = Self { bytes: 1 << 20, tokens: 32 << 10, nesting: 1 << 10 };

    /// What a client needs: QEMU's whole schema is 250 KB in 40,000 tokens.
    pub const ANSWERS: Self = Self { bytes: 8 << 20, tokens: 1 << 20, nesting: 1 << 10 };
}

/// What a reader keeps of a long token's room once it is read.
const KEPT_CAPACITY: usize = 4 << 10;

/// Cuts a stream into messages.
///
/// ```
/// use ferry_qmp::json::{Limits, Reader};
///
/// let mut reader = Reader::new(Limits::QEMU);
/// let mut first = &b"{'execute':"[..];
/// assert!(reader.next(&mut first).is_none());
///
/// let mut second = &b" 'stop'} {bad}"[..];
/// let message = reader.next(&mut second).unwrap().unwrap();
/// assert_eq!(message.to_string(), r#"{"execute": "stop"}"#);
/// let error = reader.next(&mut second).unwrap().unwrap_err();
/// assert_eq!(error.to_string(), "JSON parse error, invalid keyword 'bad'");
/// assert!(reader.next(&mut second).is_none());
/// ```
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
    state: State,
    /// What has come of the present token.
    token: Vec<u8>,
    message: Message,
}

/// What has come of the present message.
#[derive(Debug, Default)]
struct Message {
    builder: Builder,
    bytes: usize,
    tokens: usize,
    braces: i64,
    brackets: i64,
}

impl Reader {
    /// A reader at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self { limits, state: State::Start, token: Vec::new(), message: Message::default() }
    }

    /// Takes bytes off the front of `input` until a message is complete or proves to be none.
    ///
    /// `None` means that `input` is used up and more is needed. How the stream is cut into inputs
    /// makes no difference.
    // PARITY: qobject/json-lexer.c#json_lexer_feed_char
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Result<Json, JsonError>> {
        while let Some(&byte) = input.first() {
            let step = lexer::step(self.state, byte);
            match step {
                Step::Continues(_) | Step::Completes(_) | Step::Strays => {
                    self.token.push(byte);
                    *input = &input[1..];
                }
                Step::Skipped(_) => *input = &input[1..],
                Step::Follows(_) | Step::Recovers => {}
            }
            let message = match step {
                Step::Continues(state) => {
                    self.state = state;
                    self.check_unended()
                }
                Step::Skipped(state) => {
                    self.state = state;
                    None
                }
                Step::Recovers => {
                    self.state = State::Start;
                    None
                }
                Step::Completes(kind) | Step::Follows(kind) => {
                    self.state = State::Start;
                    let token = std::mem::take(&mut self.token);
                    let message = self.message.push(kind, &token, self.limits);
                    self.reuse(token);
                    message
                }
                Step::Strays => {
                    self.state = State::Recovery;
                    let token = unicode::lossy(&self.token);
                    Some(self.give_up(JsonError::Stray { token }))
                }
            };
            if message.is_some() {
                return message;
            }
        }
        None
    }

    /// A token that never ends must not grow without end.
    fn check_unended(&mut self) -> Option<Result<Json, JsonError>> {
        (self.token.len() > self.limits.bytes).then(|| {
            self.state = State::Start;
            self.give_up(JsonError::TooManyBytes)
        })
    }

    fn give_up(&mut self, error: JsonError) -> Result<Json, JsonError> {
        let token = std::mem::take(&mut self.token);
        self.reuse(token);
        self.message = Message::default();
        Err(error)
    }

    fn reuse(&mut self, mut token: Vec<u8>) {
        token.clear();
        token.shrink_to(KEPT_CAPACITY);
        self.token = token;
    }
}

impl Message {
    /// Takes a token, and gives the message if that was its last.
    // PARITY: qobject/json-streamer.c#json_message_process_token
    fn push(
        &mut self,
        kind: Kind,
        token: &[u8],
        limits: Limits,
    ) -> Option<Result<Json, JsonError>> {
        match kind {
            Kind::OpenObject => self.braces += 1,
            Kind::CloseObject => self.braces -= 1,
            Kind::OpenArray => self.brackets += 1,
            Kind::CloseArray => self.brackets -= 1,
            Kind::Colon | Kind::Comma | Kind::String | Kind::Number | Kind::Keyword => {}
        }
        self.tokens += 1;
        let outcome = if self.bytes + token.len() + 1 > limits.bytes {
            Err(JsonError::TooManyBytes)
        } else if self.tokens > limits.tokens {
            Err(JsonError::TooManyTokens)
        } else if self.braces + self.brackets > i64::from(limits.nesting) {
            Err(JsonError::TooDeep)
        } else {
            self.bytes += token.len();
            self.builder.push(kind, token);
            let is_open = self.braces > 0 || self.brackets > 0;
            if is_open && self.braces >= 0 && self.brackets >= 0 {
                return None;
            }
            self.builder.finish()
        };
        *self = Self::default();
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Reader, mut input: &[u8]) -> Vec<String> {
        std::iter::from_fn(|| reader.next(&mut input))
            .map(|message| message.map_or_else(|error| error.to_string(), |json| json.to_string()))
            .collect()
    }

    #[track_caller]
    fn check(text: &str, messages: &[&str]) {
        assert_eq!(read(&mut Reader::new(Limits::QEMU), text.as_bytes()), messages, "{text:?}");
    }

    #[test]
    fn messages_end_where_their_brackets_close() {
        check("{}[]{'a':[{}]}", &["{}", "[]", r#"{"a": [{}]}"#]);
        check("[1,\n2]\n\n[", &["[1, 2]"]);
        check("1 \"a\" null ", &["1", "\"a\"", "null"]);
        // A number may go on until something else comes.
        check("12", &[]);
        check("5[]", &["5", "[]"]);
    }

    #[test]
    fn parity_what_is_wrong_first_is_reported_once() {
        for (text, error) in [
            ("{bad}", "invalid keyword 'bad'"),
            ("[1 2]", "expected separator in list"),
            ("[1,]", "expecting value"),
            ("[,]", "expecting value"),
            ("{'a'}", "missing : in object pair"),
            ("{'a' 1}", "missing : in object pair"),
            ("{'a':}", "expecting value"),
            ("{'a':1 'b':2}", "expected separator in dict"),
            ("{'a':1,}", "expecting value"),
            ("{'a':1,'a':2}", "duplicate key"),
            ("{'a':1,'a':bad}", "invalid keyword 'bad'"),
            ("{1:2}", "key is not a string in object"),
            ("{{}:2}", "key is not a string in object"),
            ("{{bad}:2}", "invalid keyword 'bad'"),
            ("{null:2}", "key is not a string in object"),
            ("[{]}", "expecting value"),
            ("{'a':[}]", "expecting value"),
            ("[1}", "expected separator in list"),
            ("]", "expecting value"),
            ("}", "expecting value"),
            (":", "expecting value"),
            ("['\\q', bad]", "invalid escape sequence in string"),
        ] {
            check(text, &[&format!("JSON parse error, {error}")]);
        }
    }

    #[test]
    fn parity_after_a_stray_byte_reading_goes_on_at_a_bracket_or_a_control() {
        check(
            "{'a': @ 'b'} {}",
            &["JSON parse error, stray '@'", "JSON parse error, expecting value", "{}"],
        );
        check("@ 'ab' 12\n[]", &["JSON parse error, stray '@'", "[]"]);
        check("{'a\n{}", &["JSON parse error, stray ''a\n'", "{}"]);
    }

    #[test]
    fn parity_a_byte_ff_gives_up_what_is_half_read() {
        let mut reader = Reader::new(Limits::QEMU);
        assert!(read(&mut reader, b"{'a':[{'b").is_empty());
        assert_eq!(read(&mut reader, b"\xFF\n{}"), ["JSON parse error, stray ''b\u{FFFD}'", "{}"]);
    }

    #[test]
    fn parity_a_long_keyword_is_cut_as_in_qemus_buffer() {
        let cut = "a".repeat(1006);
        check(
            &format!("{} ", "a".repeat(1006)),
            &[&format!("JSON parse error, invalid keyword '{cut}")],
        );
        check(
            &format!("{} ", "a".repeat(1005)),
            &[&format!("JSON parse error, invalid keyword '{}'", "a".repeat(1005))],
        );
    }

    #[test]
    fn a_message_may_be_so_large_and_no_larger() {
        let limits = Limits { bytes: 16, tokens: 9, nesting: 3 };
        for (text, messages) in [
            ("[[[1]]]", &["[[[1]]]"][..]),
            ("[[[[", &["JSON nesting depth limit exceeded"]),
            ("[1,2,3,4]", &["[1, 2, 3, 4]"]),
            ("[1,2,3,4,5 ", &["JSON token count limit exceeded"]),
            ("[12345678901,1]", &["[12345678901, 1]"]),
            ("[123456789012,1]", &["JSON token size limit exceeded"]),
            // What never ends is given up, and then what follows is read anew.
            ("\"aaaaaaaaaaaaaaaa1", &["JSON token size limit exceeded"]),
            ("\"aaaaaaaaaaaaaaaa 1 ", &["JSON token size limit exceeded", "1"]),
        ] {
            assert_eq!(read(&mut Reader::new(limits), text.as_bytes()), messages, "{text}");
        }
    }

    #[test]
    fn a_long_token_does_not_keep_its_room() {
        let mut reader = Reader::new(Limits::QEMU);
        let long = format!("\"{}\"", "a".repeat(1 << 20));
        assert_eq!(read(&mut reader, long.as_bytes()).len(), 1);
        assert!(reader.token.capacity() <= KEPT_CAPACITY);
    }
}
