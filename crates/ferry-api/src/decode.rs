//! From a document to a typed object, or to everything that is wrong with it.
//!
//! This is the door: behind it a manifest is a value of a Rust type. What Kubernetes' API server
//! refuses is refused here, before anything is acted on: a kind in the wrong group, a missing name,
//! a label that is no label, a field of the wrong type, an unknown field where the model is
//! complete.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, Secret,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::catalog::{Kind, Scope};
use crate::field_error::{FieldError, FieldPath, Problem};
use crate::hco;
use crate::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use crate::migration_policy::MigrationPolicy;
use crate::names::{NameError, NameRule};
use crate::network_attachment_definition::NetworkAttachmentDefinition;

/// An object of a kind that ferry knows.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is named for its kind")]
pub enum Object {
    VirtualMachine(Box<VirtualMachine>),
    VirtualMachineInstance(Box<VirtualMachineInstance>),
    VirtualMachineInstanceMigration(Box<VirtualMachineInstanceMigration>),
    MigrationPolicy(Box<MigrationPolicy>),
    KubeVirt(Box<KubeVirt>),
    HyperConvergedV1(Box<hco::v1::HyperConverged>),
    HyperConvergedV1Beta1(Box<hco::v1beta1::HyperConverged>),
    NetworkAttachmentDefinition(Box<NetworkAttachmentDefinition>),
    Node(Box<Node>),
    Namespace(Box<Namespace>),
    Pod(Box<Pod>),
    Event(Box<Event>),
    Lease(Box<Lease>),
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    ConfigMap(Box<ConfigMap>),
    Secret(Box<Secret>),
}

/// What a document turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// An object of a kind that ferry knows.
    Known {
        /// The object.
        object: Object,
        /// How it named its group.
        filing: Filing,
    },
    /// An object of another kind.
    Foreign {
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
}

/// How an object named its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filing {
    /// As it should.
    Right,
    /// A VirtualMachine under MigrationPolicy's `migrations.kubevirt.io/v1alpha1`, as an example
    /// of the documentation has it. A cluster has no such kind; it was read as `kubevirt.io/v1`.
    VirtualMachineAsPolicyGroup,
}

/// The `apiVersion` that the documentation's example of a VirtualMachine carries.
const POLICY_API_VERSION: &str = "migrations.kubevirt.io/v1alpha1";

/// What `document` is, or everything that is wrong with it.
///
/// ```
/// use ferry_api::{Decoded, Object, decode};
/// use serde_json::json;
///
/// let document = json!({
///     "apiVersion": "migrations.kubevirt.io/v1alpha1",
///     "kind": "MigrationPolicy",
///     "metadata": { "name": "production" },
///     "spec": { "selectors": {}, "bandwithPerMigration": "64Mi" },
/// });
/// let errors = decode(document.as_object().unwrap()).unwrap_err();
/// assert!(errors[0].to_string().starts_with("spec.bandwithPerMigration: unknown field"));
/// ```
pub fn decode(document: &Map<String, Value>) -> Result<Decoded, Vec<FieldError>> {
    let api_version = type_field(document, "apiVersion", "such as kubevirt.io/v1");
    let kind = type_field(document, "kind", "such as VirtualMachine");
    let (api_version, kind_name) = match (api_version, kind) {
        (Ok(api_version), Ok(kind)) => (api_version, kind),
        (first, second) => return Err(first.err().into_iter().chain(second.err()).collect()),
    };
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if api_version == POLICY_API_VERSION && kind_name == Kind::VirtualMachine.definition().kind {
        let mut refiled = document.clone();
        refiled.insert("apiVersion".to_owned(), Value::from("kubevirt.io/v1"));
        let object = decode_as(Kind::VirtualMachine, "v1", &refiled)?;
        return Ok(Decoded::Known { object, filing: Filing::VirtualMachineAsPolicyGroup });
    }
    let Some(kind) = Kind::find(group, kind_name) else {
        return match misfiled(group, kind_name) {
            Some(right) => Err(vec![no_match(api_version, kind_name, right)]),
            None => Ok(Decoded::Foreign {
                api_version: api_version.to_owned(),
                kind: kind_name.to_owned(),
            }),
        };
    };
    if kind.definition().version(version).is_none() {
        return Err(vec![no_match(api_version, kind_name, kind)]);
    }
    let object = decode_as(kind, version, document)?;
    Ok(Decoded::Known { object, filing: Filing::Right })
}

fn type_field<'a>(
    document: &'a Map<String, Value>,
    name: &str,
    example: &str,
) -> Result<&'a str, FieldError> {
    match document.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        None | Some(Value::Null | Value::String(_)) => {
            Err(FieldError::required(FieldPath::of(name), format!("must be a string {example}")))
        }
        Some(other) => Err(FieldError::invalid(
            FieldPath::of(name),
            other.clone(),
            format!("must be a string {example}"),
        )),
    }
}

/// A kind of KubeVirt's world under another of its groups. Elsewhere the same word may well name
/// something else.
fn misfiled(group: &str, kind_name: &str) -> Option<Kind> {
    let ours = group == "kubevirt.io" || group.ends_with(".kubevirt.io");
    Kind::ALL.into_iter().find(|kind| {
        let definition = kind.definition();
        ours && definition.group.ends_with("kubevirt.io") && definition.kind == kind_name
    })
}

