//! How a stream is cut into reads makes no difference.

use ferry_qmp::words::RunState;
use ferry_qmp::{Client, Incoming, OutOfBand};
use proptest::prelude::*;

use crate::machine::{Machine, server};
use crate::transcript::{QEMU_10, unescaped};

/// Everything that was ever sent in a transcript, in one stream. Line ends let the reader recover
/// as it did when each came alone.
fn stream() -> Vec<u8> {
    let sent = QEMU_10.lines().filter_map(|line| line.strip_prefix("> "));
    // What is deeply nested takes long at every cut and adds nothing.
    let sent = sent.filter(|line| line.len() < 500);
    sent.flat_map(|line| [unescaped(line), b"\n".to_vec()]).flatten().collect()
}

fn answers<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut machine, mut session) = (Machine::new(RunState::Prelaunch), server());
    pieces.into_iter().flat_map(|piece| machine.answer(&mut session, piece)).collect()
}

#[test]
fn a_command_may_be_split_at_every_byte() {
    let stream = stream();
    let whole = answers([&stream[..]]);
    assert_eq!(answers(stream.chunks(1)), whole);
    // Each answer is over with its line, so a cut matters to the command in which it is.
    for at in (0..stream.len()).step_by(97) {
        let (before, after) = stream.split_at(at);
        assert_eq!(answers([before, after]), whole, "split at {at}");
    }
    let command = br#"{"execute": "query-version", "id": "\u00e9"} 5 {'execute':'nosuch'} "#;
    let negotiation = br#"{"execute": "qmp_capabilities"}"#;
    let both = [&negotiation[..], &command[..]].concat();
    let whole = answers([&both[..]]);
    for at in 0..=both.len() {
        let (before, after) = both.split_at(at);
        assert_eq!(answers([before, after]), whole, "split at {at}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_stream_may_be_cut_anywhere(mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40)) {
        let stream = stream();
        let mut cuts: Vec<_> = cuts.drain(..).map(|cut| cut.index(stream.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts {
            pieces.push(&stream[start..cut]);
            start = cut;
        }
        pieces.push(&stream[start..]);
        prop_assert_eq!(answers(pieces), answers([&stream[..]]));
    }

    #[test]
    fn garbage_is_answered_alike_however_it_is_cut(
        bytes in prop::collection::vec(prop::sample::select(&b"{}[]:,\"'\\u0-1.e+a \n\xFF\xC3"[..]), 0..200),
        size in 1_usize..20,
    ) {
        prop_assert_eq!(answers(bytes.chunks(size)), answers([&bytes[..]]));
    }
}

#[test]
fn a_machine_may_be_heard_byte_by_byte() {
    let lines = include_str!("../transcripts/migration-qemu-10.0.2.txt").lines();
    let greeting = lines.map(|line| line.strip_prefix("< ")).find_map(|line| line);
    let mut client = Client::new(OutOfBand::On);
    let heard: Vec<_> = greeting
        .expect("it greets")
        .bytes()
        .filter_map(|byte| client.receive(&mut &[byte][..]))
        .collect();
    assert!(matches!(&heard[..], [Ok(Incoming::Greeting { .. })]));
}
