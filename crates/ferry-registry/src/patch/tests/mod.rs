//! Patches in rows, after apimachinery's `strategicpatch/patch_test.go` and evanphx/json-patch's
//! `patch_test.go`.

mod json;
mod strategic;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::object::Document;
use crate::patch::merge;
use crate::refusal::Refusal;

/// What clients are told of a patch that does not fit.
const REJECTED: &str = "the server rejected our request due to an error in our request";

fn document(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        other => panic!("{other} is no document"),
    }
}

#[test]
fn a_merge_patch_deletes_with_null_and_replaces_lists() {
    for (live, patch, expected) in [
        (
            json!({ "a": 1, "b": { "c": 1, "d": 2 }, "e": [1, 2] }),
            json!({ "a": null, "b": { "c": null, "x": { "y": null } }, "e": [3] }),
            json!({ "b": { "d": 2, "x": {} }, "e": [3] }),
        ),
        (json!({ "a": { "b": 1 } }), json!({ "a": "c" }), json!({ "a": "c" })),
        (json!({ "a": 1 }), json!({}), json!({ "a": 1 })),
    ] {
        assert_eq!(merge(&document(live), &patch).map(Value::Object), Ok(expected), "{patch}");
    }
    for patch in [json!([]), json!(null), json!("x")] {
        assert!(matches!(merge(&Document::new(), &patch), Err(Refusal::BadRequest { .. })));
    }
}

/// Any value, of the words that patches are made of.
fn anything() -> impl Strategy<Value = Value> {
    let name = || {
        prop::sample::select(vec![
            "name",
            "value",
            "item",
            "mergingList",
            "mergingIntList",
            "nonMergingList",
            "$patch",
            "$retainKeys",
            "$setElementOrder/mergingList",
            "$setElementOrder/mergingIntList",
            "$deleteFromPrimitiveList/mergingIntList",
            "$setElementOrder",
        ])
    };
    let leaf = prop_oneof![
        Just(json!(null)),
        (0..3).prop_map(Value::from),
        prop::sample::select(vec!["a", "delete", "replace", "merge"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map(name(), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}
