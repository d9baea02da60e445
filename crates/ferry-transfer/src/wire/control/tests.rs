//! Messages, as they were said, changed, and of any bytes.

use super::*;
use ferry_units::{PageIndex, PageRun};
use proptest::prelude::*;

const MEMORY: PageCount = PageCount(200);
const STATE: u32 = 64;

fn any_pages() -> impl Strategy<Value = PageSet> {
    (0..200_u64, 0..100_u64).prop_map(|(first, count)| {
        let mut pages = PageSet::empty(MEMORY);
        pages.insert_run(PageRun::new(PageIndex(first), PageCount(count)));
        pages
    })
}

fn any_offer() -> impl Strategy<Value = Offer> {
    let disk = ("[a-z]{0,9}", any::<u64>(), any::<bool>())
        .prop_map(|(id, size, shared)| DiskOffer { id, size: Bytes::new(size), shared });
    let disks = prop::collection::vec(disk, 0..5);
    (".{0,40}", any::<u64>(), any::<u32>(), 1..=MAX_CHANNELS, any::<bool>(), disks).prop_map(
        |(uuid, memory, cpus, channels, post_copy, disks)| Offer {
            uuid,
            memory: Bytes::new(memory),
            page: Bytes::from_kib(4),
            cpus,
            channels,
            post_copy,
            disks,
        },
    )
}

fn any_source_message() -> impl Strategy<Value = SourceMessage> {
    let switch = prop_oneof![Just(StateFor::StopAndCopy), any_pages().prop_map(StateFor::PostCopy)];
    let state = prop::collection::vec(any::<u8>(), 0..STATE as usize);
    prop_oneof![
        any_offer().prop_map(SourceMessage::Offer),
        any::<u64>().prop_map(SourceMessage::Ping),
        (switch, any::<bool>(), state).prop_map(|(switch, runs, state)| SourceMessage::State {
            switch,
            runs,
            state
        }),
        Just(SourceMessage::Run),
        ".{0,50}".prop_map(SourceMessage::Abort),
    ]
}

fn any_target_message() -> impl Strategy<Value = TargetMessage> {
    prop_oneof![
        Just(TargetMessage::Accept),
        ".{0,50}".prop_map(TargetMessage::Refuse),
        any::<u64>().prop_map(TargetMessage::Pong),
        (any::<u8>(), any::<u16>())
            .prop_map(|(channel, number)| TargetMessage::Echo(Channel(channel), number)),
        Just(TargetMessage::Ready),
        any::<u64>().prop_map(|at| TargetMessage::Resumed { at }),
        Just(TargetMessage::Complete),
        any_pages().prop_map(TargetMessage::Missing),
    ]
}

fn parts(bytes: &[u8]) -> ([u8; Envelope::LENGTH], &[u8]) {
    let (envelope, message) = bytes.split_at(Envelope::LENGTH);
    (envelope.try_into().unwrap(), message)
}

proptest! {
    #[test]
    fn a_source_is_understood(message in any_source_message()) {
        let bytes = message.encode();
        let (envelope, rest) = parts(&bytes);
        let envelope = Envelope::from_source(envelope, MEMORY, STATE).unwrap();
        prop_assert_eq!(envelope.length(), rest.len());
        prop_assert_eq!(SourceMessage::decode(envelope, rest, MEMORY), Ok(message));
    }

    #[test]
    fn a_destination_is_understood(message in any_target_message()) {
        let bytes = message.encode();
        let (envelope, rest) = parts(&bytes);
        let envelope = Envelope::from_target(envelope, MEMORY).unwrap();
        prop_assert_eq!(envelope.length(), rest.len());
        prop_assert_eq!(TargetMessage::decode(envelope, rest, MEMORY), Ok(message));
    }

    #[test]
    fn any_bytes_are_a_message_or_refused(kind in 0..9_u8, bytes: Vec<u8>) {
        let envelope = Envelope { kind, length: 0 };
        let _either = SourceMessage::decode(envelope, &bytes, MEMORY);
        let _either = TargetMessage::decode(envelope, &bytes, MEMORY);
    }

    #[test]
    fn a_changed_message_is_another_or_refused(
        message in any_source_message(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = message.encode();
        let place = at.index(bytes.len());
        bytes[place] = byte;
        let (envelope, rest) = parts(&bytes);
        if let Ok(envelope) = Envelope::from_source(envelope, MEMORY, STATE) {
            let rest = &rest[..cut.index(rest.len() + 1)];
            let _either = SourceMessage::decode(envelope, rest, MEMORY);
        }
    }
}

#[test]
fn a_message_that_is_too_long_is_refused_before_it_is_read() {
    for (kind, length, fits) in [
        (SourceMessage::OFFER, Envelope::MAX_OFFER, true),
        (SourceMessage::OFFER, Envelope::MAX_OFFER + 1, false),
        (SourceMessage::STATE, STATE + 32, true),
        (SourceMessage::STATE, u32::MAX, false),
        (SourceMessage::RUN, 1, false),
        (77, 0, false),
    ] {
        let bytes = enveloped(kind, &[]);
        let mut bytes: [u8; Envelope::LENGTH] = bytes.try_into().unwrap();
        bytes[1..].copy_from_slice(&length.to_le_bytes());
        let envelope = Envelope::from_source(bytes, MEMORY, STATE);
        assert_eq!(envelope.is_ok(), fits, "{kind} {length}: {envelope:?}");
    }
}
