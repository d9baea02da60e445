//! The table of kinds.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use schemars::JsonSchema;

use crate::catalog::{
    Kind, ResourceDefinition, Scope, StatusSubresource, Version, columns, sections, strategies,
};
use crate::hco;
use crate::kubevirt::{
    KubeVirt, VirtualMachine, VirtualMachineInstance, VirtualMachineInstanceMigration,
};
use crate::migration_policy::MigrationPolicy;
use crate::network_attachment_definition::NetworkAttachmentDefinition;
use crate::schema::{Schema, Shape, Text};

const fn version(name: &'static str) -> Version {
    Version { name, deprecation_warning: None }
}

const V1: &[Version] = &[version("v1")];

/// What KubeVirt itself serves.
const KUBEVIRT_VERSIONS: &[Version] = &[
    version("v1"),
    Version {
        name: "v1alpha3",
        deprecation_warning: Some(
            "kubevirt.io/v1alpha3 is now deprecated and will be removed in a future release.",
        ),
    },
];

const BUILT_IN: ResourceDefinition = ResourceDefinition {
    group: "",
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    scope: Scope::Namespaced,
    versions: V1,
    storage_version: "v1",
    status: StatusSubresource::None,
    columns: columns::AGE_ONLY,
};

const KUBEVIRT: ResourceDefinition = ResourceDefinition {
    group: "kubevirt.io",
    categories: &["all"],
    versions: KUBEVIRT_VERSIONS,
    status: StatusSubresource::Served,
    ..BUILT_IN
};

const VIRTUAL_MACHINE: ResourceDefinition = ResourceDefinition {
    kind: "VirtualMachine",
    plural: "virtualmachines",
    singular: "virtualmachine",
    short_names: &["vm", "vms"],
    columns: columns::VIRTUAL_MACHINE,
    ..KUBEVIRT
};

/// Virtual machines where an example of the documentation has them. Names that they have there would
/// be those of two resources.
pub(super) const MISFILED_MACHINE: ResourceDefinition = ResourceDefinition {
    short_names: &[],
    categories: &[],
    status: StatusSubresource::None,
    ..VIRTUAL_MACHINE
};

const VIRTUAL_MACHINE_INSTANCE: ResourceDefinition = ResourceDefinition {
    kind: "VirtualMachineInstance",
    plural: "virtualmachineinstances",
    singular: "virtualmachineinstance",
    short_names: &["vmi", "vmis"],
    // PARITY: pkg/virt-operator/resource/generate/components/crds.go#NewVirtualMachineInstanceCrd
    status: StatusSubresource::None,
    columns: columns::VIRTUAL_MACHINE_INSTANCE,
    ..KUBEVIRT
};

const MIGRATION: ResourceDefinition = ResourceDefinition {
    kind: "VirtualMachineInstanceMigration",
    plural: "virtualmachineinstancemigrations",
    singular: "virtualmachineinstancemigration",
    short_names: &["vmim", "vmims"],
    columns: columns::MIGRATION,
    ..KUBEVIRT
};

const KUBEVIRT_INSTALLATION: ResourceDefinition = ResourceDefinition {
    kind: "KubeVirt",
    plural: "kubevirts",
    singular: "kubevirt",
    short_names: &["kv", "kvs"],
    columns: columns::KUBEVIRT,
    ..KUBEVIRT
};

const MIGRATION_POLICY: ResourceDefinition = ResourceDefinition {
    group: "migrations.kubevirt.io",
    kind: "MigrationPolicy",
    plural: "migrationpolicies",
    singular: "migrationpolicy",
    scope: Scope::Cluster,
    versions: &[version("v1alpha1")],
    storage_version: "v1alpha1",
    status: StatusSubresource::Served,
    ..BUILT_IN
};

const HYPERCONVERGED: ResourceDefinition = ResourceDefinition {
    group: "hco.kubevirt.io",
    kind: "HyperConverged",
    plural: "hyperconvergeds",
    singular: "hyperconverged",
    short_names: &["hco", "hcos"],
    categories: &["all"],
    versions: &[version("v1"), version("v1beta1")],
    // Releases 1.16 to 1.18 keep v1beta1; later ones keep v1.
    storage_version: "v1beta1",
    status: StatusSubresource::Served,
    ..BUILT_IN
};

