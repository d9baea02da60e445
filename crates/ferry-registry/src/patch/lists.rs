//! Lists in strategic merge patches.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::Schema;
use ferry_api::schema::{MergeStrategy, Shape};
use serde_json::{Map, Value};

use crate::patch::error::PatchError;
use crate::patch::order::{ItemKey, ordered, places};
use crate::patch::strategic::{PATCH, cleaned, merge_fields, unknown_directive};

/// As much of a wrong value is told.
const MOST_OF_VALUE: usize = 100;

/// How a list is merged.
#[derive(Clone, Copy)]
enum Items<'s> {
    /// Not at all: a patch replaces it.
    Whole,
    /// Scalars, each of which is there once.
    Scalars,
    /// Objects that this field tells apart.
    Keyed(&'s str),
}

fn items_of(schema: Option<&Schema>) -> Items<'_> {
    let Some(schema) = schema else { return Items::Whole };
    match &schema.merge {
        MergeStrategy::Set => Items::Scalars,
        // Of several keys, the first is the one that strategic merges go by.
        MergeStrategy::Keyed(keys) => keys.first().map_or(Items::Whole, |key| Items::Keyed(key)),
        MergeStrategy::Granular | MergeStrategy::Atomic => Items::Whole,
    }
}

fn item_of(schema: Option<&Schema>) -> Option<&Schema> {
    if let Shape::Array(items) = &schema?.shape { Some(items) } else { None }
}

/// What tells an item from the others.
fn key_of<'v>(items: Items<'_>, item: &'v Value) -> Result<ItemKey<'v>, PatchError> {
    match (items, item) {
        (_, Value::Array(_)) => Err(PatchError::DoesNotFit),
        (Items::Keyed(key), Value::Object(fields)) => {
            fields.get(key).map(ItemKey).ok_or_else(|| {
                PatchError::bad(format!(
                    "map: {} does not contain declared merge key: {key}",
                    shown(item)
                ))
            })
        }
        (Items::Keyed(_), _) => {
            Err(PatchError::bad(format!("expected a map, but received {}", shown(item))))
        }
        (Items::Scalars | Items::Whole, Value::Object(_)) => {
            Err(PatchError::bad("cannot merge lists without merge key"))
        }
        (Items::Scalars | Items::Whole, _) => Ok(ItemKey(item)),
    }
}

fn shown(value: &Value) -> String {
    value.to_string().chars().take(MOST_OF_VALUE).collect()
}

fn keys_of<'v>(
    items: Items<'_>,
    list: impl IntoIterator<Item = &'v Value>,
) -> Result<Vec<ItemKey<'v>>, PatchError> {
    list.into_iter().map(|item| key_of(items, item)).collect()
}

/// The keys of a list that is about to change.
fn kept_keys(items: Items<'_>, list: &[Value]) -> Result<Vec<Value>, PatchError> {
    Ok(keys_of(items, list)?.into_iter().map(|key| key.0.clone()).collect())
}

/// Merges a patch's list into one that is there.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#mergeSlice
pub(super) fn merge_list(
    schema: Option<&Schema>,
    live: &mut Vec<Value>,
    patch: &[Value],
) -> Result<(), PatchError> {
    let items = items_of(schema);
    if matches!(items, Items::Whole) {
        *live = patch.iter().map(cleaned).collect();
        return Ok(());
    }
    let patch = special_items(items, live, patch)?;
    let server = kept_keys(items, live)?;
    merge_items(item_of(schema), items, live, &patch)?;
    let patch = keys_of(items, patch)?;
    rearrange(items, live, &patch, &server)
}

fn rearrange(
    items: Items<'_>,
    list: &mut Vec<Value>,
    patch: &[ItemKey<'_>],
    server: &[Value],
) -> Result<(), PatchError> {
    let server: Vec<ItemKey<'_>> = server.iter().map(ItemKey).collect();
    let order = ordered(&keys_of(items, list.iter())?, patch, &server);
    let mut from = std::mem::take(list);
    list.extend(order.into_iter().map(|place| from[place].take()));
    Ok(())
}

fn directive(item: &Value) -> Option<(&Map<String, Value>, &Value)> {
    let fields = item.as_object()?;
    Some((fields, fields.get(PATCH)?))
}

/// Does what items with a `$patch` ask for, and gives the others.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#mergeSliceWithSpecialElements
fn special_items<'p>(
    items: Items<'_>,
    live: &mut Vec<Value>,
    patch: &'p [Value],
) -> Result<Vec<&'p Value>, PatchError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut gone: BTreeSet<ItemKey<'_>> = BTreeSet::new();
    let mut replaces = false;
    for item in patch {
        let Some((fields, directive)) = directive(item) else {
            plain.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                gone.insert(key_of(items, item)?);
            }
            Some("replace") => replaces = true,
            Some("merge") => {
                return Err(PatchError::bad("merging lists cannot yet be specified in the patch"));
            }
            _ => return Err(unknown_directive(fields)),
        }
    }
    if replaces {
        *live = plain.drain(..).map(cleaned).collect();
    } else if !gone.is_empty() {
        live.retain(|item| key_of(items, item).map_or(true, |key| !gone.contains(&key)));
    }
    Ok(plain)
}

