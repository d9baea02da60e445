//! What holds for any object, configuration and manager.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    World, anything, atomic, keyed, list, map, number, object, open_object, root, set, string,
};
use crate::fields::compare::{Comparison, all_of, compare};
use crate::fields::form::Form;
use crate::fields::mention::mentioned;
use crate::fields::merge::merge;
use crate::request::OnConflict;
use ferry_api::Schema;

fn schema() -> Schema {
    let item = object([("name", string()), ("value", number()), ("tags", set(string()))]);
    root([
        ("scalar", number()),
        ("labels", map(string())),
        ("set", set(string())),
        ("items", keyed(["name"], item)),
        ("list", list(string())),
        ("blob", atomic(anything())),
        ("open", open_object([("known", number())])),
    ])
}

fn distinct(letters: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<String>> {
    letters.prop_map(|letters| {
        let mut seen: Vec<String> = Vec::new();
        for letter in letters.chars().map(String::from) {
            if !seen.contains(&letter) {
                seen.push(letter);
            }
        }
        seen
    })
}

fn free() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(null)), (0..3).prop_map(Value::from), Just(json!([1]))];
    leaf.prop_recursive(2, 6, 2, |inner| {
        prop::collection::btree_map("[a-b]", inner, 0..2)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()))
    })
}

fn item() -> impl Strategy<Value = Value> {
    ((0..3), prop::option::of(distinct("[a-c]{0,3}"))).prop_map(|(value, tags)| {
        let mut item = json!({ "value": value });
        if let Some(tags) = tags {
            item["tags"] = json!(tags);
        }
        item
    })
}

/// Any content that fits the schema.
fn content() -> impl Strategy<Value = Value> {
    let items =
        (distinct("[a-d]{0,4}"), prop::collection::vec(item(), 4)).prop_map(|(names, items)| {
            let named = names.into_iter().zip(items).map(|(name, mut item)| {
                item["name"] = json!(name);
                item
            });
            named.collect::<Vec<Value>>()
        });
    let fields: Vec<BoxedStrategy<Option<(String, Value)>>> = vec![
        field("scalar", (0..3).prop_map(Value::from)),
        field("labels", prop::collection::btree_map("[a-c]", "[x-y]", 0..3).prop_map(|l| json!(l))),
        field("set", distinct("[a-d]{0,4}").prop_map(|set| json!(set))),
        field("items", items.prop_map(Value::Array)),
        field("list", prop::collection::vec("[a-b]", 0..3).prop_map(|list| json!(list))),
        field("blob", free()),
        field(
            "open",
            prop::collection::btree_map("[a-b]", free(), 0..3).prop_map(|open| json!(open)),
        ),
    ];
    fields.prop_map(|fields| Value::Object(fields.into_iter().flatten().collect()))
}

fn field(
    name: &'static str,
    value: impl Strategy<Value = Value> + 'static,
) -> BoxedStrategy<Option<(String, Value)>> {
    prop::option::of(value.prop_map(move |value| (name.to_owned(), value))).boxed()
}

fn fields(content: &Value) -> &Map<String, Value> {
    content.as_object().unwrap()
}

/// The items of keyed lists and sets sorted: two histories may leave them in another order.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), unordered(v))).collect(),
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn to_apply_the_same_again_changes_nothing(
        live in prop::option::of(content()),
        config in content(),
    ) {
        let mut world = World::new(&schema());
        if let Some(live) = live {
            world.update("updater", live);
        }
        prop_assert_eq!(world.apply("m", config.clone(), OnConflict::TakeOver), Ok(()));
        let once = world.object.clone();
        prop_assert_eq!(world.apply("m", config, OnConflict::Refuse), Ok(()));
        prop_assert_eq!(&world.object, &once, "not even a time");
    }

    #[test]
    fn what_is_applied_is_there_and_belongs_to_who_applied_it(
        live in content(),
        first in content(),
        config in content(),
    ) {
        let schema = schema();
        let mut world = World::new(&schema);
        world.update("updater", live);
        prop_assert_eq!(world.apply("m", first, OnConflict::TakeOver), Ok(()));
        prop_assert_eq!(world.apply("m", config.clone(), OnConflict::TakeOver), Ok(()));
        let mut merged = world.object.clone().unwrap();
        let before = merged.clone();
        merge(Form::Known(&schema), &mut merged, fields(&config));
        prop_assert_eq!(merged, before, "applying has nothing left to merge");
        let mut expected = mentioned(Form::Known(&schema), fields(&config)).paths();
        expected.sort();
        prop_assert_eq!(world.owners().remove("m").unwrap_or_default(), expected);
    }

    #[test]
    fn the_only_manager_gets_exactly_what_it_wants(first in content(), second in content()) {
        let mut world = World::new(&schema());
        prop_assert_eq!(world.apply("m", first, OnConflict::Refuse), Ok(()));
        prop_assert_eq!(world.apply("m", second.clone(), OnConflict::Refuse), Ok(()));
        let mut fresh = World::new(&schema());
        prop_assert_eq!(fresh.apply("m", second, OnConflict::Refuse), Ok(()));
        prop_assert_eq!(unordered(&emptied(world.content())), unordered(&emptied(fresh.content())));
        prop_assert_eq!(world.owners(), fresh.owners());
    }

    #[test]
    fn who_comes_first_does_not_matter_where_nobody_disagrees(
        one in content(),
        two in content(),
    ) {
        let apply = |order: [(&str, &Value); 2]| {
            let mut world = World::new(&schema());
            for (manager, config) in order {
                world.apply(manager, config.clone(), OnConflict::Refuse).ok()?;
            }
            Some((unordered(&emptied(world.content())), world.owners()))
        };
        let forth = apply([("one", &one), ("two", &two)]);
        let back = apply([("two", &two), ("one", &one)]);
        if let (Some(forth), Some(back)) = (forth, back) {
            prop_assert_eq!(forth, back);
        }
    }

    #[test]
    fn to_want_nothing_any_more_gives_back_what_was_there(live in content(), config in content()) {
        let mut world = World::new(&schema());
        world.update("updater", live);
        let before = world.object.clone().unwrap();
        if world.apply("m", config, OnConflict::Refuse).is_ok() {
            prop_assert_eq!(world.apply("m", json!({}), OnConflict::Refuse), Ok(()));
            let owners = world.owners();
            prop_assert!(!owners.contains_key("m"));
            let mut before = before;
            before.remove("metadata");
            prop_assert_eq!(
                unordered(&emptied(world.content())),
                unordered(&emptied(Value::Object(before)))
            );
        }
    }

    #[test]
    fn a_comparison_tells_two_objects_apart(left in content(), right in content()) {
        let schema = schema();
        let form = Form::Known(&schema);
        let none = Comparison::default();
        prop_assert_eq!(compare(form, fields(&left), fields(&left)), none);
        let forth = compare(form, fields(&left), fields(&right));
        let back = compare(form, fields(&right), fields(&left));
        prop_assert_eq!(&forth.added, &back.removed);
        prop_assert_eq!(&forth.removed, &back.added);
        prop_assert_eq!(&forth.modified, &back.modified);
        let created = compare(form, &Map::new(), fields(&right));
        prop_assert_eq!(created.added, all_of(form, fields(&right)));
    }
}

/// Maps and lists that are empty or null, left out: a container is not owned apart from what is in
/// it by everybody alike.
fn emptied(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().map(|(name, value)| (name, emptied(value)));
            Value::Object(kept.filter(|(_, value)| !is_void(value)).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(emptied).collect()),
        other => other,
    }
}

fn is_void(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