const NETWORK_ATTACHMENT_DEFINITION: ResourceDefinition = ResourceDefinition {
    group: "k8s.cni.cncf.io",
    kind: "NetworkAttachmentDefinition",
    plural: "network-attachment-definitions",
    singular: "network-attachment-definition",
    short_names: &["net-attach-def", "nad"],
    ..BUILT_IN
};

const NODE: ResourceDefinition = ResourceDefinition {
    kind: "Node",
    plural: "nodes",
    singular: "node",
    short_names: &["no"],
    scope: Scope::Cluster,
    status: StatusSubresource::Served,
    columns: columns::NODE,
    ..BUILT_IN
};

const NAMESPACE: ResourceDefinition = ResourceDefinition {
    kind: "Namespace",
    plural: "namespaces",
    singular: "namespace",
    short_names: &["ns"],
    scope: Scope::Cluster,
    status: StatusSubresource::Served,
    columns: columns::NAMESPACE,
    ..BUILT_IN
};

const POD: ResourceDefinition = ResourceDefinition {
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    status: StatusSubresource::Served,
    columns: columns::POD,
    ..BUILT_IN
};

const EVENT: ResourceDefinition = ResourceDefinition {
    kind: "Event",
    plural: "events",
    singular: "event",
    short_names: &["ev"],
    columns: columns::EVENT,
    ..BUILT_IN
};

const LEASE: ResourceDefinition = ResourceDefinition {
    group: "coordination.k8s.io",
    kind: "Lease",
    plural: "leases",
    singular: "lease",
    columns: columns::LEASE,
    ..BUILT_IN
};

const PERSISTENT_VOLUME_CLAIM: ResourceDefinition = ResourceDefinition {
    kind: "PersistentVolumeClaim",
    plural: "persistentvolumeclaims",
    singular: "persistentvolumeclaim",
    short_names: &["pvc"],
    status: StatusSubresource::Served,
    columns: columns::PERSISTENT_VOLUME_CLAIM,
    ..BUILT_IN
};

const CONFIG_MAP: ResourceDefinition = ResourceDefinition {
    kind: "ConfigMap",
    plural: "configmaps",
    singular: "configmap",
    short_names: &["cm"],
    columns: columns::CONFIG_MAP,
    ..BUILT_IN
};

const SECRET: ResourceDefinition = ResourceDefinition {
    kind: "Secret",
    plural: "secrets",
    singular: "secret",
    columns: columns::SECRET,
    ..BUILT_IN
};

const SERVICE: ResourceDefinition = ResourceDefinition {
    kind: "Service",
    plural: "services",
    singular: "service",
    short_names: &["svc"],
    categories: &["all"],
    status: StatusSubresource::Served,
    columns: columns::SERVICE,
    ..BUILT_IN
};

const SERVICE_ACCOUNT: ResourceDefinition = ResourceDefinition {
    kind: "ServiceAccount",
    plural: "serviceaccounts",
    singular: "serviceaccount",
    short_names: &["sa"],
    columns: columns::SERVICE_ACCOUNT,
    ..BUILT_IN
};

const RBAC: ResourceDefinition =
    ResourceDefinition { group: "rbac.authorization.k8s.io", ..BUILT_IN };

const CLUSTER_ROLE: ResourceDefinition = ResourceDefinition {
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    scope: Scope::Cluster,
    columns: columns::ROLE,
    ..RBAC
};

const CLUSTER_ROLE_BINDING: ResourceDefinition = ResourceDefinition {
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    scope: Scope::Cluster,
    columns: columns::ROLE_BINDING,
    ..RBAC
};

const ROLE: ResourceDefinition = ResourceDefinition {
    kind: "Role",
    plural: "roles",
    singular: "role",
    columns: columns::ROLE,
    ..RBAC
};

const ROLE_BINDING: ResourceDefinition = ResourceDefinition {
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    columns: columns::ROLE_BINDING,
    ..RBAC
};

