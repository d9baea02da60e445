//! What the query of a request asks for, beside its path: how a list is cut, how a write is done.

mod delete;
mod list;
mod write;

use ferry_api::{FieldError, FieldPath, Problem};
use ferry_registry::{QualifiedKind, Refusal};
use serde_json::Value;

pub(crate) use delete::{DeleteQuery, delete_options};
pub(crate) use list::{Bookmarks, Initial, ListQuery, WatchQuery};
pub(crate) use write::{WriteKind, write_options};

/// Options that contradict themselves, or that there are none of.
fn invalid(kind: &str, errors: Vec<FieldError>) -> Refusal {
    let kind = QualifiedKind { kind: kind.to_owned(), group: "meta.k8s.io".to_owned() };
    Refusal::Invalid { kind, name: String::new(), errors }
}

fn forbidden(field: &str, message: impl Into<String>) -> FieldError {
    FieldError::forbidden(FieldPath::of(field), message)
}

fn not_supported(field: &str, value: &str, accepted: &[&str]) -> FieldError {
    let accepted = accepted.iter().map(|&one| one.to_owned()).collect();
    let problem = Problem::NotSupported { value: Value::from(value), accepted };
    FieldError { path: FieldPath::of(field), problem }
}

fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::BadRequest { message: message.into() }
}
