//! The order of a keyed list after a merge.
//!
//! Items of the configuration stand in its order. Items that only the live list has keep their
//! places between those of their neighbours that both have.

use std::collections::{BTreeMap, BTreeSet};

use crate::fields::element::PathElement;

/// Where an item of the merged list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Take {
    /// The live list's item at this place.
    Live(usize),
    /// The configuration's item at this place.
    Config(usize),
    /// Both, merged.
    Both {
        /// The place in the live list.
        live: usize,
        /// The place in the configuration.
        config: usize,
    },
}

/// Where each element of a list stands; `None` where it stands more than once.
type Places<'e> = BTreeMap<&'e PathElement, Option<usize>>;

fn places(elements: &[Option<PathElement>]) -> Places<'_> {
    let mut places = Places::new();
    for (place, element) in elements.iter().enumerate() {
        if let Some(element) = element {
            places.entry(element).and_modify(|first| *first = None).or_insert(Some(place));
        }
    }
    places
}

/// The items of both lists, each key once unless the live list has it twice and the configuration
/// does not. Items without a key stay where they are.
// PARITY: structured-merge-diff/typed/merge.go#visitListItems
pub(super) fn interleave(
    live: &[Option<PathElement>],
    config: &[Option<PathElement>],
) -> Vec<Take> {
    let (in_live, in_config) = (places(live), places(config));
    let has = |places: &Places<'_>, element: &Option<PathElement>| {
        element.as_ref().is_some_and(|element| places.contains_key(element))
    };
    // Items that both have, in the configuration's order: the next of them to come.
    let mut shared = config.iter().filter(|element| has(&in_live, element)).peekable();
    let mut taken: BTreeSet<&PathElement> = BTreeSet::new();
    let mut order = Vec::with_capacity(live.len().max(config.len()));
    let (mut left, mut right) = (0, 0);
    while left < live.len() || right < config.len() {
        if let (Some(ours), Some(theirs)) = (live.get(left), config.get(right)) {
            // A shared item whose turn comes later: it moves back to where the configuration has it.
            let waits = shared.peek().is_some_and(|next| *next != ours);
            if ours != theirs && has(&in_config, ours) && waits {
                left += 1;
                continue;
            }
        }
        if let Some(ours) = live.get(left) {
            if !has(&in_config, ours) {
                order.push(Take::Live(left));
                left += 1;
                continue;
            }
            if ours.as_ref().is_some_and(|ours| taken.contains(ours))
                || live.get(left) == config.get(right)
            {
                left += 1;
            }
        }
        if let Some(theirs) = config.get(right) {
            let live = theirs.as_ref().and_then(|element| in_live.get(element).copied().flatten());
            order.push(match live {
                Some(live) => Take::Both { live, config: right },
                None => Take::Config(right),
            });
            taken.extend(theirs);
            shared.next_if(|next| *next == theirs);
            right += 1;
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn elements(names: &str) -> Vec<Option<PathElement>> {
        names.chars().map(|name| Some(PathElement::Value(Value::from(name.to_string())))).collect()
    }

    fn merged(live: &str, config: &str) -> String {
        let (lives, configs): (Vec<char>, Vec<char>) =
            (live.chars().collect(), config.chars().collect());
        interleave(&elements(live), &elements(config))
            .into_iter()
            .map(|take| match take {
                Take::Live(place) => lives[place],
                Take::Config(place) | Take::Both { config: place, .. } => configs[place],
            })
            .collect()
    }

    #[test]
    fn parity_items_stand_as_in_the_configuration_and_others_keep_their_neighbours() {
        for (live, config, expected) in [
            ("", "", ""),
            ("ab", "", "ab"),
            ("", "ab", "ab"),
            ("ac", "abcd", "abcd"),
            ("abcd", "apcq", "abpcdq"),
            ("abcd", "adcb", "adcb"),
            ("adcb", "abcd", "abcd"),
            ("abc", "c", "abc"),
            ("abc", "ca", "bca"),
            ("abc", "xb", "axbc"),
            ("ab", "cd", "abcd"),
            ("aab", "b", "aab"),
            ("aab", "ba", "ba"),
        ] {
            assert_eq!(merged(live, config), expected, "{live:?} and {config:?}");
        }
    }

    proptest! {
        #[test]
        fn every_item_is_there_once_and_those_applied_are_in_their_order(
            live in "[a-f]{0,6}",
            config in "[a-f]{0,6}",
        ) {
            let once = |text: &str| {
                let mut seen = BTreeSet::new();
                text.chars().filter(|item| seen.insert(*item)).collect::<String>()
            };
            let (live, config) = (once(&live), once(&config));
            let merged = merged(&live, &config);
            prop_assert_eq!(&once(&merged), &merged);
            let expected: BTreeSet<char> = live.chars().chain(config.chars()).collect();
            prop_assert_eq!(merged.chars().collect::<BTreeSet<_>>(), expected);
            let applied: String = merged.chars().filter(|item| config.contains(*item)).collect();
            prop_assert_eq!(applied, config.clone());
            let others = |list: &str| -> String {
                list.chars().filter(|item| !config.contains(*item)).collect()
            };
            prop_assert_eq!(others(&merged), others(&live));
        }
    }
}
