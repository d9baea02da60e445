//! Looking at the objects of a cluster as they were at one moment.

use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::catalog::Kind;
use crate::selector::Selector;

/// A type whose values are objects of one kind, in the version that they are kept in.
pub trait Modelled:
    k8s_openapi::Metadata<Ty = ObjectMeta>
    + DeserializeOwned
    + Serialize
    + Clone
    + Debug
    + Send
    + Sync
    + 'static
{
    /// The kind.
    const KIND: Kind;
}

/// The objects of a cluster as they were at one moment.
///
/// The API server's state and the caches of its clients are views, so whatever decides by looking
/// at other objects reads them the same way everywhere.
pub trait View {
    /// The object of that name. `namespace` is empty for kinds of the whole cluster.
    fn get<T: Modelled>(&self, namespace: &str, name: &str) -> Option<T>;

    /// The objects that `labels` selects, by namespace and name; of all namespaces where none is
    /// given.
    fn list<T: Modelled>(&self, namespace: Option<&str>, labels: &Selector) -> Vec<T>;
}

macro_rules! modelled {
    ($($type:ty => $kind:ident),* $(,)?) => {
        $(impl Modelled for $type {
            const KIND: Kind = Kind::$kind;
        })*
    };
}

modelled! {
    crate::kubevirt::VirtualMachine => VirtualMachine,
    crate::kubevirt::VirtualMachineInstance => VirtualMachineInstance,
    crate::kubevirt::VirtualMachineInstanceMigration => VirtualMachineInstanceMigration,
    crate::MigrationPolicy => MigrationPolicy,
    crate::kubevirt::KubeVirt => KubeVirt,
    crate::hco::v1beta1::HyperConverged => HyperConverged,
    crate::NetworkAttachmentDefinition => NetworkAttachmentDefinition,
    k8s_openapi::api::core::v1::Node => Node,
    k8s_openapi::api::core::v1::Namespace => Namespace,
    k8s_openapi::api::core::v1::Pod => Pod,
    k8s_openapi::api::core::v1::Event => Event,
    k8s_openapi::api::coordination::v1::Lease => Lease,
    k8s_openapi::api::core::v1::PersistentVolumeClaim => PersistentVolumeClaim,
    k8s_openapi::api::core::v1::ConfigMap => ConfigMap,
    k8s_openapi::api::core::v1::Secret => Secret,
    k8s_openapi::api::core::v1::Service => Service,
    k8s_openapi::api::core::v1::ServiceAccount => ServiceAccount,
    k8s_openapi::api::rbac::v1::ClusterRole => ClusterRole,
    k8s_openapi::api::rbac::v1::ClusterRoleBinding => ClusterRoleBinding,
    k8s_openapi::api::rbac::v1::Role => Role,
    k8s_openapi::api::rbac::v1::RoleBinding => RoleBinding,
}
