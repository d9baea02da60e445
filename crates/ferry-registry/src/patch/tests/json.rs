//! JSON patches.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{REJECTED, anything, document};
use crate::patch::json as patch_json;
use crate::refusal::Refusal;

fn operations(patch: Value) -> json_patch::Patch {
    serde_json::from_value(patch).expect("the patch can be read")
}

#[test]
fn parity_a_json_patch_is_read_as_kubernetes_does() {
    for (live, patch, expected) in [
        (
            json!({ "a": 1 }),
            json!([{ "op": "add", "path": "/b", "value": 2 }]),
            json!({ "a": 1, "b": 2 }),
        ),
        (
            json!({ "a": [1] }),
            json!([{ "op": "add", "path": "/a/0", "value": 0 }]),
            json!({ "a": [0, 1] }),
        ),
        (
            json!({ "a": [1] }),
            json!([{ "op": "add", "path": "/a/1", "value": 2 }]),
            json!({ "a": [1, 2] }),
        ),
        (
            json!({ "a": [1] }),
            json!([{ "op": "add", "path": "/a/-", "value": 2 }]),
            json!({ "a": [1, 2] }),
        ),
        (
            json!({ "a": [1] }),
            json!([{ "op": "add", "path": "/a/-1", "value": 2 }]),
            json!({ "a": [1, 2] }),
        ),
        (json!({ "a": [1, 2] }), json!([{ "op": "remove", "path": "/a/-1" }]), json!({ "a": [1] })),
        (json!({ "a": 1 }), json!([{ "op": "remove", "path": "/a" }]), json!({})),
        (
            json!({ "a": 1 }),
            json!([{ "op": "replace", "path": "/a", "value": 2 }]),
            json!({ "a": 2 }),
        ),
        (json!({}), json!([{ "op": "replace", "path": "/a", "value": 2 }]), json!({ "a": 2 })),
        (json!({}), json!([{ "op": "test", "path": "/a", "value": null }]), json!({})),
        (
            json!({ "a": 1 }),
            json!([{ "op": "test", "path": "/a", "value": 1.0 }]),
            json!({ "a": 1 }),
        ),
        (
            json!({ "a": { "b/c~d": 1 } }),
            json!([{ "op": "move", "from": "/a/b~1c~0d", "path": "/e" }]),
            json!({ "a": {}, "e": 1 }),
        ),
        (
            json!({ "a": { "b": 1 } }),
            json!([{ "op": "copy", "from": "/a", "path": "/c" }]),
            json!({ "a": { "b": 1 }, "c": { "b": 1 } }),
        ),
        (json!({ "a": 1 }), json!([{ "op": "replace", "path": "", "value": {} }]), json!({})),
    ] {
        let outcome = patch_json(&document(live.clone()), &operations(patch.clone()));
        assert_eq!(outcome.map(Value::Object), Ok(expected), "{live} with {patch}");
    }
}

#[test]
fn parity_a_json_patch_that_does_not_fit_is_refused() {
    let live = document(json!({ "a": { "b": 1 }, "list": [1] }));
    for patch in [
        json!([{ "op": "test", "path": "/a/b", "value": 2 }]),
        json!([{ "op": "test", "path": "/a/c", "value": 1 }]),
        json!([{ "op": "test", "path": "/x/c", "value": null }]),
        json!([{ "op": "remove", "path": "/x" }]),
        json!([{ "op": "remove", "path": "" }]),
        json!([{ "op": "remove", "path": "/list/1" }]),
        json!([{ "op": "remove", "path": "/list/-2" }]),
        json!([{ "op": "remove", "path": "/list/-0" }]),
        json!([{ "op": "replace", "path": "/x/y", "value": 1 }]),
        json!([{ "op": "replace", "path": "/list/1", "value": 1 }]),
        json!([{ "op": "replace", "path": "/a/b/c", "value": 1 }]),
        json!([{ "op": "add", "path": "/x/y", "value": 1 }]),
        json!([{ "op": "add", "path": "/list/3", "value": 1 }]),
        json!([{ "op": "add", "path": "/list/x", "value": 1 }]),
        json!([{ "op": "add", "path": "/a/b/c", "value": 1 }]),
        json!([{ "op": "add", "path": "", "value": [] }]),
        json!([{ "op": "move", "from": "/x", "path": "/y" }]),
        json!([{ "op": "move", "from": "/a", "path": "/a/c" }]),
        json!([{ "op": "copy", "from": "/x", "path": "/y" }]),
        json!([{ "op": "add", "path": "/c", "value": 1 }, { "op": "remove", "path": "/x" }]),
    ] {
        let outcome = patch_json(&live, &operations(patch.clone()));
        assert_eq!(
            outcome,
            Err(Refusal::Unprocessable { message: REJECTED.to_owned() }),
            "{patch}"
        );
    }
}

