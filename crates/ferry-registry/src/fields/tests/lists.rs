//! The order of lists, keys, and items that are there twice.
//!
//! The cases are those of structured-merge-diff's `merge/set_test.go`, `merge/key_test.go`,
//! `merge/default_keys_test.go` and `merge/duplicates_test.go`.

use serde_json::json;

use super::Step::{Apply, Conflict, Force, Update};
use super::{Case, World, check, keyed, number, object, root, set, string};
use crate::fields::ApplyError;
use crate::request::OnConflict;

#[test]
fn parity_a_set_is_in_the_order_of_who_applied_last() {
    let schema = root([("list", set(string()))]);
    let list = |items: &str| json!({ "list": items.split_whitespace().collect::<Vec<_>>() });
    let all: &[&str] = &[".list[=\"a\"]", ".list[=\"b\"]", ".list[=\"c\"]", ".list[=\"d\"]"];
    let owned_by_default: &'static [_] =
        Box::leak(Box::new([("default", Box::leak(Box::new(all.to_vec())) as &'static [_])]));
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "applied twice",
                vec![Apply("default", list("a c")), Apply("default", list("a b c d"))],
                list("a b c d"),
                owned_by_default,
            ),
            case(
                "in another order",
                vec![Apply("default", list("a b c d")), Apply("default", list("a d c b"))],
                list("a d c b"),
                owned_by_default,
            ),
            case(
                "after somebody changed the order",
                vec![
                    Apply("default", list("a b c d")),
                    Update("controller", list("a d c b")),
                    Apply("default", list("a b c d")),
                ],
                list("a b c d"),
                owned_by_default,
            ),
            case(
                "between the items of another",
                vec![
                    Apply("default", list("a c")),
                    Update("controller", list("a b c d")),
                    Apply("default", list("a aprime c cprime")),
                ],
                list("a b aprime c d cprime"),
                &[
                    (
                        "default",
                        &[
                            ".list[=\"a\"]",
                            ".list[=\"aprime\"]",
                            ".list[=\"c\"]",
                            ".list[=\"cprime\"]",
                        ],
                    ),
                    ("controller/Update", &[".list[=\"b\"]", ".list[=\"d\"]"]),
                ],
            ),
            case(
                "with an item that another has too",
                vec![
                    Apply("default", list("a c")),
                    Update("controller", list("a b c d")),
                    Apply("default", list("a b c")),
                ],
                list("a b c d"),
                &[
                    ("default", &[".list[=\"a\"]", ".list[=\"b\"]", ".list[=\"c\"]"]),
                    ("controller/Update", &[".list[=\"b\"]", ".list[=\"d\"]"]),
                ],
            ),
        ],
    );
}

#[test]
fn parity_a_key_that_is_left_out_has_its_default() {
    let mut protocol = string();
    protocol.default = Some(json!("TCP"));
    let port = object([("port", number()), ("protocol", protocol), ("name", string())]);
    let schema = root([("ports", keyed(["port", "protocol"], port))]);
    check(
        &schema,
        vec![Case {
            name: "both are the same port",
            steps: vec![
                Apply("default", json!({ "ports": [{ "port": 80, "name": "a" }] })),
                Apply(
                    "default",
                    json!({ "ports": [
                        { "port": 80, "protocol": "TCP", "name": "b" },
                        { "port": 80, "protocol": "UDP" },
                    ] }),
                ),
            ],
            object: json!({ "ports": [
                { "port": 80, "protocol": "TCP", "name": "b" },
                { "port": 80, "protocol": "UDP" },
            ] }),
            owners: &[(
                "default",
                &[
                    ".ports[port=80,protocol=\"TCP\"]",
                    ".ports[port=80,protocol=\"TCP\"].name",
                    ".ports[port=80,protocol=\"TCP\"].port",
                    ".ports[port=80,protocol=\"TCP\"].protocol",
                    ".ports[port=80,protocol=\"UDP\"]",
                    ".ports[port=80,protocol=\"UDP\"].port",
                    ".ports[port=80,protocol=\"UDP\"].protocol",
                ],
            )],
        }],
    );
}

#[test]
fn parity_items_that_are_there_twice_are_owned_as_one() {
    let item = object([("name", string()), ("value", number())]);
    let schema = root([("list", keyed(["name"], item))]);
    let twice = || json!([{ "name": "a", "value": 1 }, { "name": "a", "value": 2 }]);
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "both are the updater's",
                vec![Update("updater", json!({ "list": twice() }))],
                json!({ "list": twice() }),
                &[("updater/Update", &[".list", ".list[name=\"a\"]"])],
            ),
            case(
                "an apply of another item leaves them",
                vec![
                    Update("updater", json!({ "list": twice() })),
                    Apply("applier", json!({ "list": [{ "name": "b" }] })),
                ],
                json!({ "list": [
                    { "name": "a", "value": 1 }, { "name": "a", "value": 2 }, { "name": "b" },
                ] }),
                &[
                    ("updater/Update", &[".list", ".list[name=\"a\"]"]),
                    ("applier", &[".list[name=\"b\"]", ".list[name=\"b\"].name"]),
                ],
            ),
        ],
    );
}

