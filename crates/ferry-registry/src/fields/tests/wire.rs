//! Field sets as text, and as sets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::fields::element::PathElement;
use crate::fields::set::{FieldSet, Part};
use crate::fields::v1;

type Path = Vec<PathElement>;

fn element() -> impl Strategy<Value = PathElement> {
    prop_oneof![
        "[a-c]".prop_map(PathElement::Field),
        "[a-c]".prop_map(|name| PathElement::Key(vec![("name".to_owned(), Value::from(name))])),
        (0..3_i64).prop_map(|port| PathElement::Key(vec![("port".to_owned(), port.into())])),
        "[a-c]".prop_map(|name| PathElement::Value(name.into())),
        (0..2_i64).prop_map(|number| PathElement::Value(number.into())),
        (0..3_i64).prop_map(PathElement::Index),
    ]
}

fn paths() -> impl Strategy<Value = BTreeSet<Path>> {
    prop::collection::btree_set(prop::collection::vec(element(), 1..4), 0..12)
}

fn set_of(paths: &BTreeSet<Path>) -> FieldSet {
    let mut set = FieldSet::default();
    for path in paths {
        let below = |part, element: &PathElement| {
            let mut below = FieldSet::default();
            below.insert(element.clone(), part);
            Part { member: false, below }
        };
        let whole = path.iter().rev().fold(Part::leaf(), below);
        set.unite(whole.below);
    }
    set
}

proptest! {
    #[test]
    fn a_set_is_what_a_set_of_paths_is(left in paths(), right in paths()) {
        let (ours, theirs) = (set_of(&left), set_of(&right));
        let combine = |operation: fn(&mut FieldSet, &FieldSet)| {
            let mut set = ours.clone();
            operation(&mut set, &theirs);
            set
        };
        let set_of_all = |paths: Vec<&Path>| set_of(&paths.into_iter().cloned().collect());
        prop_assert_eq!(
            combine(|set, other| set.unite(other.clone())),
            set_of_all(left.union(&right).collect())
        );
        prop_assert_eq!(combine(FieldSet::subtract), set_of_all(left.difference(&right).collect()));
        prop_assert_eq!(
            combine(FieldSet::intersect),
            set_of_all(left.intersection(&right).collect())
        );
        prop_assert_eq!(ours.paths().len(), left.len());
        prop_assert_eq!(ours.is_empty(), left.is_empty());
    }

    #[test]
    fn a_set_is_read_as_it_was_written(paths in paths()) {
        let set = set_of(&paths);
        prop_assert_eq!(v1::read(&Value::Object(v1::write(&set))), Some(set));
    }

    #[test]
    fn no_text_makes_reading_fail_badly(text in "[fkvix]?:?[\\[{\"}\\]0-9a-z:,.-]{0,12}") {
        let _ = v1::read(&json!({ &text: { &text: {} } }));
    }
}

#[test]
fn parity_a_set_is_read_as_kubernetes_reads_it() {
    let paths = |fields: Value| v1::read(&fields).map(|set| set.paths());
    let some = |paths: &[&str]| Some(paths.iter().map(|path| (*path).to_owned()).collect());
    for (fields, expected) in [
        (json!({}), some(&[])),
        (json!(null), some(&[])),
        (json!({ ".": {} }), some(&[])),
        (json!({ "f:a": {} }), some(&[".a"])),
        (json!({ "f:a": null }), some(&[".a"])),
        (json!({ "f:a": { ".": {} } }), some(&[".a"])),
        (json!({ "f:a": { "f:b": {} } }), some(&[".a.b"])),
        (json!({ "f:a": { ".": {}, "f:b": {} } }), some(&[".a", ".a.b"])),
        (json!({ "x:later": { "f:b": {} }, "f:a": {} }), some(&[".a"])),
        (
            json!({ "i:1": {}, "v:1": {}, "k:{\"a\":1}": {}, "f:z": {} }),
            some(&[".z", "[a=1]", "[=1]", "[1]"]),
        ),
        (json!({ "a": {} }), None),
        (json!({ "f:a": 1 }), None),
        (json!([]), None),
        (json!("f:a"), None),
    ] {
        assert_eq!(paths(fields.clone()), expected, "{fields}");
    }
}
