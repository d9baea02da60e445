//! What a real QEMU 10.0.2 said, word for word.
//!
//! `tests/transcripts` has what was sent to it (`>`) and what it answered (`<`), bytes that do not
//! print escaped. Each block of lines is a session; `#!` starts another machine with these
//! arguments.

use ferry_qmp::words::RunState;

use crate::machine::{Machine, server};

pub(crate) const QEMU_10: &str = include_str!("../transcripts/qemu-10.0.2.txt");

/// The bytes that a line of a transcript stands for.
pub(crate) fn unescaped(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'\\', [b'x', digits @ ..]) => {
                let code = digits[..2].iter().map(|&digit| char::from(digit).to_digit(16));
                let code = code.fold(0, |code, digit| code << 4 | digit.expect("two digits"));
                bytes.push(u8::try_from(code).expect("two digits are a byte"));
                &digits[2..]
            }
            (b'\\', [escaped, after @ ..]) => {
                bytes.push(*escaped);
                after
            }
            (byte, after) => {
                bytes.push(*byte);
                after
            }
        };
    }
    bytes
}

fn printed(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn parity_every_answer_of_qemus_is_given_to_the_byte() {
    let mut machine = Machine::new(RunState::Prelaunch);
    let mut answered = 0;
    for block in QEMU_10.split("\n\n") {
        let mut session = server();
        let mut output = session.greeting().to_vec();
        let mut sent = "connecting";
        for line in block.lines() {
            if let Some(arguments) = line.strip_prefix("#!") {
                machine = Machine::new(match arguments.trim() {
                    "" => RunState::Prelaunch,
                    "-incoming defer" => RunState::Inmigrate,
                    other => panic!("{other}"),
                });
            } else if let Some(input) = line.strip_prefix("> ") {
                assert!(output.is_empty(), "{sent}\nQEMU does not say {}", printed(&output));
                output = machine.answer(&mut session, &unescaped(input));
                sent = input;
            } else if let Some(expected) = line.strip_prefix("< ") {
                let expected = unescaped(expected);
                let found = &output[..output.len().min(expected.len())];
                assert_eq!(printed(found), printed(&expected), "{sent}");
                output.drain(..expected.len());
                answered += 1;
            } else {
                assert!(line.is_empty() || line.starts_with('#'), "{line}");
            }
        }
        assert!(output.is_empty(), "{sent}\nQEMU does not say {}", printed(&output));
    }
    assert!(answered > 200, "{answered} answers");
}
