//! The Kubernetes and KubeVirt object model as typed data: what users, controllers and nodes write
//! to each other about virtual machines and their migrations.
//!
//! Everything here is a value. Nothing talks to a cluster, but everything can be talked to one
//! about: each kind works as `kube::Api<…>` against any KubeVirt cluster.
//!
//! # The rules
//!
//! **What is written is kept.** ferry acts on some of a virtual machine's fields and types those;
//! all others stay as they are in an `other` next to them ([`Unmodelled`]) and are written back
//! where they were. A quantity keeps its spelling, an absent field stays absent, and what a newer
//! server knows more survives a read, a change and a write.
//!
//! **The model is complete where it matters.** A misspelt setting of a migration would quietly be
//! no setting. So policies, migration objects and the migration sections of the cluster's
//! configuration name all their fields, and an unknown one is an error with its path.
//!
//! **There is one door.** Text becomes documents in [`manifest::read`], a document becomes an
//! [`Object`] in [`decode()`], and whoever holds an object checks nothing of this again. All that is
//! wrong is reported at once, in Kubernetes' words: where, what stands there, what would do.
//!
//! ```
//! use ferry_api::{Decoded, Object, decode, manifest};
//!
//! let text = "
//! apiVersion: migrations.kubevirt.io/v1alpha1
//! kind: MigrationPolicy
//! metadata:
//!   name: databases
//! spec:
//!   allowPostCopy: true
//!   bandwidthPerMigration: 256Mi
//!   selectors:
//!     virtualMachineInstanceSelector:
//!       workload-type: db
//! ";
//! let document = manifest::read(text).unwrap().remove(0).value;
//! let Decoded::Known { object: Object::MigrationPolicy(policy), .. } = decode(&document).unwrap()
//! else {
//!     unreachable!("the manifest says what it is");
//! };
//! assert_eq!(policy.spec.allow_post_copy, Some(true));
//! assert_eq!(policy.spec.allow_auto_converge, None);
//!
//! let misspelt = text.replace("allowPostCopy: true", "allowPostcopy: 'true'").replace("db", "yes");
//! let document = manifest::read(&misspelt).unwrap().remove(0).value;
//! let errors: Vec<String> =
//!     decode(&document).unwrap_err().iter().map(ToString::to_string).collect();
//! assert_eq!(
//!     errors,
//!     [
//!         "spec.allowPostcopy: unknown field; did you mean allowPostCopy?",
//!         "spec.selectors.virtualMachineInstanceSelector[workload-type]: \
//!          Invalid value: true: must be a string; put it in quotes",
//!     ],
//! );
//! ```
//!
//! # The kinds
//!
//! | kind | group | type |
//! |---|---|---|
//! | VirtualMachine | `kubevirt.io` | [`kubevirt::VirtualMachine`] |
//! | VirtualMachineInstance | `kubevirt.io` | [`kubevirt::VirtualMachineInstance`] |
//! | VirtualMachineInstanceMigration | `kubevirt.io` | [`kubevirt::VirtualMachineInstanceMigration`] |
//! | KubeVirt | `kubevirt.io` | [`kubevirt::KubeVirt`] |
//! | MigrationPolicy | `migrations.kubevirt.io` | [`MigrationPolicy`] |
//! | HyperConverged | `hco.kubevirt.io` | [`hco::v1::HyperConverged`], [`hco::v1beta1::HyperConverged`] |
//! | NetworkAttachmentDefinition | `k8s.cni.cncf.io` | [`NetworkAttachmentDefinition`] |
//! | Node, Namespace, Pod, Event, PersistentVolumeClaim, ConfigMap, Secret, Service, ServiceAccount | core | `k8s-openapi`'s |
//! | ClusterRole, ClusterRoleBinding, Role, RoleBinding | `rbac.authorization.k8s.io` | `k8s-openapi`'s |
//! | Lease | `coordination.k8s.io` | `k8s-openapi`'s |
//!
//! [`Kind`] is the same table as data, with versions, short names, the columns of `kubectl get` and
//! the [`Schema`] of each version, which the API server checks, defaults and publishes.
//!
//! Events are also served in `events.k8s.io`, under other field names: a [`KindVersion`] is a kind in
//! one of its groups and versions, as a URL names it.
//!
//! # What an API server says of them
//!
//! [`discovery`] tells which groups, versions and resources there are, [`openapi`] what they consist
//! of, and [`table`] prints them as `kubectl get` shows them. What is below an object is a
//! [`Subresource`]; what has no objects at all, such as a review of somebody's rights, is a
//! [`VirtualResource`].
//!
//! Objects are made like any other value:
//!
//! ```
//! use ferry_api::kubevirt::{VirtualMachineInstanceMigration, VirtualMachineInstanceMigrationSpec};
//! use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
//! use serde_json::json;
//!
//! let migration = VirtualMachineInstanceMigration {
//!     metadata: ObjectMeta { generate_name: Some("drain-".to_owned()), ..ObjectMeta::default() },
//!     spec: VirtualMachineInstanceMigrationSpec {
//!         vmi_name: "postgres".to_owned(),
//!         ..VirtualMachineInstanceMigrationSpec::default()
//!     },
//!     status: None,
//! };
//! assert_eq!(
//!     serde_json::to_value(migration).unwrap(),
//!     json!({
//!         "apiVersion": "kubevirt.io/v1",
//!         "kind": "VirtualMachineInstanceMigration",
//!         "metadata": { "generateName": "drain-" },
//!         "spec": { "vmiName": "postgres" },
//!     }),
//! );
//! ```

// The door: from text to objects, or to what is wrong with it.
mod decode;
mod field_error;
pub mod manifest;

// The kinds.
pub mod hco;
pub mod kubevirt;
mod migration_policy;
mod network_attachment_definition;
mod object;
mod storage;

// What there is to know of every kind.
mod catalog;
pub mod discovery;
pub mod openapi;
pub mod schema;
pub mod table;

// The words that fields are made of.
mod field_selector;
mod names;
mod quantity;
mod selector;

// How objects are looked at.
mod view;

pub use decode::{Decoded, Filing, Object, decode};
pub use field_error::{FieldError, FieldPath, Problem};

pub use migration_policy::{
    MigrationCompression, MigrationPolicy, MigrationPolicyExperimental, MigrationPolicySpec,
    MigrationPolicyStatus, Selectors,
};
pub use network_attachment_definition::{
    NetworkAttachmentDefinition, NetworkAttachmentDefinitionSpec,
};
pub use object::{Labels, Unmodelled};
pub use storage::{PROVISIONER, STORAGE_PROVISIONER};

pub use catalog::{
    BodyKind, CellSource, Column, Kind, KindVersion, Misfiled, ResourceDefinition, Scope,
    SelectableField, Shown, StatusSubresource, Subresource, Version, VirtualResource,
    selectable_value,
};
pub use schema::Schema;
pub use view::{Modelled, View};

pub use field_selector::{FieldOperator, FieldRequirement, FieldSelector, FieldSelectorError};
pub use names::{NameError, NameRule};
pub use quantity::{Quantity, QuantityError, QuantityText};
pub use selector::{Operator, Requirement, RequirementError, Selector, SelectorError};
