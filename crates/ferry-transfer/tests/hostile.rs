//! Peers that lie: any bytes, and any words in any order. Nothing panics, nothing large is kept, and
//! no guest runs in two places.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use ferry_transfer::wire::{
    DecodeError, Envelope, Frame, Header, Hello, MAX_FRAME_PAGES, MAX_RUNS, RunTable,
    SourceMessage, TargetMessage, Welcome,
};
use ferry_transfer::{
    Channel, Destination, DestinationInput, DestinationPhase, Effect, Ending, Grant, Layout,
    PostCopy, Receiver, Sent, Settings, Source, SourceInput, Step, Switch, Volume, VolumePages,
    Work,
};
use ferry_units::{Bytes, Instant, PageCount, PageIndex, PageRun, PageSet};
use proptest::prelude::*;

const MEMORY: PageCount = PageCount(1300);
const STATE: u32 = 4096;
const CHANNELS: u8 = 3;

fn layout() -> Layout {
    Layout::new(MEMORY, &[PageCount(700)], CHANNELS)
}

fn any_switch() -> impl Strategy<Value = Switch> {
    prop_oneof![Just(Switch::StopAndCopy), Just(Switch::PostCopy)]
}

fn any_target_input() -> impl Strategy<Value = DestinationInput> {
    use DestinationInput as Input;
    prop_oneof![
        2 => Just(Input::Connected),
        6 => (0..CHANNELS + 1).prop_map(|channel| Input::Fenced(Channel(channel))),
        2 => any_switch().prop_map(Input::State),
        2 => Just(Input::Loaded),
        2 => Just(Input::Run),
        1 => Just(Input::AllHere),
        1 => Just(Input::Lost),
        1 => Just(Input::Recovered),
    ]
}

fn any_pages() -> impl Strategy<Value = VolumePages> {
    prop::collection::vec((0..2_u8, 0..1400_u64, 0..900_u64), 0..6).prop_map(|runs| {
        let mut pages = VolumePages::none(&layout());
        for (volume, first, count) in runs {
            let volume = Volume::at(usize::from(volume)).unwrap();
            pages.insert_run(volume, PageRun::new(PageIndex(first), PageCount(count)));
        }
        pages
    })
}

fn any_source_input() -> impl Strategy<Value = SourceInput> {
    let time = || prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), any::<Duration>()];
    prop_oneof![
        2 => (any_pages(), any::<u64>())
            .prop_map(|(pages, state)| SourceInput::Begun(pages, Bytes::new(state))),
        4 => (any_pages(), time()).prop_map(|(pages, took)| SourceInput::Harvested(pages, took)),
        4 => Just(SourceInput::Harvested(VolumePages::none(&layout()), Duration::ZERO)),
        1 => any::<u64>().prop_map(|marked| SourceInput::Looked(PageCount(marked))),
        2 => (any_pages(), time()).prop_map(|(pages, took)| SourceInput::Stopped(pages, took)),
        1 => (0..1_u64 << 40).prop_map(|bytes| SourceInput::StateSent(Bytes::new(bytes))),
        3 => Just(SourceInput::Ready),
        2 => Just(SourceInput::RunSent),
        2 => Just(SourceInput::Resumed),
        1 => Just(SourceInput::Complete),
        1 => time().prop_map(SourceInput::RoundTrip),
        1 => Just(SourceInput::StartPostCopy),
        1 => Just(SourceInput::Continue),
        1 => Just(SourceInput::Cancel),
        1 => Just(SourceInput::Lost("cut".to_owned())),
        1 => any_pages().prop_map(|pages| SourceInput::Recovered(pages.memory().clone())),
    ]
}

#[derive(Clone, Debug)]
enum Call {
    On(SourceInput),
    Poll,
    Work(Channel),
    /// Everything that a channel may send.
    WorkAll,
    Request(PageIndex),
    Cancel,
    Later(Duration),
}

fn any_call() -> impl Strategy<Value = Call> {
    let page = prop_oneof![0..1400_u64, any::<u64>()];
    prop_oneof![
        6 => any_source_input().prop_map(Call::On),
        4 => Just(Call::Poll),
        2 => (0..CHANNELS + 1).prop_map(|channel| Call::Work(Channel(channel))),
        3 => Just(Call::WorkAll),
        1 => page.prop_map(|page| Call::Request(PageIndex(page))),
        1 => Just(Call::Cancel),
        1 => any::<Duration>().prop_map(Call::Later),
    ]
}

