//! Several managers apply to one object.
//!
//! The cases are those of structured-merge-diff's `merge/multiple_appliers_test.go` and
//! `merge/leaf_test.go`.

use serde_json::json;

use super::Step::{Apply, Conflict, Force, Update};
use super::{Case, anything, atomic, check, keyed, list, map, number, object, root, set, string};

#[test]
fn parity_items_of_a_keyed_list_belong_to_who_applied_them() {
    let schema =
        root([("list", keyed(["name"], object([("name", string()), ("value", number())])))]);
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "one is removed by its only owner",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a" }, { "name": "b" }] })),
                    Apply("two", json!({ "list": [{ "name": "c" }] })),
                    Apply("one", json!({ "list": [{ "name": "a" }] })),
                ],
                json!({ "list": [{ "name": "a" }, { "name": "c" }] }),
                &[
                    ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                    ("two", &[".list[name=\"c\"]", ".list[name=\"c\"].name"]),
                ],
            ),
            case(
                "the same value is shared",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a", "value": 0 }] })),
                    Apply("two", json!({ "list": [{ "name": "a", "value": 0 }] })),
                ],
                json!({ "list": [{ "name": "a", "value": 0 }] }),
                &[
                    (
                        "one",
                        &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                    ),
                    (
                        "two",
                        &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                    ),
                ],
            ),
            case(
                "another value is a conflict",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a", "value": 0 }] })),
                    Conflict(
                        "two",
                        json!({ "list": [{ "name": "a", "value": 1 }] }),
                        &[("\"one\"", ".list[name=\"a\"].value")],
                    ),
                ],
                json!({ "list": [{ "name": "a", "value": 0 }] }),
                &[(
                    "one",
                    &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                )],
            ),
        ],
    );
}

#[test]
fn parity_items_that_several_applied_stay_with_the_others() {
    let item = object([("name", string()), ("value", number())]);
    let schema = root([("list", keyed(["name"], item))]);
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "one that two applied stays with the other",
                vec![
                    Apply(
                        "one",
                        json!({ "list": [{ "name": "a" }, { "name": "b" }, { "name": "c" }] }),
                    ),
                    Apply("two", json!({ "list": [{ "name": "c" }, { "name": "d" }] })),
                    Apply("one", json!({ "list": [{ "name": "a" }] })),
                ],
                json!({ "list": [{ "name": "a" }, { "name": "c" }, { "name": "d" }] }),
                &[
                    ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                    (
                        "two",
                        &[
                            ".list[name=\"c\"]",
                            ".list[name=\"c\"].name",
                            ".list[name=\"d\"]",
                            ".list[name=\"d\"].name",
                        ],
                    ),
                ],
            ),
            case(
                "force takes only what has another value",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a", "value": 0 }] })),
                    Force("two", json!({ "list": [{ "name": "a", "value": 1 }] })),
                ],
                json!({ "list": [{ "name": "a", "value": 1 }] }),
                &[
                    ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                    (
                        "two",
                        &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                    ),
                ],
            ),
        ],
    );
}

#[test]
fn parity_a_field_goes_when_its_last_owner_applies_without_it() {
    let schema = root([(
        "struct",
        object([
            ("name", string()),
            ("scalar", string()),
            ("complex", object([("name", string())])),
        ]),
    )]);
    let both = || json!({ "struct": { "name": "a", "scalar": "a" } });
    let name = || json!({ "struct": { "name": "a" } });
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "a scalar with one owner",
                vec![Apply("one", both()), Apply("one", name())],
                name(),
                &[("one", &[".struct.name"])],
            ),
            case(
                "a scalar that another applied too",
                vec![
                    Apply("one", both()),
                    Apply("two", json!({ "struct": { "scalar": "a" } })),
                    Apply("one", name()),
                ],
                both(),
                &[("one", &[".struct.name"]), ("two", &[".struct.scalar"])],
            ),
            case(
                "a scalar that was there before",
                vec![Update("updater", both()), Apply("applier", both()), Apply("applier", name())],
                both(),
                &[
                    ("updater/Update", &[".struct", ".struct.name", ".struct.scalar"]),
                    ("applier", &[".struct.name"]),
                ],
            ),
            case(
                "a scalar that an update changed",
                vec![
                    Apply("applier", both()),
                    Update("updater", json!({ "struct": { "name": "a", "scalar": "b" } })),
                ],
                json!({ "struct": { "name": "a", "scalar": "b" } }),
                &[("updater/Update", &[".struct.scalar"]), ("applier", &[".struct.name"])],
            ),
            case(
                "an object with one owner",
                vec![
                    Apply("one", json!({ "struct": { "name": "a", "complex": { "name": "b" } } })),
                    Apply("one", name()),
                ],
                name(),
                &[("one", &[".struct.name"])],
            ),
            case(
                "an object that another applied too",
                vec![
                    Apply("one", json!({ "struct": { "name": "a", "complex": { "name": "b" } } })),
                    Apply("two", json!({ "struct": { "complex": { "name": "b" } } })),
                    Apply("one", name()),
                ],
                json!({ "struct": { "name": "a", "complex": { "name": "b" } } }),
                &[("one", &[".struct.name"]), ("two", &[".struct.complex.name"])],
            ),
            case("everything", vec![Apply("one", both()), Apply("one", json!({}))], json!({}), &[]),
        ],
    );
}

