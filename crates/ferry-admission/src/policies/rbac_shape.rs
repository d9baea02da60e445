//! What roles and bindings look like.

use ferry_api::{FieldError, FieldPath, Kind, NameRule, Problem};
use ferry_registry::{Document, Refusal, Review};
use serde_json::{Value, json};

use crate::denial::invalid;
use crate::fields::{at, map, map_mut, same};
use crate::policies::shape::misnamed;

/// The group that users and groups belong to as subjects, and roles as what is referred to.
pub(super) const GROUP: &str = "rbac.authorization.k8s.io";

/// Groups that go without saying.
// PARITY: pkg/apis/rbac/v1/defaults.go#SetDefaults_Subject
pub(super) fn complete(binding: &mut Document) {
    let is_empty = |group: Option<&Value>| {
        group.is_none_or(|group| group.is_null() || group.as_str() == Some(""))
    };
    if let Some(Value::Array(subjects)) = binding.get_mut("subjects") {
        for subject in subjects.iter_mut().filter_map(Value::as_object_mut) {
            let is_person =
                matches!(subject.get("kind").and_then(Value::as_str), Some("User" | "Group"));
            if is_person && is_empty(subject.get("apiGroup")) {
                subject.insert("apiGroup".to_owned(), json!(GROUP));
            }
        }
    }
    if map(binding, &["roleRef"]).is_some() && is_empty(at(binding, &["roleRef", "apiGroup"])) {
        map_mut(binding, &["roleRef"]).insert("apiGroup".to_owned(), json!(GROUP));
    }
}

pub(super) fn check(
    review: &Review<'_>,
    old: Option<&Document>,
    new: &Document,
) -> Result<(), Refusal> {
    let errors = match review.target.served.kind() {
        Kind::Role | Kind::ClusterRole => role(review, new),
        _ => binding(review, old, new),
    };
    invalid(review.target, errors)
}

// PARITY: pkg/apis/rbac/validation/validation.go#ValidatePolicyRule
fn role(review: &Review<'_>, role: &Document) -> Vec<FieldError> {
    let is_namespaced = review.target.served.kind() == Kind::Role;
    let rules = role.get("rules").and_then(Value::as_array);
    let mut errors = Vec::new();
    for (index, rule) in rules.into_iter().flatten().enumerate() {
        let path = FieldPath::of("rules").index(index);
        let count = |field: &str| rule.get(field).and_then(Value::as_array).map_or(0, Vec::len);
        let mut require = |field: &str, words: &str| {
            errors.push(FieldError::required(path.field(field), words));
        };
        if count("verbs") == 0 {
            require("verbs", "verbs must contain at least one value");
        }
        if count("nonResourceURLs") == 0 {
            if count("apiGroups") == 0 {
                require("apiGroups", "resource rules must supply at least one api group");
            }
            if count("resources") == 0 {
                require("resources", "resource rules must supply at least one resource");
            }
            continue;
        }
        let urls = rule.get("nonResourceURLs").cloned().unwrap_or_default();
        let mut refuse = |words: &str| {
            let path = path.field("nonResourceURLs");
            errors.push(FieldError::invalid(path, urls.clone(), words));
        };
        if is_namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        if count("apiGroups") + count("resources") + count("resourceNames") > 0 {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
    }
    errors
}

// PARITY: pkg/apis/rbac/validation/validation.go#ValidateRoleBinding
fn binding(review: &Review<'_>, old: Option<&Document>, new: &Document) -> Vec<FieldError> {
    let is_namespaced = review.target.served.kind() == Kind::RoleBinding;
    let path = FieldPath::of("roleRef");
    let reference =
        |field: &str| at(new, &["roleRef", field]).and_then(Value::as_str).unwrap_or_default();
    let mut errors = Vec::new();
    if reference("apiGroup") != GROUP {
        errors.push(unsupported(path.field("apiGroup"), reference("apiGroup"), &[GROUP]));
    }
    let kinds: &[&str] = if is_namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&reference("kind")) {
        errors.push(unsupported(path.field("kind"), reference("kind"), kinds));
    }
    if reference("name").is_empty() {
        errors.push(FieldError::required(path.field("name"), "the name of a role"));
    }
    let subjects = new.get("subjects").and_then(Value::as_array);
    for (index, each) in subjects.into_iter().flatten().enumerate() {
        subject(each, &FieldPath::of("subjects").index(index), is_namespaced, &mut errors);
    }
    // PARITY: pkg/apis/rbac/validation/validation.go#ValidateRoleBindingUpdate
    if let Some(old) = old
        && !same(old.get("roleRef"), new.get("roleRef"))
    {
        let reference = new.get("roleRef").cloned().unwrap_or_default();
        errors.push(FieldError::invalid(path, reference, "cannot change roleRef"));
    }
    errors
}

// PARITY: pkg/apis/rbac/validation/validation.go#validateRoleBindingSubject
fn subject(subject: &Value, path: &FieldPath, is_namespaced: bool, errors: &mut Vec<FieldError>) {
    let text = |field: &str| subject.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("name").is_empty() {
        errors.push(FieldError::required(path.field("name"), "whom the subject is"));
    }
    let group = match text("kind") {
        "ServiceAccount" => {
            if !text("name").is_empty() {
                let path = path.field("name");
                errors.extend(misnamed(NameRule::DnsSubdomain, text("name"), &path));
            }
            if !is_namespaced && text("namespace").is_empty() {
                let words = "the namespace of the service account";
                errors.push(FieldError::required(path.field("namespace"), words));
            }
            ""
        }
        "User" | "Group" => GROUP,
        kind => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(unsupported(path.field("kind"), kind, &kinds));
            return;
        }
    };
    if text("apiGroup") != group {
        errors.push(unsupported(path.field("apiGroup"), text("apiGroup"), &[group]));
    }
}

fn unsupported(path: FieldPath, value: &str, accepted: &[&str]) -> FieldError {
    let accepted = accepted.iter().map(|&each| each.to_owned()).collect();
    FieldError { path, problem: Problem::NotSupported { value: value.into(), accepted } }
}
