//! Maps in maps, lists in maps, what hangs below what goes, empty values and `null`.
//!
//! The cases are those of structured-merge-diff's `merge/nested_test.go`,
//! `merge/preserve_unknown_test.go` and `merge/deduced_test.go`.

use serde_json::json;

use super::Step::{Apply, Conflict, Update};
use super::{Case, anything, check, keyed, map, number, object, open_object, root, set, string};

#[test]
fn parity_a_change_of_key_or_value_moves_what_is_owned() {
    let schema = root([
        ("listOfMaps", keyed(["name"], object([("name", string()), ("value", map(string()))]))),
        ("mapOfLists", map(set(string()))),
        ("mapOfMaps", map(map(string()))),
        ("deep", map(anything())),
    ]);
    let case = |name, before, after: serde_json::Value, owners| Case {
        name,
        steps: vec![Apply("default", before), Apply("default", after.clone())],
        object: after,
        owners,
    };
    check(
        &schema,
        vec![
            case(
                "an entry in an item",
                json!({ "listOfMaps": [{ "name": "a", "value": { "b": "x", "c": "y" } }] }),
                json!({ "listOfMaps": [{ "name": "a", "value": { "a": "x", "c": "z" } }] }),
                &[(
                    "default",
                    &[
                        ".listOfMaps[name=\"a\"]",
                        ".listOfMaps[name=\"a\"].name",
                        ".listOfMaps[name=\"a\"].value.a",
                        ".listOfMaps[name=\"a\"].value.c",
                    ],
                )],
            ),
            case(
                "an item's key",
                json!({ "listOfMaps": [{ "name": "a", "value": { "b": "x" } }] }),
                json!({ "listOfMaps": [{ "name": "b", "value": { "a": "x" } }] }),
                &[(
                    "default",
                    &[
                        ".listOfMaps[name=\"b\"]",
                        ".listOfMaps[name=\"b\"].name",
                        ".listOfMaps[name=\"b\"].value.a",
                    ],
                )],
            ),
            case(
                "an item of a set in an entry",
                json!({ "mapOfLists": { "a": ["b", "c"] } }),
                json!({ "mapOfLists": { "a": ["a", "c"] } }),
                &[(
                    "default",
                    &[".mapOfLists.a", ".mapOfLists.a[=\"a\"]", ".mapOfLists.a[=\"c\"]"],
                )],
            ),
            case(
                "an entry's key",
                json!({ "mapOfMaps": { "a": { "b": "x", "c": "y" } } }),
                json!({ "mapOfMaps": { "b": { "a": "x", "c": "z" } } }),
                &[("default", &[".mapOfMaps.b", ".mapOfMaps.b.a", ".mapOfMaps.b.c"])],
            ),
            case(
                "a key in the middle",
                json!({ "deep": { "a": { "b": { "c": null } } } }),
                json!({ "deep": { "a": { "d": { "c": null } } } }),
                &[("default", &[".deep.a", ".deep.a.d", ".deep.a.d.c"])],
            ),
        ],
    );
}

#[test]
fn parity_an_object_keeps_what_others_own_of_it() {
    let schema = root([("struct", object([("name", string()), ("value", number())]))]);
    let named = || Apply("default", json!({ "struct": { "name": "a" } }));
    let valued = || Update("controller", json!({ "struct": { "name": "a", "value": 1 } }));
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "nothing is left of one that nobody else has",
                vec![
                    Apply("default", json!({ "struct": { "name": "a", "value": 1 } })),
                    Apply("default", json!({})),
                ],
                json!({}),
                &[],
            ),
            case(
                "an update's part stays",
                vec![named(), valued(), Apply("default", json!({}))],
                json!({ "struct": { "value": 1 } }),
                &[("controller/Update", &[".struct.value"])],
            ),
            case(
                "also if the object is still wanted, empty",
                vec![named(), valued(), Apply("default", json!({ "struct": {} }))],
                json!({ "struct": { "value": 1 } }),
                &[("controller/Update", &[".struct.value"]), ("default", &[".struct"])],
            ),
            case(
                "or null",
                vec![named(), valued(), Apply("default", json!({ "struct": null }))],
                json!({ "struct": { "value": 1 } }),
                &[("controller/Update", &[".struct.value"]), ("default", &[".struct"])],
            ),
            case(
                "what an update took over stays",
                vec![
                    named(),
                    Update("controller", json!({ "struct": { "name": "b", "value": 1 } })),
                    Apply("default", json!({ "struct": null })),
                ],
                json!({ "struct": { "name": "b", "value": 1 } }),
                &[
                    ("controller/Update", &[".struct.name", ".struct.value"]),
                    ("default", &[".struct"]),
                ],
            ),
        ],
    );
}

#[test]
fn parity_an_object_that_is_wanted_empty_is_left_empty() {
    let schema = root([("struct", object([("name", string())]))]);
    let named = || Apply("default", json!({ "struct": { "name": "a" } }));
    check(
        &schema,
        [json!({}), json!(null)]
            .into_iter()
            .map(|empty| Case {
                name: "the object is still wanted",
                steps: vec![named(), Apply("default", json!({ "struct": empty }))],
                object: json!({ "struct": empty }),
                owners: &[("default", &[".struct"])],
            })
            .collect(),
    );
}

#[test]
fn parity_fields_without_a_schema_are_owned_one_by_one_and_lists_whole() {
    let schema = root([("spec", open_object([("num", number())]))]);
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "each is a leaf or a map of such",
                vec![Apply(
                    "default",
                    json!({ "spec": { "num": 1, "unknown": "a", "more": { "x": [{ "y": 1 }] } } }),
                )],
                json!({ "spec": { "num": 1, "unknown": "a", "more": { "x": [{ "y": 1 }] } } }),
                &[("default", &[".spec.more", ".spec.more.x", ".spec.num", ".spec.unknown"])],
            ),
            case(
                "and goes as any other",
                vec![
                    Apply("default", json!({ "spec": { "num": 1, "unknown": "a" } })),
                    Apply("default", json!({ "spec": { "num": 1 } })),
                ],
                json!({ "spec": { "num": 1 } }),
                &[("default", &[".spec.num"])],
            ),
            case(
                "a change of type is a conflict",
                vec![
                    Apply("one", json!({ "spec": { "unknown": { "a": 1 } } })),
                    Conflict(
                        "two",
                        json!({ "spec": { "unknown": "scalar" } }),
                        &[("\"one\"", ".spec.unknown")],
                    ),
                ],
                json!({ "spec": { "unknown": { "a": 1 } } }),
                &[("one", &[".spec.unknown", ".spec.unknown.a"])],
            ),
            case(
                "and so is one the other way",
                vec![
                    Apply("one", json!({ "spec": { "unknown": "scalar" } })),
                    Conflict(
                        "two",
                        json!({ "spec": { "unknown": { "a": 1 } } }),
                        &[("\"one\"", ".spec.unknown")],
                    ),
                ],
                json!({ "spec": { "unknown": "scalar" } }),
                &[("one", &[".spec.unknown"])],
            ),
        ],
    );
}