#[test]
fn parity_to_change_items_that_are_there_twice_is_a_conflict() {
    let item = object([("name", string()), ("value", number())]);
    let schema = root([("list", keyed(["name"], item))]);
    let twice = || json!([{ "name": "a", "value": 1 }, { "name": "a", "value": 2 }]);
    let case = |name, steps, object, owners| Case { name, steps, object, owners };
    check(
        &schema,
        vec![
            case(
                "to change them is a conflict, and force makes them one",
                vec![
                    Update("updater", json!({ "list": twice() })),
                    Conflict(
                        "applier",
                        json!({ "list": [{ "name": "a", "value": 2 }] }),
                        &[("\"updater\" using v1", ".list[name=\"a\"]")],
                    ),
                    Force("applier", json!({ "list": [{ "name": "a", "value": 3 }] })),
                ],
                json!({ "list": [{ "name": "a", "value": 3 }] }),
                &[
                    ("updater/Update", &[".list"]),
                    (
                        "applier",
                        &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                    ),
                ],
            ),
            case(
                "who makes it two owns both",
                vec![
                    Apply(
                        "applier",
                        json!({ "list": [{ "name": "a", "value": 1 }, { "name": "b" }] }),
                    ),
                    Update(
                        "updater",
                        json!({ "list": [
                            { "name": "a", "value": 1 }, { "name": "a", "value": 2 }, { "name": "b" },
                        ] }),
                    ),
                    Apply("applier", json!({ "list": [{ "name": "b" }] })),
                ],
                json!({ "list": [
                    { "name": "a", "value": 1 }, { "name": "a", "value": 2 }, { "name": "b" },
                ] }),
                &[
                    ("updater/Update", &[".list[name=\"a\"]"]),
                    ("applier", &[".list[name=\"b\"]", ".list[name=\"b\"].name"]),
                ],
            ),
            case(
                "one of them remains",
                vec![
                    Update("updater", json!({ "list": twice() })),
                    Update("other", json!({ "list": [{ "name": "a", "value": 1 }] })),
                ],
                json!({ "list": [{ "name": "a", "value": 1 }] }),
                &[
                    ("updater/Update", &[".list"]),
                    (
                        "other/Update",
                        &[".list[name=\"a\"]", ".list[name=\"a\"].name", ".list[name=\"a\"].value"],
                    ),
                ],
            ),
        ],
    );
}

#[test]
fn parity_a_configuration_whose_items_cannot_be_told_apart_is_refused() {
    let item = object([("name", string()), ("value", number())]);
    let schema = root([
        ("list", keyed(["name"], item)),
        ("set", set(string())),
        ("number", number()),
        ("spec", object([("name", string())])),
    ]);
    for (config, problems) in [
        (
            json!({ "list": [{ "name": "a" }, { "name": "a" }] }),
            ".list: duplicate entries for key [name=\"a\"]",
        ),
        (json!({ "set": ["a", "b", "a"] }), ".set: duplicate entries for key [=\"a\"]"),
        (
            json!({ "list": [{ "value": 1 }] }),
            ".list: element 0: associative list with keys has an element that omits key field \
             \"name\" (and doesn't have default value)",
        ),
        (
            json!({ "list": [null] }),
            ".list: element 0: associative list with keys may not have a null element",
        ),
        (
            json!({ "list": ["a"] }),
            ".list: element 0: associative list with keys may not have non-map elements",
        ),
        (
            json!({ "set": [{}] }),
            ".set: element 0: associative list without keys has an element that's a map type",
        ),
        (
            json!({ "set": [[]] }),
            ".set: element 0: not supported: associative list with lists as elements",
        ),
        (
            json!({ "set": [null] }),
            ".set: element 0: associative list without keys has an element that's an explicit null",
        ),
        (json!({ "number": "1" }), ".number: expected numeric (int or float), got \"1\""),
        (json!({ "list": {} }), ".list: expected list, got {}"),
        (
            json!({ "spec": { "foo": 1 }, "list": [{ "name": "a", "foo": 1 }] }),
            "errors:\n  .list[name=\"a\"].foo: field not declared in schema\n  .spec.foo: field \
             not declared in schema",
        ),
    ] {
        let mut config = config;
        config["apiVersion"] = json!("kubevirt.io/v1");
        config["kind"] = json!("VirtualMachine");
        config["metadata"] = json!({ "name": "vm", "namespace": "ns" });
        let outcome = World::new(&schema).apply("default", config, OnConflict::TakeOver);
        let Err(error @ ApplyError::Schema { .. }) = outcome else {
            panic!("{outcome:?} is not about the schema");
        };
        let head = "failed to create typed patch object (ns/vm; kubevirt.io/v1, \
                    Kind=VirtualMachine): ";
        assert_eq!(error.to_string(), format!("{head}{problems}"));
    }
}

#[test]
fn a_long_wrong_value_is_not_told_whole() {
    let schema = root([("number", number())]);
    let config = json!({ "number": "ü".repeat(100_000) });
    let error = World::new(&schema).apply("default", config, OnConflict::Refuse).unwrap_err();
    assert!(error.to_string().len() < 400, "{error}");
}