fn sent(grant: &Grant) -> Sent {
    let pages = PageCount(grant.runs.iter().map(|run| run.count().0).sum());
    let bytes = grant.runs.iter().map(|run| run.bytes()).sum();
    Sent { pages, bytes, ..Sent::default() }
}

fn work(source: &mut Source, channel: Channel, now: Instant) -> bool {
    match source.work(channel, now) {
        Work::Send(grant) => {
            let pages: u64 = grant.runs.iter().map(|run| run.count().0).sum();
            assert!((1..=MAX_FRAME_PAGES.0).contains(&pages) && grant.runs.len() <= MAX_RUNS);
            source.sent(channel, &grant, &sent(&grant), now);
            true
        }
        Work::Fence { .. } | Work::Probe { .. } => true,
        Work::Wait(_) | Work::End => false,
    }
}

/// Reads a data connection as far as it makes sense, and returns the pages that were let in.
fn read_frames(mut bytes: &[u8], receiver: &mut Receiver) -> Vec<(Volume, PageRun)> {
    let mut let_in = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk() {
        let (volume, first, more) = match Header::decode(header) {
            Ok(Header::Pages { volume, first, more } | Header::Zeros { volume, first, more }) => {
                (volume, first, more)
            }
            Ok(Header::Fence { pages, .. } | Header::Probe { pages, .. }) => {
                let _miscounted = receiver.fence(pages);
                bytes = rest;
                continue;
            }
            Err(_) => return let_in,
        };
        let Some((table, rest)) = rest.split_at_checked(usize::from(more) * RunTable::ENTRY) else {
            return let_in;
        };
        bytes = rest;
        let Ok(runs) = RunTable::decode(first, table) else { return let_in };
        assert!(runs.capacity() <= MAX_RUNS + 1);
        if receiver.frame(volume, &runs).is_err() {
            return let_in;
        }
        let_in.extend(runs.into_iter().map(|run| (volume, run)));
    }
    let_in
}

