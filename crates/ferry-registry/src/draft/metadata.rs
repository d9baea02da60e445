//! What Kubernetes asks of the metadata of every object.

use ferry_api::{FieldError, FieldPath, Kind, NameError, NameRule};
use serde_json::Value;

use crate::document::{at, metadata, text};
use crate::kinds::takes_any_name;
use crate::object::Document;

/// The most bytes of all annotations together, keys and values.
// PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateAnnotationsSize
const MOST_ANNOTATION_BYTES: usize = 256 << 10;

/// The finalizers that are called by a short name.
// PARITY: pkg/apis/core/validation/validation.go#validateKubeFinalizerName
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];

/// How many errors are told.
const MOST_ERRORS: usize = 100;

/// What is wrong with the name that objects of a kind have.
pub(crate) fn check_name_of(kind: Kind, name: &str) -> Result<(), Vec<String>> {
    if takes_any_name(kind) {
        return check_path_segment(name);
    }
    name_rule(kind).check(name).map_err(|error| error.messages().to_vec())
}

fn name_rule(kind: Kind) -> NameRule {
    match kind {
        Kind::Namespace => NameRule::DnsLabel,
        // PARITY: pkg/apis/core/validation/validation.go#ValidateServiceName
        Kind::Service => NameRule::Dns1035Label,
        Kind::VirtualMachine
        | Kind::VirtualMachineInstance
        | Kind::VirtualMachineInstanceMigration
        | Kind::MigrationPolicy
        | Kind::KubeVirt
        | Kind::HyperConverged
        | Kind::NetworkAttachmentDefinition
        | Kind::Node
        | Kind::Pod
        | Kind::Event
        | Kind::Lease
        | Kind::PersistentVolumeClaim
        | Kind::ConfigMap
        | Kind::Secret
        | Kind::ServiceAccount
        | Kind::ClusterRole
        | Kind::ClusterRoleBinding
        | Kind::Role
        | Kind::RoleBinding => NameRule::DnsSubdomain,
    }
}

// PARITY: apimachinery/pkg/api/validation/path/name.go#IsValidPathSegmentName
fn check_path_segment(name: &str) -> Result<(), Vec<String>> {
    let mut messages = Vec::new();
    if matches!(name, "." | "..") {
        messages.push(format!("may not be '{name}'"));
    }
    for illegal in ["/", "%"] {
        if name.contains(illegal) {
            messages.push(format!("may not contain '{illegal}'"));
        }
    }
    if messages.is_empty() { Ok(()) } else { Err(messages) }
}

/// Everything that is wrong with the metadata of an object.
// PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateObjectMetaAccessor
pub(super) fn check_metadata(kind: Kind, object: &Document) -> Vec<FieldError> {
    let empty = Document::new();
    let metadata = metadata(object).unwrap_or(&empty);
    let mut errors = Vec::new();
    match (text(metadata, "name"), text(metadata, "generateName")) {
        ("", "") => {
            let what = "name or generateName is required";
            errors.push(FieldError::required(field("name"), what));
        }
        ("", prefix) => {
            let checked = if takes_any_name(kind) {
                check_path_segment(prefix)
            } else {
                name_rule(kind).check_prefix(prefix).map_err(|error| error.messages().to_vec())
            };
            if let Err(messages) = checked {
                push_all(&mut errors, "generateName", prefix, messages);
            }
        }
        (name, _) => {
            if let Err(messages) = check_name_of(kind, name) {
                push_all(&mut errors, "name", name, messages);
            }
        }
    }
    check_labels(metadata.get("labels"), &mut errors);
    check_annotations(metadata.get("annotations"), &mut errors);
    check_finalizers(kind, metadata.get("finalizers"), &mut errors);
    check_owners(metadata.get("ownerReferences"), &mut errors);
    errors
}

/// A field of the metadata.
fn field(name: &str) -> FieldPath {
    FieldPath::of("metadata").field(name)
}

fn push_all(errors: &mut Vec<FieldError>, name: &str, value: &str, messages: Vec<String>) {
    for message in messages {
        if errors.len() < MOST_ERRORS {
            errors.push(FieldError::invalid(field(name), Value::from(value), message));
        }
    }
}

fn push(errors: &mut Vec<FieldError>, name: &str, value: &str, checked: Result<(), NameError>) {
    if let Err(error) = checked {
        push_all(errors, name, value, error.messages().to_vec());
    }
}

fn check_labels(labels: Option<&Value>, errors: &mut Vec<FieldError>) {
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        push(errors, "labels", key, NameRule::LabelKey.check(key));
        if let Some(value) = value.as_str() {
            push(errors, "labels", value, NameRule::LabelValue.check(value));
        }
    }
}

