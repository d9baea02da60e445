//! Strategic merge patches.

use std::collections::{BTreeMap, BTreeSet};

use ferry_api::Schema;
use ferry_api::schema::{MergeStrategy, ObjectShape, Shape, Text, UnknownFields};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{REJECTED, anything, document};
use crate::patch::strategic;
use crate::refusal::Refusal;

/// Upstream's `MergeItem`, three levels deep.
fn merge_item(depth: usize) -> Schema {
    let schema = |shape, merge| {
        let mut schema = Schema::of::<bool>();
        schema.shape = shape;
        schema.merge = merge;
        schema
    };
    let string = || schema(Shape::String(Text::Any), MergeStrategy::Granular);
    let list = |items, merge| schema(Shape::Array(Box::new(items)), merge);
    let mut properties =
        BTreeMap::from(["name", "value", "other"].map(|name| (name.to_owned(), string())));
    let map = schema(Shape::Map(Box::new(string())), MergeStrategy::Granular);
    properties.insert("simpleMap".to_owned(), map);
    properties.insert("mergingIntList".to_owned(), list(string(), MergeStrategy::Set));
    properties.insert("nonMergingIntList".to_owned(), list(string(), MergeStrategy::Atomic));
    if depth > 0 {
        let keyed = MergeStrategy::Keyed(vec!["name".to_owned()]);
        properties.insert("mergingList".to_owned(), list(merge_item(depth - 1), keyed));
        let whole = list(merge_item(depth - 1), MergeStrategy::Atomic);
        properties.insert("nonMergingList".to_owned(), whole);
        properties.insert("item".to_owned(), merge_item(depth - 1));
    }
    let object =
        ObjectShape { properties, required: BTreeSet::new(), unknown: UnknownFields::Kept };
    schema(Shape::Object(object), MergeStrategy::Granular)
}

fn patched(live: &Value, patch: &Value) -> Result<Value, Refusal> {
    strategic(&merge_item(3), &document(live.clone()), patch).map(Value::Object)
}

fn check(rows: &[(Value, Value, Value)]) {
    for (live, patch, expected) in rows {
        assert_eq!(patched(live, patch).as_ref(), Ok(expected), "{live} with {patch}");
    }
}

#[test]
fn parity_objects_are_merged_field_by_field() {
    check(&[
        (json!({ "name": "a" }), json!({ "value": "b" }), json!({ "name": "a", "value": "b" })),
        (json!({ "name": "a", "value": "b" }), json!({ "value": null }), json!({ "name": "a" })),
        (json!({ "name": "a" }), json!({ "value": null }), json!({ "name": "a" })),
        (
            json!({ "simpleMap": { "a": "1", "b": "2" } }),
            json!({ "simpleMap": { "b": null, "c": "3" } }),
            json!({ "simpleMap": { "a": "1", "c": "3" } }),
        ),
        (
            json!({}),
            json!({ "item": { "name": "a", "value": null } }),
            json!({ "item": { "name": "a" } }),
        ),
        (
            json!({ "item": "scalar" }),
            json!({ "item": { "name": "a" } }),
            json!({ "item": { "name": "a" } }),
        ),
        (
            json!({ "x": { "a": 1 } }),
            json!({ "x": { "b": [1] } }),
            json!({ "x": { "a": 1, "b": [1] } }),
        ),
        (json!({ "x": [1, 2] }), json!({ "x": [3] }), json!({ "x": [3] })),
        (
            json!({ "nonMergingList": [{ "name": "1" }], "nonMergingIntList": [1, 2] }),
            json!({ "nonMergingList": [{ "name": "2" }], "nonMergingIntList": [2] }),
            json!({ "nonMergingList": [{ "name": "2" }], "nonMergingIntList": [2] }),
        ),
    ]);
}

#[test]
fn parity_a_directive_replaces_or_deletes_a_map() {
    check(&[
        (
            json!({ "simpleMap": { "key1": "1", "key2": "1" } }),
            json!({ "simpleMap": { "$patch": "delete" } }),
            json!({ "simpleMap": {} }),
        ),
        (json!({ "name": "1", "value": "1" }), json!({ "$patch": "replace" }), json!({})),
        (
            json!({ "name": "1", "value": "1" }),
            json!({ "$patch": "replace", "other": "a" }),
            json!({ "other": "a" }),
        ),
        (
            json!({ "name": "1" }),
            json!({ "$patch": "merge", "value": "1" }),
            json!({ "name": "1", "value": "1" }),
        ),
    ]);
}

