//! From a document to a typed object, or to everything that is wrong with it.
//!
//! This is the door: behind it a manifest is a value of a Rust type. What Kubernetes' API server
//! refuses is refused here, before anything is acted on: a kind in the wrong group, a missing name,
//! a label that is no label, a field of the wrong type, an unknown field where the model is
//! complete.

mod metadata;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use crate::catalog::Kind;
use crate::decode::metadata::check_metadata;
use crate::field_error::{FieldError, FieldPath, MOST_ERRORS};
use crate::hco;
use crate::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use crate::migration_policy::MigrationPolicy;
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
    Service(Box<Service>),
    ServiceAccount(Box<ServiceAccount>),
    ClusterRole(Box<ClusterRole>),
    ClusterRoleBinding(Box<ClusterRoleBinding>),
    Role(Box<Role>),
    RoleBinding(Box<RoleBinding>),
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

/// One of our kinds under another group, or in other letters. Under a group that is not ours and
/// not KubeVirt's, the same word may well name something else.
fn misfiled(group: &str, kind_name: &str) -> Option<Kind> {
    let known = group.is_empty() || group == "kubevirt.io" || group.ends_with(".kubevirt.io");
    Kind::ALL.into_iter().find(|kind| {
        let definition = kind.definition();
        (known || definition.group == group) && definition.kind.eq_ignore_ascii_case(kind_name)
    })
}

fn no_match(api_version: &str, kind_name: &str, right: Kind) -> FieldError {
    let definition = right.definition();
    let served: Vec<_> =
        definition.versions.iter().map(|version| definition.api_version(version.name)).collect();
    let (field, value, accepted) = if definition.kind == kind_name {
        ("apiVersion", api_version, served.join(" or "))
    } else {
        ("kind", kind_name, format!("{} in {}", definition.kind, served.join(" or ")))
    };
    FieldError::invalid(
        FieldPath::of(field),
        Value::from(value),
        format!("no matches for kind \"{kind_name}\" in version \"{api_version}\"; use {accepted}"),
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
    errors.truncate(MOST_ERRORS);
    if !errors.is_empty() {
        return Err(errors);
    }
    Ok(match kind {
        Kind::VirtualMachine => Object::VirtualMachine(typed(&value)?),
        Kind::VirtualMachineInstance => Object::VirtualMachineInstance(typed(&value)?),
        Kind::VirtualMachineInstanceMigration => {
            Object::VirtualMachineInstanceMigration(typed(&value)?)
        }
        Kind::MigrationPolicy => Object::MigrationPolicy(typed(&value)?),
        Kind::KubeVirt => Object::KubeVirt(typed(&value)?),
        Kind::HyperConverged if version == "v1" => Object::HyperConvergedV1(typed(&value)?),
        Kind::HyperConverged => Object::HyperConvergedV1Beta1(typed(&value)?),
        Kind::NetworkAttachmentDefinition => Object::NetworkAttachmentDefinition(typed(&value)?),
        Kind::Node => Object::Node(typed(&value)?),
        Kind::Namespace => Object::Namespace(typed(&value)?),
        Kind::Pod => Object::Pod(typed(&value)?),
        Kind::Event => Object::Event(typed(&value)?),
        Kind::Lease => Object::Lease(typed(&value)?),
        Kind::PersistentVolumeClaim => Object::PersistentVolumeClaim(typed(&value)?),
        Kind::ConfigMap => Object::ConfigMap(typed(&value)?),
        Kind::Secret => Object::Secret(typed(&value)?),
        Kind::Service => Object::Service(typed(&value)?),
        Kind::ServiceAccount => Object::ServiceAccount(typed(&value)?),
        Kind::ClusterRole => Object::ClusterRole(typed(&value)?),
        Kind::ClusterRoleBinding => Object::ClusterRoleBinding(typed(&value)?),
        Kind::Role => Object::Role(typed(&value)?),
        Kind::RoleBinding => Object::RoleBinding(typed(&value)?),
    })
}

/// The typed value. A document that fits its schema fits its type; should the two ever differ, the
/// type's own complaint is passed on with its path.
fn typed<T: DeserializeOwned>(value: &Value) -> Result<Box<T>, Vec<FieldError>> {
    match serde_path_to_error::deserialize(value) {
        Ok(typed) => Ok(Box::new(typed)),
        Err(error) => {
            let mut path = FieldPath::root();
            let mut found = Some(value);
            for segment in error.path() {
                (path, found) = match segment {
                    Segment::Seq { index } => {
                        (path.index(*index), found.and_then(|list| list.get(index)))
                    }
                    Segment::Map { key } => {
                        (path.field(key), found.and_then(|fields| fields.get(key)))
                    }
                    Segment::Enum { .. } | Segment::Unknown => (path, found),
                };
            }
            let found = found.cloned().unwrap_or_default();
            Err(vec![FieldError::invalid(path, found, error.inner().to_string())])
        }
    }
}
