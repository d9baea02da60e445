//! What selectors say, whom they select, and what is refused, as tables.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;

use super::{Operator, Requirement, RequirementError, Selector};

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// `a=1 b` is a label `a` of value `1` and an empty label `b`.
fn labels(pairs: &str) -> BTreeMap<String, String> {
    let pairs = pairs.split_whitespace().map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn refusal(text: &str) -> String {
    Selector::parse(text).expect_err(text).to_string()
}

#[test]
fn a_selector_prints_as_canonical_text() {
    for (written, printed) in [
        ("", ""),
        (" \t\r\n", ""),
        ("a", "a"),
        ("!a", "!a"),
        (" ! a ", "!a"),
        ("a=b", "a=b"),
        ("a==b", "a=b"),
        ("a != b", "a!=b"),
        ("a=", "a="),
        ("a=,b", "a=,b"),
        ("a!=", "a!="),
        ("b=2,a=1", "a=1,b=2"),
        ("x,a!=1,x=2,a", "a!=1,a,x,x=2"),
        ("a in (c,b,c)", "a in (b,c)"),
        ("a in(b)", "a in (b)"),
        ("a notin\t( b , c )", "a notin (b,c)"),
        ("a in ()", "a in ()"),
        ("a in (,)", "a in ()"),
        ("a in (,b)", "a in (,b)"),
        ("a in (b,)", "a in (,b)"),
        ("a in (b,,c)", "a in (,b,c)"),
        ("a in (b,,)", "a in (,b)"),
        ("n>007", "n>7"),
        ("n < 2", "n<2"),
        ("n>9223372036854775807", "n>9223372036854775807"),
        ("in in (in,notin)", "in in (in,notin)"),
        ("notin", "notin"),
        ("a=in", "a=in"),
        ("kubevirt.io/nodeName=node-1", "kubevirt.io/nodeName=node-1"),
    ] {
        assert_eq!(selector(written).to_string(), printed, "{written}");
        assert_eq!(selector(printed), selector(written), "{written}");
        assert_eq!(written.parse(), Ok(selector(written)));
    }
}

#[test]
fn a_selector_selects_by_the_labels_of_an_object() {
    for (text, selected, others) in [
        ("", &["", "a", "a=1"][..], &[][..]),
        ("a=1", &["a=1", "a=1 b"], &["", "a", "a=2", "b=1"]),
        ("a=", &["a"], &["", "a=1"]),
        ("a!=1", &["", "a", "a=2", "b=1"], &["a=1"]),
        ("a!=", &["", "a=1"], &["a"]),
        ("a", &["a", "a=1"], &["", "b=a"]),
        ("!a", &["", "b"], &["a", "a=1"]),
        ("a in (1,2)", &["a=1", "a=2"], &["", "a", "a=3", "a=1,2"]),
        ("a notin (1,2)", &["", "a", "a=3"], &["a=1", "a=2"]),
        ("a in ()", &["a"], &["", "a=1"]),
        ("a in (,1)", &["a", "a=1"], &["", "a=2"]),
        ("a notin ()", &["", "a=1"], &["a"]),
        ("n>2", &["n=3", "n=10", "n=+3", "n=003"], &["", "n", "n=2", "n=-3", "n=x", "n=2.5"]),
        ("n<2", &["n=1", "n=-5"], &["", "n", "n=2", "n=x"]),
        ("n>2,n<5", &["n=3", "n=4"], &["n=2", "n=5", ""]),
        ("a,!b,c=1", &["a c=1"], &["a b c=1", "a c=2", "c=1", "a"]),
        // Beyond 64 bits, a label is no number.
        ("n>2", &["n=9223372036854775807"], &["n=9223372036854775808", "n=99999999999999999999"]),
        ("n<2", &["n=-9223372036854775808"], &["n=-9223372036854775809"]),
    ] {
        for object in selected {
            assert!(selector(text).matches(&labels(object)), "{text} selects {object:?}");
        }
        for object in others {
            assert!(!selector(text).matches(&labels(object)), "{text} does not select {object:?}");
        }
    }
}

#[test]
fn a_text_that_goes_wrong_is_refused_where_it_does() {
    for (text, message) in [
        (",", "found ',', expected: !, identifier, or 'end of string'"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("a=b,=c", "found '=', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a in (b) c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("!!a", "unable to parse requirement: found '!', expected: identifier"),
        ("!,a", "unable to parse requirement: found ',', expected: identifier"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a !b", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a)", "unable to parse requirement: found ')', expected: in, notin, =, ==, !=, gt, lt"),
        ("a===b", "unable to parse requirement: found '=', expected: identifier"),
        ("a=(b)", "unable to parse requirement: found '(', expected: identifier"),
        ("a=!", "unable to parse requirement: found '!', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b', expected: '('"),
        ("a in", "unable to parse requirement: found '', expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in ((b))", "unable to parse requirement: found '(', expected: ',', ')' or identifier"),
    ] {
        assert_eq!(refusal(text), message, "{text}");
    }
}

#[test]
fn keys_and_values_that_no_label_has_are_refused() {
    for (text, start) in [
        (
            "a.=1",
            r#"unable to parse requirement: key: Invalid value: "a.": name part must consist"#,
        ),
        ("'a'=1", r#"unable to parse requirement: key: Invalid value: "'a'": name part must"#),
        ("a/b/c", r#"unable to parse requirement: key: Invalid value: "a/b/c": a valid label key"#),
        ("A.B/c", r#"unable to parse requirement: key: Invalid value: "A.B/c": prefix part a low"#),
        ("a\0", r#"unable to parse requirement: key: Invalid value: "a\0": name part must"#),
        ("a=\"b\"", r#"unable to parse requirement: values[0]: Invalid value: "\"b\"": a valid"#),
        ("a=-b", r#"unable to parse requirement: values[0]: Invalid value: "-b": a valid label"#),
        ("a in (b,c_)", r#"unable to parse requirement: values[1]: Invalid value: "c_": a valid"#),
        ("a!=é", r#"unable to parse requirement: values[0]: Invalid value: "é": a valid label"#),
        ("n>+2", r#"unable to parse requirement: values[0]: Invalid value: "+2": a valid label"#),
        ("n>-2", r#"unable to parse requirement: values[0]: Invalid value: "-2": a valid label"#),
    ] {
        assert!(refusal(text).starts_with(start), "{text}: {}", refusal(text));
    }
    // A bad key is reported before what follows it.
    assert!(refusal("-a b c").contains("Invalid value: \"-a\""));
    let long = "a".repeat(64);
    assert_eq!(
        refusal(&format!("a={long}")),
        format!(
            "unable to parse requirement: values[0]: Invalid value: \"{long}\": \
             must be no more than 63 bytes"
        )
    );
}

#[test]
fn a_number_to_compare_with_is_a_64_bit_integer() {
    for value in ["", "x", "1.5", "0x1", "9223372036854775808", "1_000"] {
        assert_eq!(
            refusal(&format!("n>{value}")),
            format!(
                "unable to parse requirement: values[0]: Invalid value: \"{value}\": \
                 for 'Gt', 'Lt' operators, the value must be an integer"
            )
        );
    }
}

#[test]
fn a_requirement_holds_only_what_its_text_could_say() {
    let empty = Requirement::new("a".to_owned(), Operator::In([].into()));
    assert_eq!(empty, Err(RequirementError::NoValues));
    let negative = Requirement::new("a".to_owned(), Operator::LessThan(-1));
    assert!(matches!(negative, Err(RequirementError::Value { index: 0, .. })));
    let requirement = Requirement::new("a".to_owned(), Operator::GreaterThan(1)).unwrap();
    assert_eq!((requirement.key(), requirement.operator()), ("a", &Operator::GreaterThan(1)));
    assert!(requirement.matches(&labels("a=2")));
    assert_eq!(Selector::from_iter([requirement.clone()]).requirements(), [requirement]);
}

#[test]
fn a_plain_map_demands_each_of_its_labels() {
    let all = Selector::from_labels(&labels("b=2 a=1 c")).unwrap();
    assert_eq!(all, selector("a=1,b=2,c="));
    assert!(Selector::from_labels(&BTreeMap::new()).unwrap().is_empty());
    let refused = Selector::from_labels(&labels("a=-")).unwrap_err().to_string();
    assert!(refused.starts_with("matchLabels: values[0]: Invalid value: \"-\": a valid"));
}

fn label_selector(json: serde_json::Value) -> LabelSelector {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_label_selector_demands_its_labels_and_its_expressions() {
    for (json, text) in [
        (json!({}), ""),
        (json!({ "matchLabels": { "b": "1", "a": "" } }), "a=,b=1"),
        (
            json!({
                "matchLabels": { "m": "1" },
                "matchExpressions": [
                    { "key": "z", "operator": "In", "values": ["2", "1", "2"] },
                    { "key": "y", "operator": "NotIn", "values": [""] },
                    { "key": "m", "operator": "Exists" },
                    { "key": "a", "operator": "DoesNotExist", "values": [] },
                ],
            }),
            "!a,m=1,m,y notin (),z in (1,2)",
        ),
    ] {
        let read = Selector::try_from(&label_selector(json)).unwrap();
        assert_eq!(read.to_string(), text);
        assert_eq!(read, selector(text));
    }
}

#[test]
fn a_label_selector_that_makes_no_sense_is_refused_at_its_place() {
    let expressions = |expression| {
        json!({ "matchExpressions": [
        { "key": "fine", "operator": "Exists" }, expression,
    ] })
    };
    for (json, start) in [
        (
            expressions(json!({ "key": "a", "operator": "In" })),
            "matchExpressions[1].values: Required value: \
             must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            expressions(json!({ "key": "a", "operator": "NotIn", "values": [] })),
            "matchExpressions[1].values: Required value: \
             must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            expressions(json!({ "key": "a", "operator": "Exists", "values": ["x"] })),
            "matchExpressions[1].values: Forbidden: \
             may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            expressions(json!({ "key": "a", "operator": "Gt", "values": ["1"] })),
            "matchExpressions[1].operator: Invalid value: \"Gt\": not a valid selector operator",
        ),
        (
            expressions(json!({ "key": "a b", "operator": "Exists" })),
            "matchExpressions[1].key: Invalid value: \"a b\": name part must consist of",
        ),
        (
            expressions(json!({ "key": "a", "operator": "In", "values": ["b", "a c"] })),
            "matchExpressions[1].values[1]: Invalid value: \"a c\": a valid label must be",
        ),
        (
            json!({ "matchLabels": { "": "x" } }),
            "matchLabels: key: Invalid value: \"\": name part must be non-empty; name part must",
        ),
    ] {
        let message = Selector::try_from(&label_selector(json)).unwrap_err().to_string();
        assert!(message.starts_with(start), "{message}");
    }
}