#[test]
fn parity_lists_with_keys_are_merged_item_by_item_in_the_order_of_the_patch() {
    let list = |items: Value| json!({ "mergingList": items });
    check(&[
        (
            list(json!([{ "name": "1" }, { "name": "2", "value": "b" }, { "name": "3" }])),
            list(json!([
                { "name": "3", "value": "c" }, { "name": "1", "value": "a" }, { "name": "2", "other": "x" },
            ])),
            list(json!([
                { "name": "3", "value": "c" },
                { "name": "1", "value": "a" },
                { "name": "2", "value": "b", "other": "x" },
            ])),
        ),
        (
            list(json!([{ "name": "1" }, { "name": "2", "value": "b" }, { "name": "3" }])),
            list(json!([{ "name": "3", "value": "c" }, { "name": "1", "value": "a" }])),
            list(json!([
                { "name": "2", "value": "b" }, { "name": "3", "value": "c" }, { "name": "1", "value": "a" },
            ])),
        ),
        (
            list(json!([{ "name": "1" }])),
            list(json!([{ "name": "2", "value": null }, { "name": "2", "value": "x" }])),
            list(json!([{ "name": "2", "value": "x" }, { "name": "1" }])),
        ),
        (
            list(json!([{ "name": "1" }, { "name": "2" }])),
            list(json!([{ "$patch": "replace" }])),
            list(json!([])),
        ),
        (
            list(json!([{ "name": "1" }, { "name": "2" }])),
            list(json!([{ "name": "3" }, { "$patch": "replace" }])),
            list(json!([{ "name": "3" }])),
        ),
        (
            list(json!([
                { "name": "1" }, { "name": "1" }, { "name": "2", "value": "a" }, { "name": "3" }, { "name": "3" },
            ])),
            list(json!([{ "name": "1", "$patch": "delete" }, { "name": "3", "$patch": "delete" }])),
            list(json!([{ "name": "2", "value": "a" }])),
        ),
        (list(json!([])), list(json!([])), list(json!([]))),
        (
            json!({}),
            list(json!([{ "name": "1", "$patch": "delete" }, { "name": "2", "value": null }])),
            list(json!([{ "name": "2" }])),
        ),
        (
            list(json!([{ "name": "1", "mergingList": [{ "name": "a", "value": "x" }] }])),
            list(json!([{ "name": "1", "mergingList": [{ "name": "a", "other": "y" }] }])),
            list(
                json!([{ "name": "1", "mergingList": [{ "name": "a", "value": "x", "other": "y" }] }]),
            ),
        ),
    ]);
}

#[test]
fn parity_scalars_that_are_merged_are_there_once() {
    let list = |items: Value| json!({ "mergingIntList": items });
    check(&[
        (list(json!([1, 2])), list(json!([2, 3])), list(json!([1, 2, 3]))),
        (list(json!([1, 2, 3])), list(json!([3, 1, 2])), list(json!([3, 1, 2]))),
        (list(json!([1, 2, 3])), list(json!([3, 1])), list(json!([2, 3, 1]))),
        (list(json!([1, 1, 2])), list(json!([3, 3])), list(json!([3, 1, 2]))),
        (
            list(json!([1, 2, 3, 2])),
            json!({ "$deleteFromPrimitiveList/mergingIntList": [2, 4] }),
            list(json!([1, 3])),
        ),
        (
            list(json!([1, 2])),
            json!({ "$deleteFromPrimitiveList/mergingIntList": [2], "mergingIntList": [3] }),
            list(json!([3, 1])),
        ),
        (json!({}), json!({ "$deleteFromPrimitiveList/mergingIntList": [2] }), json!({})),
    ]);
}

