//! Texts of manifests: YAML as kubectl reads it, JSON, and lists.
//!
//! The scalars were compared with `kubectl label --local -f - -o json`, which needs no server.

use expect_test::expect;
use ferry_api::manifest;
use serde_json::{Value, json};

use crate::common::{check_read, read};

#[test]
fn a_text_holds_any_number_of_documents() {
    check_read("", &expect![[""]]);
    check_read("# nothing\n---\n\n--- # nothing either\n", &expect![[""]]);
    check_read(
        "---\na: 1\n---\n# between\n---\n~\n---\nb: 2\n...\n---\nc: 3\n",
        &expect![[r#"
        document 1: {"a":1}
        document 2: {"b":2}
        document 3: {"c":3}
    "#]],
    );
    check_read(
        "{\"a\": 1}\n{\"b\": 2} {\"c\":\n3}",
        &expect![[r#"
        document 1: {"a":1}
        document 2: {"b":2}
        document 3: {"c":3}
    "#]],
    );
}

#[test]
fn a_mapping_in_braces_is_yaml_unless_its_first_key_is_in_quotes() {
    check_read(
        "{kind: A, spec: {a: b}}\n---\n{kind: B}\n",
        &expect![[r#"
        document 1: {"kind":"A","spec":{"a":"b"}}
        document 2: {"kind":"B"}
    "#]],
    );
    check_read(
        " {\n} {\"a\": 1}",
        &expect![[r#"
        document 1: {}
        document 2: {"a":1}
    "#]],
    );
}

#[test]
fn editors_of_other_systems_leave_no_trace() {
    assert_eq!(read("\u{feff}a: 1\nb: |\n  x\n  y\n"), read("a: 1\r\nb: |\r\n  x\r\n  y\r\n"));
    assert_eq!(read("\u{feff}{\"a\": 1}"), read("a: 1"));
    assert_eq!(read("a:\t1\t\n"), read("a: 1\n"));
}

#[test]
fn lists_are_taken_apart() {
    check_read(
        "kind: List\napiVersion: v1\nitems:\n- {kind: A}\n- {kind: B}\n---\nkind: C\n",
        &expect![[r#"
            document 1, item 1: {"kind":"A"}
            document 1, item 2: {"kind":"B"}
            document 2: {"kind":"C"}
        "#]],
    );
    check_read("kind: List\napiVersion: v1\n", &expect![[""]]);
    check_read("kind: List\nitems:\n", &expect![[""]]);
}

#[test]
fn parity_items_of_a_typed_list_have_its_type() {
    check_read(
        "kind: VirtualMachineList\napiVersion: kubevirt.io/v1\nmetadata: {resourceVersion: '7'}\n\
         items:\n- metadata: {name: a}\n- kind: VirtualMachine\n  metadata: {name: b}\n",
        &expect![[r#"
            document 1, item 1: {"apiVersion":"kubevirt.io/v1","kind":"VirtualMachine","metadata":{"name":"a"}}
            document 1, item 2: {"kind":"VirtualMachine","metadata":{"name":"b"}}
        "#]],
    );
    check_read(
        "kind: List\napiVersion: v1\nitems: [{metadata: {name: a}}]\n",
        &expect![[r#"
        document 1, item 1: {"metadata":{"name":"a"}}
    "#]],
    );
}

#[test]
fn a_kind_whose_name_ends_in_list_is_no_list() {
    check_read(
        "kind: AllowList\napiVersion: example.com/v1\nspec: {}\n",
        &expect![[r#"
        document 1: {"apiVersion":"example.com/v1","kind":"AllowList","spec":{}}
    "#]],
    );
}

#[test]
fn scalars_are_what_kubectl_makes_of_them() {
    for (written, read) in [
        ("yes", json!(true)),
        ("Off", json!(false)),
        ("y", json!(true)),
        ("'yes'", json!("yes")),
        ("!!str yes", json!("yes")),
        ("~", json!(null)),
        ("NULL", json!(null)),
        ("", json!(null)),
        ("5.0", json!(5)),
        ("-0.0", json!(0)),
        ("+5", json!(5)),
        ("1e3", json!(1000)),
        (".5", json!(0.5)),
        ("1_000", json!(1000)),
        ("0644", json!(0o644)),
        ("0o644", json!(0o644)),
        ("08", json!(8)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("9223372036854775807", json!(i64::MAX)),
        ("1.5e300", json!(1.5e300)),
        ("123456789012345678901234567890", json!(1.234_567_890_123_456_8e29)),
        ("2001-01-01", json!("2001-01-01")),
        ("2001-01-01T00:00:00Z", json!("2001-01-01T00:00:00Z")),
        ("1:30", json!("1:30")),
        ("=", json!("=")),
        ("0644x", json!("0644x")),
    ] {
        let document = manifest::read(&format!("a: {written}\n")).unwrap().remove(0);
        assert_eq!(document.value["a"], read, "{written}");
    }
}

#[test]
fn whole_numbers_stay_exact_where_kubectl_rounds() {
    for text in ["a: 18446744073709551615", "{\"a\": 18446744073709551615}"] {
        assert_eq!(manifest::read(text).unwrap()[0].value["a"], json!(u64::MAX));
    }
}

#[test]
fn keys_stay_the_texts_that_were_written() {
    // kubectl would make `true` of `y`, and of `on`.
    check_read(
        "y: 1\non: 2\n5: 3\n1.50: 4\n'': 5\n",
        &expect![[r#"
        document 1: {"":5,"1.50":4,"5":3,"on":2,"y":1}
    "#]],
    );
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    check_read(
        "a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\n",
        &expect![[r#"
        document 1: {"a":{"p":1,"q":2},"b":{"p":1,"q":2},"c":{"p":1,"q":3}}
    "#]],
    );
    check_read(
        "a: &x {p: 1}\nb: &y {q: 2, p: 5}\nc:\n  <<: [*x, *y]\n",
        &expect![[r#"
        document 1: {"a":{"p":1},"b":{"p":5,"q":2},"c":{"p":1,"q":2}}
    "#]],
    );
    check_read(
        "a: *x\n",
        &expect![[r#"
            error in document 1: this alias has no anchor before it at line 1, column 4
        "#]],
    );
    // Anchors end with their document.
    check_read(
        "a: &x 1\n---\nb: *x\n",
        &expect![[r#"
            error in document 2: this alias has no anchor before it at line 3, column 4
        "#]],
    );
}

#[test]
fn one_anchor_may_serve_many() {
    let machines = "- <<: *machine\n".repeat(1000);
    let text = format!("kind: List\nmachine: &machine {{kind: A}}\nitems:\n{machines}");
    assert_eq!(manifest::read(&text).unwrap().len(), 1000);
}

#[test]
fn a_large_dump_is_read() {
    let item = "- {kind: Pod, apiVersion: v1, metadata: {name: a, labels: {a: b, c: d}}}\n";
    let text = format!("kind: List\napiVersion: v1\nitems:\n{}", item.repeat(20_000));
    let documents = manifest::read(&text).unwrap();
    assert_eq!(documents.len(), 20_000);
    assert_eq!(documents[19_999].place.to_string(), "document 1, item 20000");
    assert_eq!(documents[19_999].value["metadata"]["labels"]["c"], Value::from("d"));
}
