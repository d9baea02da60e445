//! How a stream is cut into reads makes no difference.

use ferry_qmp::words::RunState;
use ferry_qmp::{Incoming, Notice};
use proptest::prelude::*;

use crate::machine::{Machine, server};
use crate::round_trip::sides;
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

/// What a machine told by itself in a migration, in one stream.
fn told() -> Vec<u8> {
    let lines = include_str!("../transcripts/migration-qemu-10.0.2.txt").lines();
    let events = lines
        .filter_map(|line| line.strip_prefix("< "))
        .filter(|line| line.contains("\"event\": "));
    events.flat_map(|line| format!("{line}\r\n").into_bytes()).collect()
}

fn heard<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Notice> {
    let (mut client, _) = sides();
    let mut notices = Vec::new();
    for mut piece in pieces {
        while let Some(incoming) = client.receive(&mut piece) {
            let Ok(Incoming::Event(notice)) = incoming else { panic!("{incoming:?}") };
            notices.push(notice);
        }
    }
    notices
}

#[test]
fn events_are_heard_in_order_however_they_are_cut() {
    let told = told();
    let whole = heard([&told[..]]);
    assert!(whole.len() > 30 && whole[0].at < whole[1].at);
    for size in [1, 2, 3, 7, 100, 4096] {
        assert_eq!(heard(told.chunks(size)), whole, "{size} bytes at a time");
    }
}
