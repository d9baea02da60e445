//! What is saved is restored, and what was never saved is refused, whatever it is.

use super::*;
use crate::machine::entry::Kind;
use proptest::prelude::*;

fn shape() -> Shape {
    Shape { memory: PageCount(1_500), cpus: 2, disks: vec![PageCount(5), PageCount(700)] }
}

/// A state with something everywhere, and its bytes.
fn saved() -> (State, Vec<u8>) {
    let table = |count: PageCount, step: usize| {
        let table = Table::never_written(count);
        for index in (0..count.get()).step_by(step) {
            table.set(index, table.get(index).next(Kind::Text));
        }
        table
    };
    let shape = shape();
    let state = State {
        seed: 77,
        workload: parse_workload("phased:(disk,disk-rate=1Mi)/2s+(zipf,exponent=1.1)/1s").unwrap(),
        fill: PageCount(100),
        progress: vec![
            Progress::from_words([1, 2, 30, 4, 50, 6, 7]),
            Progress::from_words([8, 9, 10, 10, 12, 13, 14]),
        ],
        pages: table(shape.memory, 600),
        blocks: shape.disks.iter().map(|count| table(*count, 3)).collect(),
    };
    let mut bytes = Vec::new();
    view(&state).save(&mut bytes);
    (state, bytes)
}

fn view(state: &State) -> View<'_> {
    View {
        seed: state.seed,
        workload: &state.workload,
        fill: state.fill,
        progress: &state.progress,
        pages: &state.pages,
        blocks: &state.blocks,
    }
}

#[test]
fn a_state_travels_whole() {
    let (state, bytes) = saved();
    let restored = State::restore(&bytes, &shape()).unwrap();
    assert_eq!(restored.progress, state.progress);
    assert_eq!(restored.workload, state.workload);
    let mut again = Vec::new();
    view(&restored).save(&mut again);
    assert!(again == bytes);
}

#[test]
fn a_guest_that_is_made_differently_is_refused_by_what_differs() {
    let (_, bytes) = saved();
    let different = |change: fn(&mut Shape)| {
        let mut other = shape();
        change(&mut other);
        let error = State::restore(&bytes, &other).unwrap_err();
        let MachineError::State(error) = error else { panic!("{error}") };
        error.to_string()
    };
    assert_eq!(
        different(|shape| shape.memory = PageCount(1_501)),
        "pages of memory: 1500 there, 1501 here; give both guests the same"
    );
    assert_eq!(
        different(|shape| shape.cpus = 3),
        "vCPUs: 2 there, 3 here; give both guests the same"
    );
    assert_eq!(
        different(|shape| shape.disks.truncate(1)),
        "disks: 2 there, 1 here; give both guests the same"
    );
    assert_eq!(
        different(|shape| shape.disks[1] = PageCount(9)),
        "blocks of a disk: 700 there, 9 here; give both guests the same"
    );
}

#[test]
fn another_version_is_refused() {
    let (_, mut bytes) = saved();
    bytes[8] = 2;
    let error = State::restore(&bytes, &shape()).unwrap_err();
    let expected = StateError::Version { found: 2, known: 1 };
    assert!(matches!(error, MachineError::State(error) if error == expected));
}

proptest! {
    #[test]
    fn any_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(State::restore(&bytes, &shape()).is_err());
        let mut begun = saved().1[..60].to_vec();
        begun.extend(bytes);
        prop_assert!(State::restore(&begun, &shape()).is_err());
    }

    #[test]
    fn a_state_that_is_cut_or_has_more_is_refused(cut in any::<prop::sample::Index>(), more in 1..9_usize) {
        let (_, mut bytes) = saved();
        prop_assert!(State::restore(&bytes[..cut.index(bytes.len())], &shape()).is_err());
        bytes.extend(vec![0; more]);
        prop_assert!(State::restore(&bytes, &shape()).is_err());
    }

    #[test]
    fn a_state_that_is_changed_is_refused_or_is_another(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 1..=u8::MAX), 1..4),
    ) {
        let (_, mut bytes) = saved();
        let original = bytes.clone();
        for (at, flip) in changes {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        // What is accepted is complete: it says what was read.
        if let Ok(restored) = State::restore(&bytes, &shape()) {
            let mut again = Vec::new();
            view(&restored).save(&mut again);
            prop_assert_eq!(again == original, bytes == original);
        }
    }
}
