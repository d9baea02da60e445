//! How a write is done: really or not, strictly or not, and by whom.

use ferry_api::{FieldError, FieldPath, Problem};
use ferry_registry::{FieldValidation, Refusal, Run, WriteOptions};
use http::HeaderMap;
use http::header::USER_AGENT;
use serde_json::Value;

use super::super::path::Query;
use super::{forbidden, invalid, not_supported};

/// The longest name of a manager of fields.
// PARITY: apimachinery/pkg/apis/meta/v1/validation/validation.go#ValidateFieldManager
const LONGEST_MANAGER: usize = 128;

/// Which write it is, for what its options may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteKind {
    /// A create.
    Create,
    /// An update.
    Update,
    /// A patch.
    Patch,
    /// A patch of server-side apply.
    Apply,
}

impl WriteKind {
    const fn options(self) -> &'static str {
        match self {
            Self::Create => "CreateOptions",
            Self::Update => "UpdateOptions",
            Self::Patch | Self::Apply => "PatchOptions",
        }
    }
}

/// Reads `dryRun`, `fieldValidation`, `fieldManager` and, of patches, `force`.
pub(crate) fn write_options(
    kind: WriteKind,
    headers: &HeaderMap,
    query: &Query,
) -> Result<WriteOptions, Refusal> {
    let mut errors = Vec::new();
    if matches!(kind, WriteKind::Patch) && query.flag("force") {
        errors.push(forbidden("force", "may not be specified for non-apply patch"));
    }
    let manager = match query.text("fieldManager") {
        Some(manager) => {
            errors.extend(check_manager(manager));
            manager.to_owned()
        }
        None if kind == WriteKind::Apply => {
            let path = FieldPath::of("fieldManager");
            errors.push(FieldError::required(path, "is required for apply patch"));
            String::new()
        }
        None => agent(headers),
    };
    let run = run(query, &mut errors);
    let unknown_fields = match query.get("fieldValidation") {
        None | Some("") => FieldValidation::default(),
        Some("Ignore") => FieldValidation::Ignore,
        Some("Warn") => FieldValidation::Warn,
        Some("Strict") => FieldValidation::Strict,
        Some(other) => {
            let known = ["Ignore", "Warn", "Strict"];
            errors.push(not_supported("fieldValidation", other, &known));
            FieldValidation::default()
        }
    };
    if errors.is_empty() {
        Ok(WriteOptions { run, unknown_fields, manager, ..WriteOptions::default() })
    } else {
        Err(invalid(kind.options(), errors))
    }
}

/// Whether it is done. An empty word is none that there is, so that nobody who leaves it out writes.
// PARITY: apimachinery/pkg/apis/meta/v1/validation/validation.go#ValidateDryRun
pub(super) fn run(query: &Query, errors: &mut Vec<FieldError>) -> Run {
    let mut run = Run::Real;
    for value in query.all("dryRun") {
        match value {
            "All" => run = Run::Dry,
            other => errors.push(not_supported("dryRun", other, &["All"])),
        }
    }
    run
}

fn check_manager(manager: &str) -> Option<FieldError> {
    let path = FieldPath::of("fieldManager");
    if manager.len() > LONGEST_MANAGER {
        let accepted = format!("may not be more than {LONGEST_MANAGER} bytes");
        return Some(FieldError { path, problem: Problem::TooLong { accepted } });
    }
    manager.chars().any(char::is_control).then(|| {
        FieldError::invalid(path, Value::from(manager), "should only contain printable characters")
    })
}

/// The client's name: what stands before the first slash of its `User-Agent`.
// PARITY: apiserver/pkg/endpoints/handlers/create.go#prefixFromUserAgent
fn agent(headers: &HeaderMap) -> String {
    let agent = headers.get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
    let agent = agent.unwrap_or_default();
    let mut manager = String::new();
    for character in agent.split('/').next().unwrap_or_default().chars() {
        if manager.len() + character.len_utf8() > LONGEST_MANAGER {
            break;
        }
        if !character.is_control() {
            manager.push(character);
        }
    }
    manager
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: WriteKind, agent: &str, query: &str) -> Result<WriteOptions, String> {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, agent.parse().unwrap());
        write_options(kind, &headers, &Query::parse(query)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn options_are_read_and_the_client_is_the_manager_where_none_is_named() {
        let options = read(WriteKind::Create, "kubectl/v1.33.0 (linux/amd64)", "").unwrap();
        assert_eq!(options, WriteOptions { manager: "kubectl".to_owned(), ..Default::default() });
        let options =
            read(WriteKind::Update, "x", "dryRun=All&fieldValidation=Strict&fieldManager=m")
                .unwrap();
        assert_eq!(
            options,
            WriteOptions {
                run: Run::Dry,
                unknown_fields: FieldValidation::Strict,
                manager: "m".to_owned(),
                ..WriteOptions::default()
            }
        );
        let options = read(WriteKind::Create, &"ab".repeat(100), "fieldManager=").unwrap();
        assert_eq!(options.manager, "ab".repeat(64));
    }

    #[test]
    fn options_that_there_are_none_of_are_refused() {
        let long = "x".repeat(129);
        for (kind, query, message) in [
            (
                WriteKind::Create,
                "dryRun=Some".to_owned(),
                "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"Some\"",
            ),
            (
                WriteKind::Patch,
                "dryRun=".to_owned(),
                "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"\"",
            ),
            (
                WriteKind::Update,
                "dryRun=All&dryRun".to_owned(),
                "UpdateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: \"\"",
            ),
            (
                WriteKind::Update,
                "fieldValidation=strict".to_owned(),
                "UpdateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: ",
            ),
            (
                WriteKind::Patch,
                "force=true".to_owned(),
                "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified \
                 for non-apply patch",
            ),
            (
                WriteKind::Apply,
                "force=true".to_owned(),
                "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is \
                 required for apply patch",
            ),
            (
                WriteKind::Create,
                format!("fieldManager={long}"),
                "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Too long: may not be \
                 more than 128 bytes",
            ),
            (
                WriteKind::Create,
                "fieldManager=a%0Ab".to_owned(),
                "CreateOptions.meta.k8s.io \"\" is invalid: fieldManager: Invalid value: \"a\\nb\"",
            ),
        ] {
            let refusal = read(kind, "kubectl", &query).unwrap_err();
            assert!(refusal.starts_with(message), "{query}: {refusal}");
        }
    }
}
