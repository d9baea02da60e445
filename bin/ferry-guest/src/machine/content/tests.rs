//! What is wrong with a content is found, and told from everything else that could be wrong.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn made(owner: Owner, entry: Entry) -> Content {
    let mut content = [0xee; PAGE];
    fill(owner, entry, &mut content);
    content
}

fn judged(owner: Owner, entry: Entry, found: &Content) -> Option<FaultKind> {
    check(owner, entry, found, &mut [0; PAGE])
}

fn any_entry() -> impl Strategy<Value = Entry> {
    any::<u16>().prop_filter_map("an entry", Entry::from_bits)
}

/// An entry whose content is not zeros.
fn visible_entry() -> impl Strategy<Value = Entry> {
    any_entry()
        .prop_filter("visible", |entry| matches!(entry.kind(), Some(Kind::Random | Kind::Text)))
}

fn any_owner() -> impl Strategy<Value = Owner> {
    let block =
        (0..Place::MOST_DISKS, 0..Place::MOST).prop_map(|(disk, index)| Place::block(disk, index));
    let place = prop_oneof![(0..Place::MOST).prop_map(Place::page), block];
    (any::<u64>(), place).prop_map(|(seed, place)| Owner { seed, place })
}

proptest! {
    #[test]
    fn a_content_says_what_it_is(owner in any_owner(), entry in visible_entry()) {
        let content = made(owner, entry);
        prop_assert_eq!(identify(&content, &mut [0; PAGE]), Some((owner, entry)));
        prop_assert_eq!(judged(owner, entry, &content), None);
    }

    #[test]
    fn zeros_where_there_should_be_something_are_lost(owner in any_owner(), entry in visible_entry()) {
        prop_assert_eq!(judged(owner, entry, &[0; PAGE]), Some(FaultKind::Lost));
    }

    #[test]
    fn what_is_of_another_page_or_guest_is_foreign(
        owner in any_owner(), other in any_owner(), entry in any_entry(), others in visible_entry(),
    ) {
        prop_assume!(owner != other && entry != Entry::UNKNOWN);
        prop_assert_eq!(judged(owner, entry, &made(other, others)), Some(FaultKind::Foreign));
    }

    #[test]
    fn an_earlier_generation_is_stale_and_a_later_one_torn(
        owner in any_owner(), entry in visible_entry(), writes in 1..200_u16,
    ) {
        let mut later = entry;
        for _ in 0..writes {
            later = later.next(Kind::Random);
        }
        prop_assert_eq!(judged(owner, later, &made(owner, entry)), Some(FaultKind::Stale));
        prop_assert_eq!(judged(owner, entry, &made(owner, later)), Some(FaultKind::Torn));
        prop_assert_eq!(judged(owner, Entry::NEVER, &made(owner, entry)), Some(FaultKind::Torn));
    }

    #[test]
    fn half_of_one_generation_and_half_of_another_is_torn(
        owner in any_owner(), entry in visible_entry(), cut in 1..PAGE / WORD - 2,
    ) {
        // Even the first generation of words that a vocabulary of 64 could hit by chance.
        let new = entry.next(Kind::Random);
        let (old, mut torn) = (made(owner, entry), made(owner, new));
        torn[cut * WORD..].copy_from_slice(&old[cut * WORD..]);
        prop_assert_eq!(judged(owner, new, &torn), Some(FaultKind::Torn));
    }

    #[test]
    fn any_byte_that_changes_is_found(
        owner in any_owner(), entry in any_entry(), at in 0..PAGE, flip in 1..=u8::MAX,
    ) {
        prop_assume!(entry != Entry::UNKNOWN);
        let mut content = made(owner, entry);
        content[at] ^= flip;
        prop_assert!(judged(owner, entry, &content).is_some());
    }

    #[test]
    fn no_bytes_are_too_strange_to_be_judged(
        owner in any_owner(), entry in any_entry(), bytes in prop::collection::vec(any::<u8>(), PAGE),
    ) {
        let content = Content::try_from(bytes.as_slice()).unwrap();
        prop_assert_eq!(judged(owner, entry, &content).is_some(), entry != Entry::UNKNOWN);
    }
}

#[test]
fn anything_goes_where_nothing_is_known() {
    let owner = Owner { seed: 1, place: Place::block(0, 5) };
    assert_eq!(judged(owner, Entry::UNKNOWN, &[0x5a; PAGE]), None);
}

#[test]
fn random_bytes_do_not_repeat_and_text_does_two_to_four_times() {
    let owner = Owner { seed: 99, place: Place::page(17) };
    // What a compressor with matches of eight bytes, three bytes each, would make of it.
    let compressed = |kind| {
        let content = made(owner, Entry::first(kind));
        let mut seen = BTreeSet::new();
        let (words, _) = content.as_chunks::<WORD>();
        words.iter().map(|word| if seen.insert(*word) { WORD } else { 3 }).sum::<usize>()
    };
    assert_eq!(compressed(Kind::Random), PAGE);
    assert!((PAGE / 4..PAGE / 2).contains(&compressed(Kind::Text)), "{}", compressed(Kind::Text));

    // Every byte value about equally often, behind the words that say who it is.
    let mut counts = [0_u32; 256];
    for page in 0..64 {
        let owner = Owner { seed: 99, place: Place::page(page) };
        for byte in &made(owner, Entry::first(Kind::Random))[2 * WORD..] {
            counts[usize::from(*byte)] += 1;
        }
    }
    assert!(counts.iter().all(|count| (800..1_250).contains(count)), "{counts:?}");
}

#[test]
fn generations_that_follow_have_nothing_in_common() {
    let owner = Owner { seed: 3, place: Place::page(0) };
    let first = Entry::first(Kind::Random);
    let (one, two) = (made(owner, first), made(owner, first.next(Kind::Random)));
    let same = one.as_chunks::<WORD>().0.iter().zip(two.as_chunks::<WORD>().0);
    assert_eq!(same.filter(|(one, two)| one == two).count(), 0);
}