pub(super) const fn definition(kind: Kind) -> &'static ResourceDefinition {
    match kind {
        Kind::VirtualMachine => &VIRTUAL_MACHINE,
        Kind::VirtualMachineInstance => &VIRTUAL_MACHINE_INSTANCE,
        Kind::VirtualMachineInstanceMigration => &MIGRATION,
        Kind::KubeVirt => &KUBEVIRT_INSTALLATION,
        Kind::MigrationPolicy => &MIGRATION_POLICY,
        Kind::HyperConverged => &HYPERCONVERGED,
        Kind::NetworkAttachmentDefinition => &NETWORK_ATTACHMENT_DEFINITION,
        Kind::Node => &NODE,
        Kind::Namespace => &NAMESPACE,
        Kind::Pod => &POD,
        Kind::Event => &EVENT,
        Kind::Lease => &LEASE,
        Kind::PersistentVolumeClaim => &PERSISTENT_VOLUME_CLAIM,
        Kind::ConfigMap => &CONFIG_MAP,
        Kind::Secret => &SECRET,
        Kind::Service => &SERVICE,
        Kind::ServiceAccount => &SERVICE_ACCOUNT,
        Kind::ClusterRole => &CLUSTER_ROLE,
        Kind::ClusterRoleBinding => &CLUSTER_ROLE_BINDING,
        Kind::Role => &ROLE,
        Kind::RoleBinding => &ROLE_BINDING,
    }
}

/// The schema of a kind in one of its versions.
pub(super) fn schema(kind: Kind, version: &str) -> Schema {
    let mut schema = bare_schema(kind, version);
    sections::add(kind, version, &mut schema);
    strategies::annotate(kind, &mut schema);
    schema
}

/// The schema as the kind's type has it.
fn bare_schema(kind: Kind, version: &str) -> Schema {
    match kind {
        Kind::VirtualMachine => schema_of::<VirtualMachine>(),
        Kind::VirtualMachineInstance => schema_of::<VirtualMachineInstance>(),
        Kind::VirtualMachineInstanceMigration => schema_of::<VirtualMachineInstanceMigration>(),
        Kind::MigrationPolicy => schema_of::<MigrationPolicy>(),
        Kind::KubeVirt => schema_of::<KubeVirt>(),
        Kind::HyperConverged if version == "v1" => schema_of::<hco::v1::HyperConverged>(),
        Kind::HyperConverged => schema_of::<hco::v1beta1::HyperConverged>(),
        Kind::NetworkAttachmentDefinition => schema_of::<NetworkAttachmentDefinition>(),
        Kind::Node => schema_of::<Node>(),
        Kind::Namespace => schema_of::<Namespace>(),
        Kind::Pod => schema_of::<Pod>(),
        Kind::Event => schema_of::<Event>(),
        Kind::Lease => schema_of::<Lease>(),
        Kind::PersistentVolumeClaim => schema_of::<PersistentVolumeClaim>(),
        Kind::ConfigMap => schema_of::<ConfigMap>(),
        Kind::Secret => schema_of::<Secret>(),
        Kind::Service => schema_of::<Service>(),
        Kind::ServiceAccount => schema_of::<ServiceAccount>(),
        Kind::ClusterRole => schema_of::<ClusterRole>(),
        Kind::ClusterRoleBinding => schema_of::<ClusterRoleBinding>(),
        Kind::Role => schema_of::<Role>(),
        Kind::RoleBinding => schema_of::<RoleBinding>(),
    }
}

/// The schema of events in the group of their own.
pub(super) fn new_event_schema() -> Schema {
    let mut schema = schema_of::<k8s_openapi::api::events::v1::Event>();
    strategies::annotate_new_event(&mut schema);
    schema
}

/// The schema of a kind's type, with `apiVersion` and `kind`, which are constants of the type.
fn schema_of<T: JsonSchema>() -> Schema {
    let mut schema = Schema::of::<T>();
    if let Shape::Object(object) = &mut schema.shape {
        for (name, description) in [
            ("apiVersion", "The group and version that the object is written in."),
            ("kind", "What the object is."),
        ] {
            let text = Schema::plain(Shape::String(Text::Any));
            let described = Schema { description: Some(description.to_owned()), ..text };
            object.properties.insert(name.to_owned(), described);
        }
        // Metadata may be left out by clients that fill in the name themselves.
        object.required.remove("metadata");
    }
    schema
}
