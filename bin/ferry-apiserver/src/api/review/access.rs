//! What reviews of access ask: what somebody wants to do, and who.

use ferry_admission::{Attributes, ResourceAttributes};
use ferry_api::{FieldError, FieldPath, Misfiled};
use ferry_registry::{Document, Refusal, User};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Review;
use crate::api::dispatch::as_authorized;

/// What a `SubjectAccessReview` asks, of whomever.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AccessSpec {
    resource_attributes: Option<Wanted>,
    non_resource_attributes: Option<WantedPath>,
    user: Option<String>,
    groups: Option<Vec<String>>,
    uid: Option<String>,
    extra: Option<std::collections::BTreeMap<String, Vec<String>>>,
}

/// What somebody wants to do with objects.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    namespace: String,
    verb: String,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    name: String,
}

/// What somebody wants to do with a path.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct WantedPath {
    path: String,
    verb: String,
}

impl AccessSpec {
    /// What a review asks.
    pub(super) fn read(document: &Document) -> Result<Self, Refusal> {
        let spec = document.get("spec").cloned().unwrap_or_else(|| json!({}));
        Self::deserialize(spec)
            .map_err(|error| Refusal::BadRequest { message: format!("spec: {error}") })
    }

    /// Who is asked about, where it is not who asks.
    pub(super) fn user(&self) -> User {
        User {
            name: self.user.clone().unwrap_or_default(),
            uid: self.uid.clone().unwrap_or_default(),
            groups: self.groups.clone().unwrap_or_default(),
            extra: self.extra.clone().unwrap_or_default(),
        }
    }

    /// The namespace of the objects that are asked for.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.resource_attributes.as_ref().map(|wanted| wanted.namespace.as_str())
    }

    /// What somebody wants to do; nothing if the review does not say, or says two things.
    pub(super) fn attributes(&self, misfiled: Misfiled) -> Option<Attributes<'_>> {
        match (&self.resource_attributes, &self.non_resource_attributes) {
            (Some(wanted), None) => {
                let mut wanted = ResourceAttributes {
                    verb: &wanted.verb,
                    group: &wanted.group,
                    version: &wanted.version,
                    resource: &wanted.resource,
                    subresource: &wanted.subresource,
                    namespace: &wanted.namespace,
                    name: &wanted.name,
                };
                as_authorized(&mut wanted, misfiled);
                Some(Attributes::Resource(wanted))
            }
            (None, Some(wanted)) => {
                Some(Attributes::Path { verb: &wanted.verb, path: &wanted.path })
            }
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// What is wrong with what a review asks.
    // PARITY: pkg/apis/authorization/validation/validation.go#ValidateSubjectAccessReviewSpec
    pub(super) fn problems(&self, review: Review) -> Vec<FieldError> {
        let path = FieldPath::of("spec");
        let problem = |field: &str, value: Value, message: &str| {
            FieldError::invalid(path.field(field), value, message)
        };
        let mut errors = Vec::new();
        let path_asked = self.non_resource_attributes.as_ref();
        let shown =
            path_asked.map_or(Value::Null, |it| json!({ "path": it.path, "verb": it.verb }));
        match (&self.resource_attributes, path_asked) {
            (Some(_), Some(_)) => errors.push(problem(
                "nonResourceAttributes",
                shown.clone(),
                "cannot be specified in combination with resourceAttributes",
            )),
            (None, None) => errors.push(problem(
                "resourceAttributes",
                Value::Null,
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            )),
            (Some(_), None) | (None, Some(_)) => {}
        }
        let is_open = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
        if review != Review::SelfSubjectAccess
            && is_open(&self.user)
            && self.groups.as_ref().is_none_or(Vec::is_empty)
        {
            let message = "at least one of user or group must be specified";
            errors.push(problem("user", Value::from(""), message));
        }
        if review == Review::LocalSubjectAccess && path_asked.is_some() {
            let message = "disallowed on this kind of request";
            errors.push(problem("nonResourceAttributes", shown, message));
        }
        errors
    }
}