#[test]
fn parity_an_order_that_is_given_wins() {
    let order = |order: Value, patch: Option<Value>| {
        let mut whole = json!({ "$setElementOrder/mergingList": order });
        if let Some(patch) = patch {
            whole["mergingList"] = patch;
        }
        whole
    };
    let list = |items: Value| json!({ "mergingList": items });
    let name = |name: &str| json!({ "name": name });
    check(&[
        (
            list(json!([name("1"), name("3")])),
            order(
                json!([name("3"), name("2"), name("1")]),
                Some(json!([{ "name": "3", "value": "3" }, { "name": "1", "value": "1" }])),
            ),
            list(json!([{ "name": "3", "value": "3" }, { "name": "1", "value": "1" }])),
        ),
        (
            list(json!([name("1"), name("2"), name("3")])),
            order(json!([name("3"), name("1")]), None),
            list(json!([name("2"), name("3"), name("1")])),
        ),
        (
            list(json!([name("1"), name("2"), name("3")])),
            order(
                json!([name("1"), name("3")]),
                Some(json!([{ "name": "2", "$patch": "delete" }])),
            ),
            list(json!([name("1"), name("3")])),
        ),
        (json!({}), order(json!([name("1")]), None), json!({})),
        (
            json!({ "mergingIntList": [1, 3] }),
            json!({ "$setElementOrder/mergingIntList": [3, 2, 1] }),
            json!({ "mergingIntList": [3, 1] }),
        ),
        (
            json!({ "mergingIntList": [1, 2, 3] }),
            json!({
                "$setElementOrder/mergingIntList": [4, 1, 3],
                "$deleteFromPrimitiveList/mergingIntList": [2],
                "mergingIntList": [4],
            }),
            json!({ "mergingIntList": [4, 1, 3] }),
        ),
    ]);
}

#[test]
fn parity_retained_keys_are_all_that_remain() {
    let item = |item: Value| json!({ "item": item });
    check(&[
        (
            item(json!({ "name": "foo", "value": "a" })),
            item(json!({ "$retainKeys": ["name", "other"], "other": "x" })),
            item(json!({ "name": "foo", "other": "x" })),
        ),
        (
            item(json!({ "name": "foo", "value": "a" })),
            item(json!({ "$retainKeys": ["name"], "value": null })),
            item(json!({ "name": "foo" })),
        ),
        (
            json!({}),
            item(json!({ "$retainKeys": ["name"], "name": "a" })),
            item(json!({ "name": "a" })),
        ),
    ]);
}

#[test]
fn parity_a_strategic_patch_that_contradicts_itself_is_refused() {
    let live = json!({ "mergingList": [{ "name": "1" }, { "name": "3" }, { "name": "2" }] });
    for (patch, part) in [
        (json!([]), "a strategic merge patch must be an object"),
        (
            json!({
                "$setElementOrder/mergingList": [{ "name": "1" }, { "name": "2" }, { "name": "3" }],
                "mergingList": [{ "name": "3" }, { "name": "1" }],
            }),
            "doesn't match $setElementOrder list",
        ),
        (
            json!({ "$setElementOrder/mergingList": 1 }),
            "invalid patch format of setElementOrder list",
        ),
        (json!({ "$setElementOrder": [] }), "invalid patch format of setElementOrder list"),
        (json!({ "$setElementOrder/name": ["a"], "name": "a" }), "expected a list"),
        (
            json!({ "$deleteFromPrimitiveList/mergingIntList": 1 }),
            "invalid patch format of primitive list",
        ),
        (json!({ "$deleteFromPrimitiveList": [1] }), "invalid patch format of primitive list"),
        (json!({ "$retainKeys": ["name"], "value": "a" }), "invalid patch format of retainKeys"),
        (json!({ "$retainKeys": "name" }), "invalid patch format of retainKeys"),
        (json!({ "$patch": "unknown" }), "unknown patch type: unknown"),
        (json!({ "$patch": 1 }), "unknown patch type: 1"),
        (json!({ "mergingList": [{ "value": "a" }] }), "does not contain declared merge key: name"),
        (
            json!({ "mergingList": [{ "$patch": "delete" }] }),
            "does not contain declared merge key: name",
        ),
        (json!({ "mergingList": [{ "name": "1", "$patch": "merge" }] }), "cannot yet be specified"),
        (json!({ "mergingList": [{ "name": "1", "$patch": [] }] }), "unknown patch type: []"),
        (json!({ "mergingList": ["1"] }), "expected a map, but received \"1\""),
        (json!({ "mergingList": [[]] }), REJECTED),
    ] {
        let error = patched(&live, &patch).expect_err(&patch.to_string());
        assert!(error.to_string().contains(part), "{patch}: {error}");
    }
}

proptest! {
    #[test]
    fn no_strategic_patch_fails_badly(live in anything(), patch in anything()) {
        if let Value::Object(live) = live {
            let schema = merge_item(2);
            if let Ok(merged) = strategic(&schema, &live, &patch) {
                let empty = json!({});
                prop_assert_eq!(strategic(&schema, &merged, &empty), Ok(merged.clone()));
            }
        }
    }
}
