//! What holds for every document, however wrong: decoding, checking, pruning and defaulting come to
//! an end without panic, and doing them again changes nothing.

use ferry_api::{Decoded, Kind, Problem, decode, manifest};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngSeed};
use serde_json::{Map, Value, json};

use crate::common::{documents, encode};
use crate::round_trip::MANIFESTS;

/// The same cases in every run.
fn config(cases: u32) -> Config {
    Config { rng_seed: RngSeed::Fixed(20), failure_persistence: None, ..Config::with_cases(cases) }
}

/// Names and texts that mean something somewhere, so that arbitrary documents get past the door.
const WORDS: [&str; 36] = [
    "",
    "a",
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "labels",
    "annotations",
    "spec",
    "status",
    "template",
    "domain",
    "memory",
    "guest",
    "resources",
    "requests",
    "volumes",
    "conditions",
    "type",
    "phase",
    "Running",
    "selectors",
    "namespaceSelector",
    "vmiName",
    "liveMigrationConfig",
    "configuration",
    "migrations",
    "bandwidthPerMigration",
    "64Mi",
    "-1",
    "2026-11-23T08:15:00Z",
    "creationTimestamp",
    "managedFields",
    "capacity",
    "data",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![3 => select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-3..200_i64).prop_map(Value::from),
        // serde_json reads numbers of more digits than these to within the last digit.
        any::<i32>().prop_map(|thousandths| Value::from(f64::from(thousandths) / 1000.0)),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, |inner| {
        let fields = vec((texts(), inner.clone()), 0..5)
            .prop_map(|fields| Value::Object(fields.into_iter().collect()));
        prop_oneof![vec(inner, 0..4).prop_map(Value::Array), fields]
    })
}

fn kinds() -> impl Strategy<Value = (Kind, &'static str)> {
    let all: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|kind| kind.definition().versions.iter().map(move |version| (kind, version.name)))
        .collect();
    select(all)
}

/// A change to one place of a document.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Rename(String),
    Insert(String, Value),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => values().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => texts().prop_map(Change::Rename),
        1 => (texts(), values()).prop_map(|(name, value)| Change::Insert(name, value)),
    ]
}