/// Merges items into those with the same key, and adds the others at the end.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#mergeSliceWithoutSpecialElements
fn merge_items(
    item_schema: Option<&Schema>,
    items: Items<'_>,
    live: &mut Vec<Value>,
    patch: &[&Value],
) -> Result<(), PatchError> {
    if matches!(items, Items::Scalars) {
        let firsts: BTreeSet<usize> = places(keys_of(items, live.iter())?).into_values().collect();
        let mut place = 0..;
        live.retain(|_| place.next().is_some_and(|place| firsts.contains(&place)));
    }
    let mut targets = Vec::with_capacity(patch.len());
    let known = places(keys_of(items, live.iter())?);
    let mut added: BTreeMap<ItemKey<'_>, usize> = BTreeMap::new();
    for item in patch {
        let key = key_of(items, item)?;
        let next = live.len() + added.len();
        let target = known.get(&key).copied();
        targets.push(target.unwrap_or_else(|| *added.entry(key).or_insert(next)));
    }
    for (item, target) in patch.iter().zip(targets) {
        match (live.get_mut(target), item) {
            (Some(Value::Object(live)), Value::Object(item)) => {
                merge_fields(item_schema, live, item)?;
            }
            (Some(_), _) => {}
            (None, item) => live.push(cleaned(item)),
        }
    }
    Ok(())
}

/// Takes scalars out of a list.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#deleteFromSlice
pub(super) fn delete_scalars(
    fields: &mut Map<String, Value>,
    name: &str,
    scalars: &Value,
) -> Result<(), PatchError> {
    let scalars = scalars
        .as_array()
        .ok_or_else(|| PatchError::bad("invalid patch format of primitive list"))?;
    if let Some(Value::Array(live)) = fields.get_mut(name) {
        let gone: BTreeSet<ItemKey<'_>> = scalars.iter().map(ItemKey).collect();
        live.retain(|item| !gone.contains(&ItemKey(item)));
    }
    Ok(())
}

/// Merges a list whose patch says in which order its items are to stand.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#mergePatchIntoOriginal
pub(super) fn set_order(
    schema: Option<&Schema>,
    fields: &mut Map<String, Value>,
    name: &str,
    patch: Option<&Value>,
    order: &[Value],
) -> Result<(), PatchError> {
    let items = items_of(schema);
    let not_a_list =
        |value: &Value| PatchError::bad(format!("expected a list, but received {}", shown(value)));
    let patch = match patch {
        Some(Value::Array(patch)) => Some(patch.as_slice()),
        Some(other) => return Err(not_a_list(other)),
        None => None,
    };
    if patch.is_none() && !fields.contains_key(name) {
        return Ok(());
    }
    let order = keys_of(items, order)?;
    check_order(items, patch.unwrap_or_default(), &order)?;
    let live = match fields.entry(name).or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(live) => live,
        other => return Err(not_a_list(other)),
    };
    let server = kept_keys(items, live)?;
    if let Some(patch) = patch {
        merge_list(schema, live, patch)?;
    }
    rearrange(items, live, &order, &server)
}

/// Items of the patch must be among those of the order, in the same order.
// PARITY: apimachinery/pkg/util/strategicpatch/patch.go#validatePatchWithSetOrderList
fn check_order(items: Items<'_>, patch: &[Value], order: &[ItemKey<'_>]) -> Result<(), PatchError> {
    if order.is_empty() {
        return Ok(());
    }
    let mut rest = order.iter();
    for item in patch.iter().filter(|item| directive(item).is_none()) {
        let key = key_of(items, item)?;
        if !rest.any(|next| *next == key) {
            return Err(PatchError::bad(format!(
                "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                shown(&Value::Array(patch.to_vec())),
                shown(&Value::Array(order.iter().map(|key| key.0.clone()).collect())),
            )));
        }
    }
    Ok(())
}
