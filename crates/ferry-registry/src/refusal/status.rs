//! A refusal as the `Status` that clients act on.

use ferry_api::{FieldError, KindVersion, Problem};
use serde_json::{Map, Value, json};

use crate::refusal::{DeniedCause, FieldConflict, Refusal};

/// What a `Status` says of the object that it is about.
#[derive(Default)]
struct Details {
    name: String,
    group: String,
    kind: String,
    causes: Vec<Value>,
    retry_after_seconds: Option<u32>,
}

impl Refusal {
    /// The HTTP status code.
    pub fn code(&self) -> u16 {
        self.class().0
    }

    /// The body of the answer: a `Status`, `v1`.
    pub fn status(&self) -> Value {
        let (code, reason) = self.class();
        let mut metadata = Map::new();
        if let Self::Expired { continue_token: Some(token), .. } = self {
            metadata.insert("continue".to_owned(), Value::from(token.as_str()));
        }
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": metadata,
            "status": "Failure",
            "message": self.to_string(),
            "code": code,
        });
        if !reason.is_empty() {
            status["reason"] = Value::from(reason);
        }
        if let Some(details) = self.details() {
            status["details"] = details.into_value();
        }
        status
    }

    /// The code and the reason, which go together.
    fn class(&self) -> (u16, &'static str) {
        match self {
            Self::NotFound { .. } | Self::NoSuchPath => (404, "NotFound"),
            Self::AlreadyExists { .. }
            | Self::BeingDeleted { .. }
            | Self::GeneratedNameTaken { .. } => (409, "AlreadyExists"),
            Self::Conflict { .. } | Self::Precondition { .. } | Self::ApplyConflict { .. } => {
                (409, "Conflict")
            }
            Self::RevisionOfNew => (500, ""),
            Self::Invalid { .. } | Self::Unprocessable { .. } => (422, "Invalid"),
            Self::BadRequest { .. } => (400, "BadRequest"),
            Self::Unauthorized => (401, "Unauthorized"),
            Self::Forbidden { .. } | Self::ForbiddenPath { .. } => (403, "Forbidden"),
            Self::Denied { code, .. } => (*code, reason_of(*code)),
            Self::Expired { .. } => (410, "Expired"),
            Self::TooManyRequests { .. } => (429, "TooManyRequests"),
            Self::MethodNotAllowed => (405, "MethodNotAllowed"),
            Self::NotAcceptable { .. } => (406, "NotAcceptable"),
            Self::UnsupportedMediaType { .. } => (415, "UnsupportedMediaType"),
            Self::TooLarge { .. } | Self::Oversized { .. } => (413, "RequestEntityTooLarge"),
            Self::FutureRevision { .. } => (504, "Timeout"),
            Self::Internal { .. } => (500, "InternalError"),
            Self::Unavailable { .. } => (503, "ServiceUnavailable"),
        }
    }

    fn details(&self) -> Option<Details> {
        match self {
            Self::NotFound { served, name }
            | Self::AlreadyExists { served, name }
            | Self::BeingDeleted { served, name }
            | Self::Conflict { served, name, .. } => Some(Details::of(*served, name)),
            Self::Precondition { served, name, .. } => Some(Details {
                kind: served.definition().kind.to_owned(),
                ..Details::of(*served, name)
            }),
            Self::GeneratedNameTaken { served, name } => {
                Some(Details { retry_after_seconds: Some(1), ..Details::of(*served, name) })
            }
            Self::ApplyConflict { conflicts } => {
                let causes = conflicts.iter().map(conflict).collect();
                Some(Details { causes, ..Details::default() })
            }
            Self::Invalid { kind, name, errors } => Some(Details {
                name: name.clone(),
                group: kind.group.clone(),
                kind: kind.kind.clone(),
                causes: errors.iter().map(field_cause).collect(),
                retry_after_seconds: None,
            }),
            Self::Forbidden { served, name, cause, .. } => {
                let causes = cause.iter().map(|cause| denied_cause(cause)).collect();
                Some(Details { causes, ..Details::of(*served, name) })
            }
            Self::Denied { causes, .. } if !causes.is_empty() => {
                let causes = causes.iter().map(denied_cause).collect();
                Some(Details { causes, ..Details::default() })
            }
            Self::FutureRevision { .. } => Some(Details {
                causes: vec![json!({
                    "reason": "ResourceVersionTooLarge",
                    "message": "Too large resource version",
                })],
                retry_after_seconds: Some(1),
                ..Details::default()
            }),
            Self::Internal { message } => {
                let causes = vec![json!({ "message": message })];
                Some(Details { causes, ..Details::default() })
            }
            Self::MethodNotAllowed
            | Self::NoSuchPath
            | Self::ForbiddenPath { .. }
            | Self::Unprocessable { .. } => Some(Details::default()),
            Self::BadRequest { .. }
            | Self::RevisionOfNew
            | Self::Unauthorized
            | Self::Denied { .. }
            | Self::Expired { .. }
            | Self::TooManyRequests { .. }
            | Self::NotAcceptable { .. }
            | Self::UnsupportedMediaType { .. }
            | Self::TooLarge { .. }
            | Self::Oversized { .. }
            | Self::Unavailable { .. } => None,
        }
    }
}

impl Details {
    /// Of an object. Programs know it by its plural.
    fn of(served: KindVersion, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            group: served.group().to_owned(),
            kind: served.definition().plural.to_owned(),
            ..Self::default()
        }
    }

    fn into_value(self) -> Value {
        let mut details = Map::new();
        for (key, text) in [("name", self.name), ("group", self.group), ("kind", self.kind)] {
            if !text.is_empty() {
                details.insert(key.to_owned(), Value::from(text));
            }
        }
        if !self.causes.is_empty() {
            details.insert("causes".to_owned(), Value::from(self.causes));
        }
        if let Some(seconds) = self.retry_after_seconds {
            details.insert("retryAfterSeconds".to_owned(), Value::from(seconds));
        }
        Value::Object(details)
    }
}

/// The reason that belongs to the code of an admission check.
fn reason_of(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        404 => "NotFound",
        409 => "Conflict",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        _ => "Forbidden",
    }
}

fn cause_of(reason: &str, message: &str, field: &str) -> Value {
    json!({ "reason": reason, "message": message, "field": field })
}

fn conflict(conflict: &FieldConflict) -> Value {
    let message = format!("conflict with {}", conflict.manager);
    cause_of("FieldManagerConflict", &message, &conflict.field)
}

fn denied_cause(cause: &DeniedCause) -> Value {
    cause_of(&cause.reason, &cause.message, &cause.field)
}

// PARITY: apimachinery/pkg/util/validation/field/errors.go#ErrorType
fn field_cause(error: &FieldError) -> Value {
    let reason = match &error.problem {
        Problem::Required { .. } => "FieldValueRequired",
        Problem::Invalid { .. } | Problem::Unknown { .. } => "FieldValueInvalid",
        Problem::NotSupported { .. } => "FieldValueNotSupported",
        Problem::Forbidden { .. } => "FieldValueForbidden",
        Problem::TooLong { .. } => "FieldValueTooLong",
        Problem::Duplicate { .. } => "FieldValueDuplicate",
        Problem::NotFound { .. } => "FieldValueNotFound",
    };
    cause_of(reason, &error.problem.to_string(), &error.path.to_string())
}
