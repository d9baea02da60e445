//! What the query of a request asks for, beside its path: how a list is cut, how a write is done.

mod delete;
mod list;
mod write;

use ferry_api::{FieldError, FieldPath, Problem};
use ferry_registry::{QualifiedKind, Refusal};
use serde_json::Value;

use super::path::Query;

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

/// A parameter that is a number.
// PARITY: apimachinery/pkg/runtime/converter.go#Convert_Slice_string_To_int64
fn whole(query: &Query, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = query.text(name) else { return Ok(None) };
    match text.parse::<i64>() {
        Ok(number) => Ok(Some(number)),
        Err(error) => {
            use std::num::IntErrorKind::{NegOverflow, PosOverflow};
            let why = match error.kind() {
                NegOverflow | PosOverflow => "value out of range",
                _ => "invalid syntax",
            };
            Err(bad_request(format!("strconv.ParseInt: parsing {text:?}: {why}")))
        }
    }
}
