//! ConfigMaps and Secrets: keys that can be files, and as much as fits into memory many times.

use ferry_api::{FieldError, FieldPath, Kind, Problem};
use ferry_registry::{Document, Refusal, Review};
use serde_json::Value;

use crate::denial::invalid;
use crate::fields::{at, map, text};

/// As many bytes all values of one object may have.
// PARITY: pkg/apis/core/types.go#MaxSecretSize
const MOST_BYTES: usize = 1 << 20;

/// As many bytes a key may have: it is the name of a file.
const LONGEST_KEY: usize = 253;

/// What Secrets of some types hold.
// PARITY: pkg/apis/core/validation/validation.go#ValidateSecret
const REQUIRED_KEYS: [(&str, &[&str]); 4] = [
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
];

/// Whom to be.
const BASIC_AUTH: [&str; 2] = ["username", "password"];

/// The annotation that says whose token it is.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

// PARITY: pkg/apis/core/validation/validation.go#ValidateConfigMap
pub(super) fn check(review: &Review<'_>) -> Result<(), Refusal> {
    let Some((_, object)) = super::states(review) else { return Ok(()) };
    let is_secret = review.target.served.kind() == Kind::Secret;
    let mut errors = Vec::new();
    let mut bytes = 0;
    for bag in ["data", "binaryData"] {
        for (key, value) in map(object, &[bag]).into_iter().flatten() {
            let path = || FieldPath::of(bag).key(key);
            for message in key_problems(key) {
                errors.push(FieldError::invalid(path(), Value::from(key.as_str()), message));
            }
            if bag == "data" && at(object, &["binaryData", key]).is_some() {
                let message = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(path(), Value::from(key.as_str()), message));
            }
            let value = value.as_str().unwrap_or_default();
            let is_plain = bag == "data" && !is_secret;
            bytes += if is_plain { value.len() } else { decoded_length(value) };
        }
    }
    if bytes > MOST_BYTES {
        let path = if is_secret { FieldPath::of("data") } else { FieldPath::root().key("") };
        let accepted = format!("may not be more than {MOST_BYTES} bytes");
        errors.push(FieldError { path, problem: Problem::TooLong { accepted } });
    }
    if is_secret {
        errors.extend(missing(object));
    }
    invalid(review.target, errors)
}

/// What a Secret lacks for its type.
fn missing(secret: &Document) -> Vec<FieldError> {
    let lacks = |key: &&str| at(secret, &["data", key]).is_none();
    let required = |path: FieldPath| FieldError::required(path, "");
    let data = |key: &str| required(FieldPath::of("data").key(key));
    match text(secret, &["type"]).unwrap_or_default() {
        // One of them will do.
        "kubernetes.io/basic-auth" if BASIC_AUTH.iter().all(lacks) => BASIC_AUTH.map(data).to_vec(),
        "kubernetes.io/service-account-token" => {
            let account = text(secret, &["metadata", "annotations", ACCOUNT]).unwrap_or_default();
            let path = FieldPath::of("metadata.annotations").key(ACCOUNT);
            account.is_empty().then(|| required(path)).into_iter().collect()
        }
        type_ => {
            let keys = REQUIRED_KEYS.iter().filter(|(of, _)| *of == type_);
            keys.flat_map(|(_, keys)| *keys).filter(|key| lacks(key)).map(|key| data(key)).collect()
        }
    }
}

/// How many bytes base64 stands for. The schema has seen to it that it is some.
fn decoded_length(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}

// PARITY: apimachinery/pkg/util/validation/validation.go#IsConfigMapKey
fn key_problems(key: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if key.len() > LONGEST_KEY {
        problems.push(format!("must be no more than {LONGEST_KEY} characters"));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if key.is_empty() || !key.bytes().all(fits) {
        problems.push(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. \
             'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is \
             '[-._a-zA-Z0-9]+')"
                .to_owned(),
        );
    }
    if matches!(key, "." | "..") {
        problems.push(format!("must not be '{key}'"));
    } else if key.starts_with("..") {
        problems.push("must not start with '..'".to_owned());
    }
    problems
}