#[test]
fn parity_items_within_items_go_with_their_own_owners() {
    let inner = object([("name", string()), ("value", set(string()))]);
    let schema = root([("list", keyed(["name"], inner))]);
    let b = |values: &[&str]| json!({ "name": "b", "value": values });
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "what another has in the same item stays",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a" }, b(&["c"])] })),
                    Apply("two", json!({ "list": [b(&["d"])] })),
                    Apply("one", json!({ "list": [{ "name": "a" }] })),
                ],
                json!({ "list": [{ "name": "a" }, b(&["d"])] }),
                &[
                    ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                    (
                        "two",
                        &[
                            ".list[name=\"b\"]",
                            ".list[name=\"b\"].name",
                            ".list[name=\"b\"].value[=\"d\"]",
                        ],
                    ),
                ],
            ),
            case(
                "and what an update added to it",
                vec![
                    Apply("one", json!({ "list": [{ "name": "a" }, b(&["c"])] })),
                    Apply("two", json!({ "list": [b(&["d"])] })),
                    Update("controller", json!({ "list": [{ "name": "a" }, b(&["c", "d", "e"])] })),
                    Apply("one", json!({ "list": [{ "name": "a" }] })),
                ],
                json!({ "list": [{ "name": "a" }, b(&["d", "e"])] }),
                &[
                    ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                    (
                        "two",
                        &[
                            ".list[name=\"b\"]",
                            ".list[name=\"b\"].name",
                            ".list[name=\"b\"].value[=\"d\"]",
                        ],
                    ),
                    ("controller/Update", &[".list[name=\"b\"].value[=\"e\"]"]),
                ],
            ),
        ],
    );
}

#[test]
fn parity_an_item_takes_along_what_hangs_below_it() {
    let inner = object([("name", string()), ("value", set(string()))]);
    let schema = root([("list", keyed(["name"], inner))]);
    let b = |values: &[&str]| json!({ "name": "b", "value": values });
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![case(
            "an item that nobody else owns takes what hangs below it along",
            vec![
                Apply("one", json!({ "list": [{ "name": "a" }, b(&["c"])] })),
                Apply("two", json!({ "list": [{ "name": "a", "value": ["b"] }] })),
                Update(
                    "controller",
                    json!({ "list": [{ "name": "a", "value": ["b"] }, b(&["c", "d"])] }),
                ),
                Apply("one", json!({ "list": [{ "name": "a" }] })),
            ],
            json!({ "list": [{ "name": "a", "value": ["b"] }] }),
            &[
                ("one", &[".list[name=\"a\"]", ".list[name=\"a\"].name"]),
                (
                    "two",
                    &[
                        ".list[name=\"a\"]",
                        ".list[name=\"a\"].name",
                        ".list[name=\"a\"].value[=\"b\"]",
                    ],
                ),
            ],
        )],
    );
}

#[test]
fn parity_what_is_atomic_belongs_to_one_manager_as_a_whole() {
    let schema = root([
        ("list", list(string())),
        ("map", atomic(map(string()))),
        ("blob", atomic(anything())),
    ]);
    check(
        &schema,
        vec![
            Case {
                name: "a list, a map and a blob are leaves",
                steps: vec![Apply(
                    "one",
                    json!({ "list": ["a", "a"], "map": { "k": "v" }, "blob": { "x": { "y": 1 } } }),
                )],
                object: json!({
                    "list": ["a", "a"], "map": { "k": "v" }, "blob": { "x": { "y": 1 } },
                }),
                owners: &[("one", &[".blob", ".list", ".map"])],
            },
            Case {
                name: "each is replaced whole, and a conflict is about all of it",
                steps: vec![
                    Apply("one", json!({ "list": ["a"], "map": { "k": "v" } })),
                    Conflict(
                        "two",
                        json!({ "list": ["a", "b"], "map": { "l": "v" } }),
                        &[("\"one\"", ".list"), ("\"one\"", ".map")],
                    ),
                    Force("two", json!({ "list": ["b"], "map": { "l": "v" } })),
                ],
                object: json!({ "list": ["b"], "map": { "l": "v" } }),
                owners: &[("two", &[".list", ".map"])],
            },
        ],
    );
}
