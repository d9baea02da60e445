//! Texts that are no manifests, and attacks in the form of one: refused, with their place.

use expect_test::expect;
use ferry_api::manifest;

use crate::common::{check_read, read, text as lines};

#[test]
fn what_is_no_object_is_refused() {
    for (text, found) in [
        ("hello", "a text"),
        ("5", "a number"),
        ("yes", "true or false"),
        ("- a", "a list"),
        ("[]", "a list"),
    ] {
        let expected =
            format!("error in document 1: a Kubernetes object is a mapping, this is {found}\n");
        assert_eq!(read(text), expected, "{text}");
    }
    check_read(
        "a: 1\n---\n[{kind: A}]\n",
        &expect![[r#"
        error in document 2: a Kubernetes object is a mapping, this is a list
    "#]],
    );
    check_read(
        "kind: List\nitems:\n- {kind: A}\n-\n",
        &expect![[r#"
        error in document 1, item 2: a Kubernetes object is a mapping, this is nothing
    "#]],
    );
    check_read(
        "a: 1\n---\nkind: PodList\nitems: none\n",
        &expect![[r#"
        error in document 2: items must be a list, this is a text
    "#]],
    );
    check_read(
        "kind: List\nitems: [{kind: A}, {kind: List, items: [{kind: B}]}]\n",
        &expect![[r#"
        error in document 1, item 2: a list cannot hold a list; put its items into the outer one
    "#]],
    );
}

#[test]
fn numbers_that_json_does_not_have_are_refused() {
    check_read(
        "a: .inf\n",
        &expect![[r#"
            error in document 1: inf is no number in JSON (a text needs quotes) at line 1, column 4
        "#]],
    );
    check_read(
        "a: -.inf\n",
        &expect![[r#"
            error in document 1: -inf is no number in JSON (a text needs quotes) at line 1, column 4
        "#]],
    );
    check_read(
        "a: .nan\n",
        &expect![[r#"
            error in document 1: NaN is no number in JSON (a text needs quotes) at line 1, column 4
        "#]],
    );
    // A commit that looks like a number.
    check_read(
        "a: 12e4567\n",
        &expect![[r#"
            error in document 1: inf is no number in JSON (a text needs quotes) at line 1, column 4
        "#]],
    );
    check_read(
        "{\"a\": 12e4567}",
        &expect![[r#"
        error in document 1: number out of range at line 1 column 13
    "#]],
    );
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    check_read(
        "a: 1\nb: 2\na: 3\n",
        &expect![[r#"
        error in document 1: the key "a" stands here twice at line 3, column 1
    "#]],
    );
    check_read(
        "a: {b: 1, 'b': 2}\n",
        &expect![[r#"
        error in document 1: the key "b" stands here twice at line 1, column 11
    "#]],
    );
    check_read(
        "{\"a\": {\"b\": 1, \"b\": 2}}",
        &expect![[r#"
        error in document 1: the key "b" stands here twice at line 1 column 22
    "#]],
    );
    check_read(
        "kind: List\nitems:\n- metadata:\n    name: a\n    name: b\n",
        &expect![[r#"
        error in document 1: the key "name" stands here twice at line 5, column 5
    "#]],
    );
}

#[test]
fn a_bomb_of_aliases_does_not_go_off() {
    let mut levels = vec!["a0: &a0 [boom]".to_owned()];
    for level in 1..20 {
        let ten = vec![format!("*a{}", level - 1); 10].join(", ");
        levels.push(format!("a{level}: &a{level} [{ten}]"));
    }
    check_read(
        &lines(&levels),
        &expect![[r#"
            error in document 1: aliases stand for more than 19968 values at line 1, column 10 (defined at line 4, column 9) (used at line 5, column 35)
        "#]],
    );
    check_read(
        "a: &a [*a]\n",
        &expect![[r#"
            error in document 1: an alias cannot stand within its own anchor at line 1, column 8
        "#]],
    );
}

#[test]
fn a_long_text_behind_an_anchor_is_not_said_again_without_end() {
    let uses = vec!["*a"; 2_000].join(", ");
    let text = format!("a: &a {}\nb: [{uses}]\n", "x".repeat(64 << 10));
    check_read(
        &text,
        &expect![[r#"
        error in document 1: its texts and what aliases make of them have more than 1636952 bytes (defined at line 1, column 7) (used at line 2, column 97)
    "#]],
    );
}

#[test]
fn a_template_may_serve_hundreds_of_machines() {
    let fields: Vec<_> = (0..50).map(|field| format!("    field{field}: {field}")).collect();
    let machines: Vec<_> =
        (0..500).map(|machine| format!("- name: machine-{machine}\n  spec: *t")).collect();
    let text = format!("template: &t\n{}\nitems:\n{}\n", lines(&fields), lines(&machines));
    let documents = ferry_api::manifest::read(&text).unwrap();
    assert_eq!(documents[0].value["items"][499]["spec"]["field49"], 49);
}

#[test]
fn nesting_has_an_end() {
    let deep = 10_000;
    let flow = format!("a: {}{}\n", "[".repeat(deep), "]".repeat(deep));
    check_read(
        &flow,
        &expect![[r#"
        error in document 1: recursion limit exceeded at line 1, column 259
    "#]],
    );
    let block: Vec<_> = (0..deep).map(|level| format!("{}a:", " ".repeat(level))).collect();
    check_read(
        &lines(&block),
        &expect![[r#"
        error in document 1: nested more than 60 deep at line 61, column 61
    "#]],
    );
    let compact = format!("{}a\n", "- ".repeat(deep));
    check_read(
        &compact,
        &expect![[r#"
        error in document 1: nested more than 60 deep at line 1, column 121
    "#]],
    );
    check_read(
        &format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)),
        &expect![[r#"
        error in document 1: nested more than 60 deep at line 1 column 301
    "#]],
    );
    check_read(
        &format!("{{\"a\":{}", "[".repeat(deep)),
        &expect![[r#"
        error in document 1: nested more than 60 deep at line 1 column 65
    "#]],
    );
}

#[test]
fn sixty_levels_fit_the_stack_of_a_thread() {
    let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(manifest::read(&nested(60)).is_ok());
    assert!(manifest::read(&format!("---\n{}", nested(60))).is_ok());
    assert!(manifest::read(&nested(61)).is_err());
    assert!(manifest::read(&format!("---\n{}", nested(61))).is_err());
}

#[test]
fn broken_texts_are_refused_with_their_place() {
    check_read(
        "a:\n\tb: 1\n",
        &expect![[r#"
        error in document 1: tabs disallowed within this context (block indentation) at line 2, column 2
    "#]],
    );
    check_read(
        "a: 1\n---\nb: [\n",
        &expect![[r#"
        error in document 2: unclosed bracket '[' at line 3, column 4
    "#]],
    );
    check_read(
        "a: b: c\n",
        &expect![[r#"
        error in document 1: mapping values are not allowed in this context at line 1, column 5
    "#]],
    );
    check_read(
        "a: 'b\n",
        &expect![[r#"
        error in document 1: unclosed quote at line 1, column 4
    "#]],
    );
    check_read(
        "{\"a\": 1,}",
        &expect![[r#"
        error in document 1: trailing comma at line 1 column 9
    "#]],
    );
    check_read(
        "{\"a\": 1",
        &expect![[r#"
        error in document 1: EOF while parsing an object at line 1 column 7
    "#]],
    );
    check_read(
        "{\"a\": 1}\n---\nb: 2\n",
        &expect![[r#"
        error in document 2: invalid number at line 2 column 2
    "#]],
    );
    check_read(
        "a: \u{0}\n",
        &expect![[r#"
        error in document 1: unexpected character: `\u{0}' at line 1, column 4
    "#]],
    );
}

#[test]
fn keys_that_are_no_texts_are_refused() {
    check_read(
        "name: {{ .Values.name }}\n",
        &expect![[r#"
        error in document 1: a key must be a text; a template such as {{ .Values.name }} is rendered first at line 1, column 8
    "#]],
    );
    check_read(
        "{{- if .Values.vm }}\nkind: VirtualMachine\n{{- end }}\n",
        &expect![[r#"
        error in document 1: "-" is only valid inside a block at line 1, column 3
    "#]],
    );
    check_read(
        "? [a, b]\n: c\n",
        &expect![[r#"
        error in document 1: a key must be a text; a template such as {{ .Values.name }} is rendered first at line 1, column 3
    "#]],
    );
    check_read(
        "~: 1\n",
        &expect![[r#"
        error in document 1: a key must be a text, this is empty at line 1, column 1
    "#]],
    );
}