fn check_annotations(annotations: Option<&Value>, errors: &mut Vec<FieldError>) {
    let mut bytes = 0;
    for (key, value) in annotations.and_then(Value::as_object).into_iter().flatten() {
        bytes += key.len() + value.as_str().map_or(0, str::len);
        // PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateAnnotations
        push(errors, "annotations", key, NameRule::LabelKey.check(&key.to_lowercase()));
    }
    if bytes > MOST_ANNOTATION_BYTES {
        errors.push(FieldError {
            path: field("annotations"),
            problem: ferry_api::Problem::TooLong {
                accepted: format!("may not be more than {MOST_ANNOTATION_BYTES} bytes"),
            },
        });
    }
}

fn check_finalizers(kind: Kind, finalizers: Option<&Value>, errors: &mut Vec<FieldError>) {
    // Of the kinds that Kubernetes checks itself, these two are not looked at that closely.
    let any_name = kind.is_custom() || matches!(kind, Kind::Lease | Kind::Event);
    let finalizers = finalizers.and_then(Value::as_array).into_iter().flatten();
    for (index, name) in finalizers.filter_map(Value::as_str).enumerate() {
        push(errors, "finalizers", name, NameRule::LabelKey.check(name));
        if !any_name && errors.len() < MOST_ERRORS {
            errors.extend(check_qualified(&field("finalizers").index(index), name));
        }
    }
}

/// Whether a finalizer is called by one of the short names, or by a domain and a name.
fn check_qualified(path: &FieldPath, finalizer: &str) -> Option<FieldError> {
    (!finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer)).then(|| {
        let message = "name is neither a standard finalizer name nor is it fully qualified";
        FieldError::invalid(path.clone(), Value::from(finalizer), message)
    })
}

/// What is wrong with the finalizers in the spec of a namespace.
// PARITY: pkg/apis/core/validation/validation.go#ValidateNamespaceFinalizeUpdate
pub(super) fn check_spec_finalizers(namespace: &Document) -> Vec<FieldError> {
    let path = FieldPath::of("spec.finalizers");
    let finalizers = at(namespace, "spec.finalizers").and_then(Value::as_array);
    let names = finalizers.into_iter().flatten().filter_map(Value::as_str).enumerate();
    let errors = names.flat_map(|(index, name)| {
        let path = path.index(index);
        let checked = NameRule::LabelKey.check(name);
        let messages = checked.map_or_else(|error| error.messages().to_vec(), |()| Vec::new());
        let mut errors: Vec<_> = messages
            .into_iter()
            .map(|message| FieldError::invalid(path.clone(), Value::from(name), message))
            .collect();
        errors.extend(check_qualified(&path, name));
        errors
    });
    errors.take(MOST_ERRORS).collect()
}

/// The same of a new namespace, where upstream does not say which of them it is.
// PARITY: pkg/apis/core/validation/validation.go#ValidateNamespace
pub(crate) fn check_new_spec_finalizers(namespace: &Document) -> Vec<FieldError> {
    let errors = check_spec_finalizers(namespace).into_iter();
    errors.map(|error| FieldError { path: FieldPath::of("spec.finalizers"), ..error }).collect()
}

/// The kind that goes when it is old, and takes nothing along.
// PARITY: apimachinery/pkg/api/validation/objectmeta.go#BannedOwners
fn is_banned_owner(owner: &Document) -> bool {
    text(owner, "apiVersion") == "v1" && text(owner, "kind") == "Event"
}

// PARITY: apimachinery/pkg/api/validation/objectmeta.go#ValidateOwnerReferences
fn check_owners(owners: Option<&Value>, errors: &mut Vec<FieldError>) {
    let mut controllers = 0;
    let owners = owners.and_then(Value::as_array).into_iter().flatten();
    for (index, owner) in owners.enumerate() {
        let Some(owner) = owner.as_object() else { continue };
        let path = field("ownerReferences").index(index);
        for (field, what) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if text(owner, field).is_empty() && owner.contains_key(field) {
                errors.push(FieldError::invalid(path.field(field), Value::from(""), what));
            }
        }
        if is_banned_owner(owner) {
            let message = "/v1, Kind=Event is disallowed from being an owner";
            errors.push(FieldError::invalid(path, Value::Object(owner.clone()), message));
        }
        controllers += usize::from(owner.get("controller") == Some(&Value::Bool(true)));
    }
    if controllers > 1 {
        errors.push(FieldError::invalid(
            field("ownerReferences"),
            Value::from(controllers),
            "Only one reference can have Controller set to true",
        ));
    }
}
