//! What names may look like: those of objects and namespaces, and the keys and values of labels.
//!
//! The messages are Kubernetes' own, word for word, because people search for them. They quote a
//! regular expression; the checks here are written by hand, and tests compare the two.
//!
//! Source: Kubernetes `apimachinery/pkg/api/validate/content/{dns,kube,errors}.go`.

#[cfg(test)]
pub(crate) mod pattern;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use thiserror::Error;

/// A rule that a name follows.
///
/// ```
/// use ferry_api::NameRule;
///
/// assert!(NameRule::DnsSubdomain.check("vm-1.example").is_ok());
/// assert_eq!(
///     NameRule::DnsLabel.check("vm-1.example").unwrap_err().to_string(),
///     "must not contain dots",
/// );
/// assert!(NameRule::LabelKey.check("kubevirt.io/nodeName").is_ok());
/// assert!(NameRule::LabelValue.check("").is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameRule {
    /// An RFC 1123 label, at most 63 bytes: the name of a namespace.
    DnsLabel,
    /// RFC 1123 labels with dots between, at most 253 bytes: the name of almost every object.
    DnsSubdomain,
    /// A qualified name: a name of at most 63 bytes, which may follow a DNS subdomain and a slash.
    /// The key of a label or annotation, and the name of a finalizer.
    LabelKey,
    /// The value of a label, at most 63 bytes; it may be empty.
    LabelValue,
    /// An RFC 1035 label, which starts with a letter: the name of a service.
    Dns1035Label,
    /// Whatever can be a part of a URL's path: the name of a role or of its binding.
    PathSegment,
}

/// What is wrong with a name; mostly one thing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .messages.join("; "))]
pub struct NameError {
    messages: Vec<String>,
}

impl NameError {
    /// Kubernetes' messages, each of which it reports on its own. There is at least one.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }
}

impl NameRule {
    /// Whether `name` follows this rule.
    pub fn check(self, name: &str) -> Result<(), NameError> {
        let messages = match self {
            Self::DnsLabel => dns_label(name),
            Self::DnsSubdomain => DNS_SUBDOMAIN.violations(name),
            Self::LabelKey => label_key(name),
            Self::LabelValue => LABEL_VALUE.violations(name),
            Self::Dns1035Label => DNS_1035_LABEL.violations(name),
            Self::PathSegment => path_segment(name),
        };
        if messages.is_empty() { Ok(()) } else { Err(NameError { messages }) }
    }

    /// Whether `prefix` can be the start of a generated name (`metadata.generateName`): it may end
    /// with a dash.
    // PARITY: apimachinery/pkg/api/validation/generic.go#maskTrailingDash replaces the dash and
    // the character before it, so nobody looks at that one; the whole name is checked later.
    pub fn check_prefix(self, prefix: &str) -> Result<(), NameError> {
        let masked = match prefix.strip_suffix('-') {
            Some(rest) if rest.ends_with(|c: char| c.is_ascii()) => {
                Cow::Owned(format!("{}a", &rest[..rest.len() - 1]))
            }
            Some(_) | None => Cow::Borrowed(prefix),
        };
        self.check(&masked)
    }
}

/// What a name consists of, and how Kubernetes says so.
struct Shape {
    rule: &'static str,
    regex: &'static str,
    examples: &'static [&'static str],
    longest: usize,
    fits: fn(&str) -> bool,
}

const DNS_LABEL: Shape = Shape {
    rule: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
           and must start and end with an alphanumeric character",
    regex: "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    examples: &["my-name", "123-abc"],
    longest: 63,
    fits: is_dns_label,
};

const DNS_SUBDOMAIN: Shape = Shape {
    rule: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, \
           '-' or '.', and must start and end with an alphanumeric character",
    regex: r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    examples: &["example.com"],
    longest: 253,
    fits: is_dns_subdomain,
};