/// Frames of which some bytes are wrong.
fn any_frames() -> impl Strategy<Value = Vec<u8>> {
    let run = (0..1400_u64, 0..40_u64)
        .prop_map(|(first, count)| PageRun::new(PageIndex(first), PageCount(count)));
    let frame = (0..3_u8, prop::collection::vec(run, 1..9))
        .prop_map(|(volume, runs)| Frame::Zeros(Volume::at(usize::from(volume)).unwrap(), runs));
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (prop::collection::vec(frame, 1..9), changes).prop_map(|(frames, changes)| {
        let mut bytes = Vec::new();
        for frame in frames {
            frame.encode(&mut bytes);
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    #[test]
    fn a_guest_runs_only_when_all_is_there_and_it_was_handed_over_after_that(
        inputs in prop::collection::vec(any_target_input(), 0..60),
    ) {
        let mut destination = Destination::new(&layout());
        let (mut fenced, mut is_ready, mut has_run) = (BTreeSet::new(), false, false);
        for input in inputs {
            let phase = destination.phase();
            let Ok(effect) = destination.on(input) else {
                prop_assert_eq!(destination.phase(), phase);
                continue;
            };
            if let DestinationInput::Fenced(channel) = input {
                fenced.insert(channel.0);
            }
            is_ready |= effect == Effect::SayReady;
            if let Effect::Run(_) = effect {
                let all: Vec<_> = (0..CHANNELS).collect();
                prop_assert_eq!(fenced.iter().copied().collect::<Vec<_>>(), all);
                prop_assert!(input == DestinationInput::Run && is_ready && !has_run);
                has_run = true;
            }
            prop_assert!(!(has_run && effect == Effect::Fail));
            prop_assert!(!has_run || destination.phase() != DestinationPhase::Failed);
        }
    }

    #[test]
    fn a_source_never_takes_back_what_it_gave_and_gives_only_what_was_asked_for(
        calls in prop::collection::vec(any_call(), 0..120),
    ) {
        let settings = Settings { post_copy: PostCopy::Allowed, ..Settings::default() };
        let mut now = Instant::from_nanos(0);
        let mut source = Source::new(layout(), settings, now);
        let (mut is_ready, mut is_given) = (false, false);
        for call in calls {
            match call {
                Call::On(input) => {
                    let answer = source.on(input.clone(), now);
                    is_ready |= input == SourceInput::Ready && answer.is_ok();
                    is_given |= input == SourceInput::RunSent && answer.is_ok();
                    prop_assert!(!(is_given && input == SourceInput::Cancel && answer.is_ok()));
                }
                Call::Poll => match source.poll(now) {
                    Step::HandOver => prop_assert!(is_ready && !is_given),
                    Step::End(Ending::Cancelled | Ending::Failed(_)) => prop_assert!(!is_given),
                    Step::End(Ending::Completed | Ending::InDoubt(_) | Ending::Paused(_)) => {
                        prop_assert!(is_given);
                    }
                    Step::Harvest | Step::Look | Step::Throttle(_) | Step::StopGuest
                    | Step::SendState(_) | Step::Wait(_) => {}
                },
                Call::Work(channel) => { work(&mut source, channel, now); }
                Call::WorkAll => for channel in layout().channels() {
                    while work(&mut source, channel, now) {}
                },
                Call::Request(page) => if let Some(grant) = source.request(page) {
                    prop_assert!(grant.runs.iter().any(|run| run.contains(page)));
                    prop_assert!(grant.runs.iter().map(|run| run.count().0).sum::<u64>() <= 16);
                    source.sent_urgent(&grant, &sent(&grant), now);
                },
                Call::Cancel => prop_assert!(!(is_given && source.cancel(now).is_ok())),
                Call::Later(time) => now = now + time,
            }
        }
    }

    #[test]
    fn what_is_let_in_belongs_there(
        bytes in prop_oneof![any_frames(), prop::collection::vec(any::<u8>(), 0..400)],
        channel in 0..CHANNELS,
    ) {
        let layout = layout();
        let mut receiver = Receiver::new(layout.clone(), Channel(channel));
        for (volume, run) in read_frames(&bytes, &mut receiver) {
            prop_assert!(!run.is_empty() && layout.carries(Channel(channel), volume, run));
        }
        for (volume, run) in read_frames(&bytes, &mut Receiver::urgent(layout.clone())) {
            prop_assert!(volume == Volume::Memory && run.end().0 <= MEMORY.0);
        }
    }

    #[test]
    fn no_envelope_makes_a_reader_keep_much(bytes: [u8; Envelope::LENGTH], small: u8) {
        let bitmap = 1300_usize.div_ceil(64) * 8;
        for bytes in [bytes, [bytes[0] % 9, small, bytes[1], 0, 0]] {
            if let Ok(envelope) = Envelope::from_source(bytes, MEMORY, STATE) {
                prop_assert!(envelope.length() <= 40_000);
                let _any = SourceMessage::decode(envelope, &vec![0; envelope.length()], MEMORY);
            }
            if let Ok(envelope) = Envelope::from_target(bytes, MEMORY) {
                prop_assert!(envelope.length() <= bitmap.max(4096));
                let _any = TargetMessage::decode(envelope, &vec![1; envelope.length()], MEMORY);
            }
        }
    }

    #[test]
    fn a_bitmap_names_no_page_that_is_not_there(words in prop::collection::vec(any::<u64>(), 0..30)) {
        let bytes: Vec<_> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut message = TargetMessage::Missing(PageSet::empty(MEMORY)).encode();
        let head: [u8; Envelope::LENGTH] = message.drain(..Envelope::LENGTH).as_slice().try_into().unwrap();
        let envelope = Envelope::from_target(head, MEMORY).unwrap();
        match TargetMessage::decode(envelope, &bytes, MEMORY) {
            Ok(TargetMessage::Missing(pages)) => {
                prop_assert_eq!(bytes.len(), message.len());
                prop_assert!(pages.runs().all(|run| run.end().0 <= MEMORY.0));
            }
            other => {
                prop_assert_ne!(bytes.len(), message.len());
                let error = other.unwrap_err();
                let is_length =
                    matches!(error, DecodeError::Short { .. } | DecodeError::Long { .. });
                prop_assert!(is_length, "{}", error);
            }
        }
    }

    #[test]
    fn any_first_bytes_are_a_greeting_or_refused(hello: [u8; Hello::LENGTH], welcome: [u8; Welcome::LENGTH]) {
        prop_assert!(Hello::decode(&hello).is_err());
        prop_assert!(Welcome::decode(&welcome).is_err());
    }
}