fn no_match(api_version: &str, kind_name: &str, right: Kind) -> FieldError {
    let definition = right.definition();
    let served: Vec<_> =
        definition.versions.iter().map(|version| definition.api_version(version.name)).collect();
    FieldError::invalid(
        FieldPath::of("apiVersion"),
        Value::from(api_version),
        format!(
            "no matches for kind \"{kind_name}\" in version \"{api_version}\"; use {}",
            served.join(" or ")
        ),
    )
}

fn decode_as(
    kind: Kind,
    version: &str,
    document: &Map<String, Value>,
) -> Result<Object, Vec<FieldError>> {
    let schema = kind.schema(version).expect("every version that is served has a schema");
    let value = Value::Object(document.clone());
    let mut errors = check_metadata(kind, document);
    errors.extend(schema.check(&value));
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(match kind {
        Kind::VirtualMachine => Object::VirtualMachine(typed(value)?),
        Kind::VirtualMachineInstance => Object::VirtualMachineInstance(typed(value)?),
        Kind::VirtualMachineInstanceMigration => {
            Object::VirtualMachineInstanceMigration(typed(value)?)
        }
        Kind::MigrationPolicy => Object::MigrationPolicy(typed(value)?),
        Kind::KubeVirt => Object::KubeVirt(typed(value)?),
        Kind::HyperConverged if version == "v1" => Object::HyperConvergedV1(typed(value)?),
        Kind::HyperConverged => Object::HyperConvergedV1Beta1(typed(value)?),
        Kind::NetworkAttachmentDefinition => Object::NetworkAttachmentDefinition(typed(value)?),
        Kind::Node => Object::Node(typed(value)?),
        Kind::Namespace => Object::Namespace(typed(value)?),
        Kind::Pod => Object::Pod(typed(value)?),
        Kind::Event => Object::Event(typed(value)?),
        Kind::Lease => Object::Lease(typed(value)?),
        Kind::PersistentVolumeClaim => Object::PersistentVolumeClaim(typed(value)?),
        Kind::ConfigMap => Object::ConfigMap(typed(value)?),
        Kind::Secret => Object::Secret(typed(value)?),
    })
}

/// The typed value. A document that fits its schema fits its type; should the two ever differ, the
/// type's own complaint is passed on with its path.
fn typed<T: DeserializeOwned>(value: Value) -> Result<Box<T>, Vec<FieldError>> {
    serde_path_to_error::deserialize(value).map(Box::new).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { FieldPath::root() } else { FieldPath::of(&path) };
        let accepted = error.into_inner().to_string();
        vec![FieldError { path, problem: Problem::Required { accepted } }]
    })
}

/// What Kubernetes asks of the metadata of every object
/// (`apimachinery pkg/api/validation/objectmeta.go`).
fn check_metadata(kind: Kind, document: &Map<String, Value>) -> Vec<FieldError> {
    let path = FieldPath::of("metadata");
    let empty = Map::new();
    // A metadata of the wrong type is the schema's to report.
    let metadata = match document.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => &empty,
    };
    let text = |field: &str| metadata.get(field).and_then(Value::as_str).filter(|t| !t.is_empty());
    let mut errors = Vec::new();
    match (text("name"), text("generateName")) {
        (Some(name), _) => {
            push(&mut errors, path.field("name"), name, name_rule(kind).check(name));
        }
        (None, Some(prefix)) => {
            let checked = name_rule(kind).check_prefix(prefix);
            push(&mut errors, path.field("generateName"), prefix, checked);
        }
        (None, None) => {
            errors
                .push(FieldError::required(path.field("name"), "name or generateName is required"));
        }
    }
    match (kind.definition().scope, text("namespace")) {
        (Scope::Namespaced, Some(name)) => {
            push(&mut errors, path.field("namespace"), name, NameRule::DnsLabel.check(name));
        }
        (Scope::Cluster, Some(name)) => errors.push(FieldError::invalid(
            path.field("namespace"),
            Value::from(name),
            "must not be set: objects of this kind belong to the whole cluster",
        )),
        (_, None) => {}
    }
    check_labels(&path.field("labels"), metadata.get("labels"), &mut errors);
    errors
}

/// How objects of a kind may be named.
fn name_rule(kind: Kind) -> NameRule {
    if kind == Kind::Namespace { NameRule::DnsLabel } else { NameRule::DnsSubdomain }
}

fn check_labels(path: &FieldPath, labels: Option<&Value>, errors: &mut Vec<FieldError>) {
    let Some(Value::Object(labels)) = labels else { return };
    for (key, value) in labels {
        push(errors, path.clone(), key, NameRule::LabelKey.check(key));
        if let Value::String(value) = value {
            push(errors, path.key(key), value, NameRule::LabelValue.check(value));
        }
    }
}

fn push(
    errors: &mut Vec<FieldError>,
    path: FieldPath,
    value: &str,
    checked: Result<(), NameError>,
) {
    if let Err(error) = checked {
        errors.push(FieldError::invalid(path, Value::from(value), error.to_string()));
    }
}