#[test]
fn a_json_patch_may_not_be_long_nor_make_an_object_large_or_deep() {
    let live = document(json!({ "a": {} }));
    let times = |count: usize, operation: Value| operations(Value::Array(vec![operation; count]));

    let add = json!({ "op": "add", "path": "/a/b", "value": 1 });
    assert!(patch_json(&live, &times(10_000, add.clone())).is_ok());
    let refusal = patch_json(&live, &times(10_001, add)).unwrap_err();
    let sentence = "Request entity too large: The allowed maximum operations in a JSON patch is \
                    10000, got 10001";
    assert_eq!((refusal.code(), refusal.to_string().as_str()), (413, sentence));

    let rejected = Err(Refusal::Unprocessable { message: REJECTED.to_owned() });
    let doubles = json!({ "op": "copy", "from": "", "path": "/a/b" });
    assert_eq!(patch_json(&live, &times(10_000, doubles)), rejected);
    let deepens = [
        json!({ "op": "move", "from": "/a", "path": "/b" }),
        json!({ "op": "add", "path": "/a", "value": {} }),
        json!({ "op": "move", "from": "/b", "path": "/a/a" }),
    ];
    let deepens: Vec<Value> = deepens.into_iter().cycle().take(9_999).collect();
    assert_eq!(patch_json(&live, &operations(Value::Array(deepens))), rejected);

    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({ "x": inner }));
    let deep =
        |levels| operations(json!([{ "op": "add", "path": "/a/b", "value": nested(levels) }]));
    assert!(patch_json(&live, &deep(125)).is_ok());
    assert_eq!(patch_json(&live, &deep(126)), rejected);
    let shuffles = [
        json!({ "op": "move", "from": "/a", "path": "/b" }),
        json!({ "op": "move", "from": "/b", "path": "/a" }),
    ];
    let shuffles: Vec<Value> = shuffles.into_iter().cycle().take(10_000).collect();
    assert!(
        patch_json(&live, &operations(Value::Array(shuffles))).is_ok(),
        "no deeper than before"
    );
}

#[test]
fn a_json_patch_may_not_push_the_items_of_lists_aside_without_end() {
    let live = document(json!({ "a": vec![0; 100_000] }));
    let times = |count: usize, operation: &Value| {
        patch_json(&live, &operations(Value::Array(vec![operation.clone(); count])))
    };
    let rejected = Err(Refusal::Unprocessable { message: REJECTED.to_owned() });
    for (operation, each) in [
        (json!({ "op": "add", "path": "/a/0", "value": 1 }), 1),
        (json!({ "op": "remove", "path": "/a/0" }), 1),
        (json!({ "op": "move", "from": "/a/0", "path": "/a/0" }), 2),
    ] {
        assert!(times(400 / each, &operation).is_ok(), "{operation}");
        assert_eq!(times(600 / each, &operation), rejected, "{operation}");
    }
    // At the end nothing is pushed aside.
    assert!(times(10_000, &json!({ "op": "add", "path": "/a/-", "value": 1 })).is_ok());
    assert!(times(10_000, &json!({ "op": "remove", "path": "/a/-1" })).is_ok());
}

proptest! {
    #[test]
    fn no_json_patch_fails_badly(
        live in anything(),
        steps in prop::collection::vec(
            (
                prop::sample::select(vec!["add", "remove", "replace", "move", "copy", "test"]),
                "(/(name|item|mergingList|-|0|1|-1|-9|99999999999999999999)){0,3}",
                "(/(name|item|mergingList|-|0|1|-1)){0,3}",
                anything(),
            ),
            0..6,
        ),
    ) {
        if let Value::Object(live) = live {
            let steps = steps.into_iter().map(|(op, path, from, value)| {
                json!({ "op": op, "path": path, "from": from, "value": value })
            });
            let _ = patch_json(&live, &operations(steps.collect()));
        }
    }
}
