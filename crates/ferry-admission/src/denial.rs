//! How an admission check says no.
//!
//! KubeVirt's checks are webhooks: one that cannot accept a request at all answers 400 with a
//! sentence, one that finds fields wrong answers 422 with a cause for each.

use ferry_api::KindVersion;
use ferry_registry::{DeniedCause, Refusal, Target};

/// A check, by the name that the real system gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Webhook(pub(crate) &'static str);

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Required,
    Invalid,
    NotSupported,
    NotFound,
    Duplicate,
}

impl Reason {
    const fn name(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::NotFound => "FieldValueNotFound",
            Self::Duplicate => "FieldValueDuplicate",
        }
    }
}

/// `field` is wrong. Some checks name no field.
pub(crate) fn cause(reason: Reason, field: &str, message: impl Into<String>) -> DeniedCause {
    DeniedCause {
        reason: reason.name().to_owned(),
        message: message.into(),
        field: field.to_owned(),
    }
}

impl Webhook {
    /// Refuses the request as it is.
    // PARITY: pkg/util/webhooks/util.go#ToAdmissionResponseError
    pub(crate) fn refuse(self, message: impl Into<String>) -> Refusal {
        self.with_code(400, message.into(), Vec::new())
    }

    /// Refuses the request in the manner of webhooks that are made with controller-runtime.
    // PARITY: controller-runtime pkg/webhook/admission/response.go#Denied
    pub(crate) fn forbid(self, message: impl Into<String>) -> Refusal {
        self.with_code(403, message.into(), Vec::new())
    }

    /// Refuses the request for now.
    pub(crate) fn not_now(self, message: impl Into<String>) -> Refusal {
        self.with_code(429, message.into(), Vec::new())
    }

    /// Refuses the request if there are causes.
    // PARITY: pkg/util/webhooks/util.go#ToAdmissionResponse
    pub(crate) fn unless_none(self, causes: Vec<DeniedCause>) -> Result<(), Refusal> {
        if causes.is_empty() {
            return Ok(());
        }
        let messages: Vec<&str> = causes.iter().map(|cause| cause.message.as_str()).collect();
        let message = messages.join(", ");
        Err(self.with_code(422, message, causes))
    }

    fn with_code(self, code: u16, message: String, causes: Vec<DeniedCause>) -> Refusal {
        Refusal::Denied { webhook: self.0.to_owned(), message, code, causes }
    }
}

/// The user may not do that to the object.
pub(crate) fn forbidden(target: &Target, message: impl Into<String>) -> Refusal {
    Refusal::Forbidden {
        served: target.served,
        name: target.name.clone(),
        message: message.into(),
        cause: None,
    }
}

/// The object cannot be so.
pub(crate) fn invalid(target: &Target, errors: Vec<ferry_api::FieldError>) -> Result<(), Refusal> {
    if errors.is_empty() {
        return Ok(());
    }
    let served: KindVersion = target.served;
    Err(Refusal::Invalid { kind: served.into(), name: target.name.clone(), errors })
}