/// The paths of all values within `value`.
fn pointers(value: &Value) -> Vec<String> {
    fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut visit = |name: &str, value: &Value| {
            let pointer = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            found.push(pointer.clone());
            collect(value, &pointer, found);
        };
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| visit(name, value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| visit(&index.to_string(), item));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

fn change(document: &mut Value, place: Index, change: Change) {
    let pointers = pointers(document);
    if pointers.is_empty() {
        return;
    }
    let pointer = place.get(&pointers);
    let (parent, name) = pointer.rsplit_once('/').expect("a path starts with a slash");
    let name = name.replace("~1", "/").replace("~0", "~");
    match (change, document.pointer_mut(parent)) {
        (Change::Replace(value), _) => {
            if let Some(old) = document.pointer_mut(pointer) {
                *old = value;
            }
        }
        (Change::Insert(name, value), _) => {
            if let Some(Value::Object(fields)) = document.pointer_mut(pointer) {
                fields.insert(name, value);
            }
        }
        (Change::Remove, Some(Value::Object(fields))) => {
            fields.remove(&name);
        }
        (Change::Remove, Some(Value::Array(items))) => {
            items.pop();
        }
        (Change::Rename(other), Some(Value::Object(fields))) => {
            if let Some(value) = fields.remove(&name) {
                fields.insert(other, value);
            }
        }
        (Change::Remove | Change::Rename(_), _) => {}
    }
}

/// A document of a manifest of ours, with a few changes.
fn almost_right() -> impl Strategy<Value = Map<String, Value>> {
    let valid: Vec<Map<String, Value>> = MANIFESTS
        .iter()
        .flat_map(|(_, text)| documents(text))
        .map(|document| document.value)
        .collect();
    (select(valid), vec((any::<Index>(), changes()), 0..4)).prop_map(|(valid, all)| {
        let mut changed = Value::Object(valid.clone());
        for (place, one) in all {
            change(&mut changed, place, one);
        }
        let Value::Object(mut changed) = changed else { return valid };
        for name in ["apiVersion", "kind"] {
            changed.insert(name.to_owned(), valid[name].clone());
        }
        changed
    })
}

/// Whatever decodes is written in a form that decodes to the same again; whatever does not, says
/// why.
fn decodes_or_says_why(document: &Map<String, Value>) {
    let object = match decode(document) {
        Ok(Decoded::Known { object, .. }) => object,
        Ok(Decoded::Foreign { .. }) => return,
        Err(errors) => {
            assert!(!errors.is_empty());
            assert!(errors.iter().all(|error| !error.path.to_string().is_empty()));
            assert!(errors.iter().all(|error| !error.problem.to_string().is_empty()));
            return;
        }
    };
    // Not the object itself: a time keeps its fraction in memory and loses it on the wire.
    let written = encode(&object);
    assert_eq!(encode(&crate::common::object(&written)), written);
}

/// The schema's operations on any value at all.
fn schema_holds(kind: Kind, version: &str, value: &Value) {
    let schema = kind.schema(version).expect("a version that is served");
    schema.check(value);

    let mut pruned = value.clone();
    schema.prune(&mut pruned);
    let once = pruned.clone();
    schema.prune(&mut pruned);
    assert_eq!(pruned, once, "pruning twice");
    let unknown = |problem: &Problem| matches!(problem, Problem::Unknown { .. });
    assert!(!schema.check(&pruned).iter().any(|error| unknown(&error.problem)));

    let mut defaulted = value.clone();
    schema.apply_defaults(&mut defaulted);
    let once = defaulted.clone();
    schema.apply_defaults(&mut defaulted);
    assert_eq!(defaulted, once, "defaulting twice");
    assert!(
        schema.check(&defaulted).len() <= schema.check(value).len(),
        "defaults made it worse: {defaulted}"
    );
}

proptest! {
    #![proptest_config(config(1500))]

    #[test]
    fn an_arbitrary_document_decodes_or_says_why((kind, version) in kinds(), value in values()) {
        let Value::Object(mut document) = value else { return Ok(()) };
        document.insert("kind".to_owned(), json!(kind.definition().kind));
        document.insert("apiVersion".to_owned(), json!(kind.definition().api_version(version)));
        decodes_or_says_why(&document);
        schema_holds(kind, version, &Value::Object(document));
    }

    #[test]
    fn an_almost_right_document_decodes_or_says_why(document in almost_right()) {
        decodes_or_says_why(&document);
        let (group, version) = {
            let api_version = document["apiVersion"].as_str().unwrap();
            api_version.rsplit_once('/').unwrap_or(("", api_version))
        };
        let kind = Kind::find(group, document["kind"].as_str().unwrap()).unwrap();
        schema_holds(kind, version, &Value::Object(document.clone()));
    }

    #[test]
    fn a_schema_takes_any_value((kind, version) in kinds(), value in values()) {
        schema_holds(kind, version, &value);
    }

    #[test]
    fn any_json_is_a_document_or_nothing_at_all(value in values()) {
        if let Value::Object(document) = value {
            decodes_or_says_why(&document);
        }
    }
}

/// Pieces of YAML and JSON that, put together, are sometimes a manifest.
const PIECES: [&str; 32] = [
    "a",
    "b: ",
    ": ",
    "- ",
    "? ",
    "\n",
    "\n  ",
    "\n    ",
    "---\n",
    "...\n",
    "# c",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    "|\n",
    ">-\n",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "!",
    "%YAML 1.2",
    "\t",
    "\r\n",
    "\u{feff}",
    "kind: List\nitems:",
    "5",
    "é",
];

proptest! {
    #![proptest_config(config(2000))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        let _ = manifest::read(&text);
    }

    #[test]
    fn any_pieces_of_a_manifest_are_read_or_refused(pieces in vec(select(&PIECES[..]), 0..30)) {
        if let Err(error) = manifest::read(&pieces.concat()) {
            prop_assert!(!error.message.is_empty());
            prop_assert!(error.place.document > 0);
        }
    }

    #[test]
    fn json_reads_back_as_itself(value in values()) {
        let Value::Object(document) = value else { return Ok(()) };
        let text = json!(document).to_string();
        let read = manifest::read(&text).unwrap();
        // Lists are taken apart, and `5.0` is read as 5.
        let again = json!(read[0].value).to_string();
        prop_assert_eq!(manifest::read(&again).unwrap()[0].value.clone(), read[0].value.clone());
    }
}
