//! The order of a list after a strategic merge.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::fields::value::compare;

/// What tells an item from others: the value of its merge key, or itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemKey<'v>(pub(super) &'v Value);

impl Ord for ItemKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0, other.0)
    }
}

impl PartialOrd for ItemKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for ItemKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for ItemKey<'_> {}

/// Where each key stands first.
pub(super) fn places<'v>(
    keys: impl IntoIterator<Item = ItemKey<'v>>,
) -> BTreeMap<ItemKey<'v>, usize> {
    let mut places = BTreeMap::new();
    for (place, key) in keys.into_iter().enumerate() {
        places.entry(key).or_insert(place);
    }
    places
}

/// The places of `merged` in the order that they are to have: items of the patch as in the patch,
/// all others as they were, and among each other as they were where that contradicts neither.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#normalizeElementOrder
pub(super) fn ordered(
    merged: &[ItemKey<'_>],
    patch: &[ItemKey<'_>],
    server: &[ItemKey<'_>],
) -> Vec<usize> {
    let (in_patch, on_server) = (places(patch.iter().copied()), places(server.iter().copied()));
    let (mut patched, mut others): (Vec<usize>, Vec<usize>) =
        (0..merged.len()).partition(|place| in_patch.contains_key(&merged[*place]));
    patched.sort_by_key(|place| in_patch.get(&merged[*place]));
    others.sort_by_key(|place| on_server.get(&merged[*place]).copied().unwrap_or(usize::MAX));

    let mut order = Vec::with_capacity(merged.len());
    let (mut patched, mut others) = (patched.into_iter().peekable(), others.into_iter().peekable());
    while let (Some(theirs), Some(ours)) = (patched.peek(), others.peek()) {
        let ours = on_server.get(&merged[*ours]);
        let theirs = on_server.get(&merged[*theirs]);
        let first = ours.zip(theirs).is_some_and(|(ours, theirs)| ours < theirs);
        order.extend(if first { others.next() } else { patched.next() });
    }
    order.extend(patched);
    order.extend(others);
    order
}