/// The part of a label key behind the slash.
const LABEL_NAME: Shape = Shape {
    rule: "must consist of alphanumeric characters, '-', '_' or '.', \
           and must start and end with an alphanumeric character",
    regex: "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    examples: &["MyName", "my.name", "123-abc"],
    longest: 63,
    fits: is_label_name,
};

const LABEL_VALUE: Shape = Shape {
    rule: "a valid label must be an empty string or consist of alphanumeric characters, \
           '-', '_' or '.', and must start and end with an alphanumeric character",
    regex: "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    examples: &["MyValue", "my_value", "12345"],
    longest: 63,
    fits: |value| value.is_empty() || is_label_name(value),
};

const DNS_1035_LABEL: Shape = Shape {
    rule: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
           start with an alphabetic character, and end with an alphanumeric character",
    regex: "[a-z]([-a-z0-9]*[a-z0-9])?",
    examples: &["my-name", "abc-123"],
    longest: 63,
    fits: |name| is_dns_label(name) && name.as_bytes()[0].is_ascii_lowercase(),
};

impl Shape {
    fn violations(&self, name: &str) -> Vec<String> {
        let mut messages = Vec::new();
        if name.len() > self.longest {
            messages.push(format!("must be no more than {} bytes", self.longest));
        }
        if !(self.fits)(name) {
            messages.push(self.mismatch());
        }
        messages
    }

    fn mismatch(&self) -> String {
        // Two blanks before each "or": upstream ends an example with a blank and starts the next
        // with another.
        let examples = self.examples.join("',  or '");
        format!("{} (e.g. '{examples}', regex used for validation is '{}')", self.rule, self.regex)
    }
}

fn dns_label(name: &str) -> Vec<String> {
    let mut messages = DNS_LABEL.violations(name);
    if !is_dns_label(name) && is_dns_subdomain(name) {
        // The mismatch comes last, and there is a shorter way to say it.
        messages.pop();
        messages.push("must not contain dots".to_owned());
    }
    messages
}

fn label_key(key: &str) -> Vec<String> {
    let (prefix, name) = match key.split_once('/') {
        None => (None, key),
        Some((_, rest)) if rest.contains('/') => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' \
                 (e.g. 'example.com/MyName')",
                LABEL_NAME.mismatch()
            )];
        }
        Some((prefix, name)) => (Some(prefix), name),
    };
    let prefix_messages = match prefix {
        None => Vec::new(),
        Some("") => vec!["must be non-empty".to_owned()],
        Some(prefix) => DNS_SUBDOMAIN.violations(prefix),
    };
    let mut name_messages = LABEL_NAME.violations(name);
    if name.is_empty() {
        name_messages.insert(0, "must be non-empty".to_owned());
    }
    prefix_messages
        .into_iter()
        .map(|message| format!("prefix part {message}"))
        .chain(name_messages.into_iter().map(|message| format!("name part {message}")))
        .collect()
}

/// Source: Kubernetes `apimachinery/pkg/api/validation/path/name.go`.
fn path_segment(name: &str) -> Vec<String> {
    if name == "." || name == ".." {
        return vec![format!("may not be '{name}'")];
    }
    let refused = ['/', '%'].into_iter().filter(|refused| name.contains(*refused));
    refused.map(|refused| format!("may not contain '{refused}'")).collect()
}

fn is_dns_label(name: &str) -> bool {
    is_framed(name, |byte| byte.is_ascii_lowercase() || byte.is_ascii_digit(), b"-")
}

fn is_dns_subdomain(name: &str) -> bool {
    name.split('.').all(is_dns_label)
}

fn is_label_name(name: &str) -> bool {
    is_framed(name, u8::is_ascii_alphanumeric, b"-_.")
}

/// Whether `text` starts and ends with a `letter` and has only those and `inner` ones between.
fn is_framed(text: &str, letter: fn(&u8) -> bool, inner: &[u8]) -> bool {
    text.as_bytes().first().is_some_and(letter)
        && text.as_bytes().last().is_some_and(letter)
        && text.bytes().all(|byte| letter(&byte) || inner.contains(&byte))
}
