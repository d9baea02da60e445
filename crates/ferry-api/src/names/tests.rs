//! Messages as tables; the checks against the regular expressions that the messages quote.

use expect_test::{Expect, expect};

use super::pattern::matches;
use super::{DNS_1035_LABEL, DNS_LABEL, DNS_SUBDOMAIN, LABEL_NAME, LABEL_VALUE, NameRule};

fn check(rule: NameRule, name: &str, expected: &Expect) {
    let messages =
        rule.check(name).map_or_else(|error| error.messages().join("\n"), |()| String::new());
    expected.assert_eq(&messages);
}

#[test]
fn an_object_name_is_a_dns_subdomain() {
    for name in ["a", "0", "vm-1", "a.b", "1.2.3.4", "kubevirt-workload-update-abcde", "x--y"] {
        assert!(NameRule::DnsSubdomain.check(name).is_ok(), "{name}");
    }
    let mismatch = expect![[r"
        a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"]];
    for name in ["", "VM", "a_b", "-a", "a-", ".a", "a.", "a..b", "a.-b", "a b", "é", "a/b", "a\n"]
    {
        check(NameRule::DnsSubdomain, name, &mismatch);
    }
}

#[test]
fn a_namespace_name_is_a_dns_label() {
    for name in ["a", "kube-system", "0"] {
        assert!(NameRule::DnsLabel.check(name).is_ok(), "{name}");
    }
    check(NameRule::DnsLabel, "a.b", &expect!["must not contain dots"]);
    let mismatch = expect![[r"
        a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"]];
    for name in ["", "A", "a.b.", "-a", "a-", "_"] {
        check(NameRule::DnsLabel, name, &mismatch);
    }
}

#[test]
fn a_label_key_is_a_name_behind_an_optional_domain() {
    for key in ["a", "A_b.c-d", "kubevirt.io/nodeName", "a/0", "1.2/A"] {
        assert!(NameRule::LabelKey.check(key).is_ok(), "{key}");
    }
    check(
        NameRule::LabelKey,
        "",
        &expect![[r"
            name part must be non-empty
            name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"]],
    );
    check(NameRule::LabelKey, "/a", &expect!["prefix part must be non-empty"]);
    check(
        NameRule::LabelKey,
        "Example.com/_a",
        &expect![[r"
            prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')
            name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"]],
    );
    check(
        NameRule::LabelKey,
        "a/b/c",
        &expect![[r"
            a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]],
    );
}

#[test]
fn a_label_value_may_be_empty() {
    for value in ["", "a", "A.b_c-d", "0"] {
        assert!(NameRule::LabelValue.check(value).is_ok(), "{value}");
    }
    let mismatch = expect![[r"
        a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"]];
    for value in ["-", "a-", "_a", "a b", "a/b", "é"] {
        check(NameRule::LabelValue, value, &mismatch);
    }
}

#[test]
fn every_rule_has_a_longest_name_in_bytes() {
    let key = |prefix: usize, name: usize| format!("{}/{}", "a".repeat(prefix), "b".repeat(name));
    for (rule, longest, too_long, messages) in [
        (NameRule::DnsLabel, "a".repeat(63), "a".repeat(64), "must be no more than 63 bytes"),
        (
            NameRule::DnsSubdomain,
            "a".repeat(253),
            "a".repeat(254),
            "must be no more than 253 bytes",
        ),
        (NameRule::LabelValue, "a".repeat(63), "a".repeat(64), "must be no more than 63 bytes"),
        (
            NameRule::LabelKey,
            key(253, 63),
            key(254, 64),
            "prefix part must be no more than 253 bytes; name part must be no more than 63 bytes",
        ),
    ] {
        assert!(rule.check(&longest).is_ok());
        assert_eq!(rule.check(&too_long).unwrap_err().to_string(), messages);
    }
    // Two messages at once, in upstream's order.
    let dotted = NameRule::DnsLabel.check(&"a.".repeat(40).replacen("a.", "a", 1));
    assert_eq!(dotted.unwrap_err().messages()[0], "must be no more than 63 bytes");
}

#[test]
fn parity_the_last_two_characters_of_a_prefix_with_a_dash_are_not_looked_at() {
    for (prefix, fits) in [
        ("vm-", true),
        ("vm", true),
        ("a-", true),
        ("a.-", true),
        ("A-", true),
        ("-", false),
        ("", false),
        ("-a-", false),
        ("aA", false),
        ("é-", false),
    ] {
        assert_eq!(NameRule::DnsSubdomain.check_prefix(prefix).is_ok(), fits, "{prefix}");
    }
    // A name of 254 bytes is too long, but the masked prefix is one byte shorter.
    let prefix = "a".repeat(253) + "-";
    assert!(NameRule::DnsSubdomain.check_prefix(&prefix).is_ok());
}

#[test]
fn the_checks_agree_with_the_regular_expressions_that_the_messages_quote() {
    let letters = ["a", "Z", "0", "-", "_", ".", "/", "é"];
    let mut texts = vec![String::new()];
    let mut longest = texts.clone();
    for _ in 0..4 {
        longest = longest
            .iter()
            .flat_map(|text| letters.map(|letter| format!("{text}{letter}")))
            .collect();
        texts.extend_from_slice(&longest);
    }
    for shape in [DNS_LABEL, DNS_SUBDOMAIN, LABEL_NAME, LABEL_VALUE, DNS_1035_LABEL] {
        for text in &texts {
            assert_eq!((shape.fits)(text), matches(shape.regex, text), "{} {text}", shape.regex);
        }
    }
}

#[test]
fn a_role_may_have_any_name_that_fits_into_a_path() {
    for (name, expected) in [
        ("system:node", ""),
        ("kubevirt.io:migrate", ""),
        ("Größe", ""),
        (".", "may not be '.'"),
        ("..", "may not be '..'"),
        ("a/b%2F", "may not contain '/'; may not contain '%'"),
    ] {
        let said = NameRule::PathSegment.check(name).err().map(|error| error.to_string());
        assert_eq!(said.unwrap_or_default(), expected, "{name}");
    }
}

#[test]
fn the_matcher_of_these_tests_matches() {
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "aa", false),
        ("^a*$", "", true),
        ("a+", "", false),
        ("a+", "aaa", true),
        ("(ab|c)?d", "abd", true),
        ("(ab|c)?d", "d", true),
        ("(ab|c)?d", "abcd", false),
        (r"\.", ".", true),
        (r"\.", "a", false),
        ("[-a-c]", "-", true),
        ("[-a-c]", "b", true),
        ("[-a-c]", "d", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
