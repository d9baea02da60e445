//! Every kind that ferry serves: its names, versions, scope, columns and schema, as data.
//!
//! Sources: KubeVirt `pkg/virt-operator/resource/generate/components/crds.go`, the
//! hyperconverged-cluster-operator's CRD, Multus' CRD, and Kubernetes' own discovery for the
//! built-in kinds.

mod columns;
mod definitions;
mod selectable;
mod served;
mod strategies;
mod subresources;

use std::fmt;
use std::sync::OnceLock;

use crate::names::NameRule;
use crate::schema::Schema;

pub use selectable::{SelectableField, selectable_value};
pub use served::{KindVersion, Misfiled};
pub use subresources::{BodyKind, Subresource, VirtualResource};

/// A kind that ferry serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kubevirt.io` VirtualMachine.
    VirtualMachine,
    /// `kubevirt.io` VirtualMachineInstance.
    VirtualMachineInstance,
    /// `kubevirt.io` VirtualMachineInstanceMigration.
    VirtualMachineInstanceMigration,
    /// `migrations.kubevirt.io` MigrationPolicy.
    MigrationPolicy,
    /// `kubevirt.io` KubeVirt.
    KubeVirt,
    /// `hco.kubevirt.io` HyperConverged.
    HyperConverged,
    /// `k8s.cni.cncf.io` NetworkAttachmentDefinition.
    NetworkAttachmentDefinition,
    /// Core Node.
    Node,
    /// Core Namespace.
    Namespace,
    /// Core Pod.
    Pod,
    /// Core Event.
    Event,
    /// `coordination.k8s.io` Lease.
    Lease,
    /// Core PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// Core ConfigMap.
    ConfigMap,
    /// Core Secret.
    Secret,
    /// Core Service.
    Service,
    /// Core ServiceAccount.
    ServiceAccount,
    /// `rbac.authorization.k8s.io` ClusterRole.
    ClusterRole,
    /// `rbac.authorization.k8s.io` ClusterRoleBinding.
    ClusterRoleBinding,
    /// `rbac.authorization.k8s.io` Role.
    Role,
    /// `rbac.authorization.k8s.io` RoleBinding.
    RoleBinding,
}

/// What there is to know of a kind before any object of it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceDefinition {
    /// The API group; empty for Kubernetes' core.
    pub group: &'static str,
    /// The kind, as manifests write it.
    pub kind: &'static str,
    /// The name in URLs.
    pub plural: &'static str,
    /// The name for one object, as `kubectl get` takes it.
    pub singular: &'static str,
    /// Shorter names that `kubectl` takes.
    pub short_names: &'static [&'static str],
    /// Groups of kinds that `kubectl get` takes, such as `all`.
    pub categories: &'static [&'static str],
    /// Whether objects belong to a namespace.
    pub scope: Scope,
    /// The versions that are served, the preferred one first.
    pub versions: &'static [Version],
    /// The version that objects are kept in.
    pub storage_version: &'static str,
    /// Whether status is written through a path of its own.
    pub status: StatusSubresource,
    /// What `kubectl get` shows after the name.
    pub columns: &'static [Column],
}

/// A version of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name, such as `v1`.
    pub name: &'static str,
    /// The warning that each request for it is answered with, where it is on its way out.
    pub deprecation_warning: Option<&'static str>,
}

/// Whether objects of a kind belong to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To the whole cluster.
    Cluster,
    /// To a namespace.
    Namespaced,
}

/// Whether a kind's status is written through a path of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusSubresource {
    /// Through `…/status`, and only there.
    Served,
    /// With the rest of the object.
    None,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The header; clients print it in upper case.
    pub name: &'static str,
    /// The OpenAPI type of its cells: `string`, `integer` or `date`.
    pub type_: &'static str,
    /// What it shows.
    pub description: &'static str,
    /// When it is shown.
    pub shown: Shown,
    /// Where its cells come from.
    pub source: CellSource,
}

/// When a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Always.
    Always,
    /// Only with `-o wide`.
    Wide,
}

/// Where the cells of a column come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellSource {
    /// The value at a JSONPath of the object.
    Path(&'static str),
    /// The API server's own printer for a built-in kind, by the column's name.
    Printer,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 21] = [
        Self::VirtualMachine,
        Self::VirtualMachineInstance,
        Self::VirtualMachineInstanceMigration,
        Self::MigrationPolicy,
        Self::KubeVirt,
        Self::HyperConverged,
        Self::NetworkAttachmentDefinition,
        Self::Node,
        Self::Namespace,
        Self::Pod,
        Self::Event,
        Self::Lease,
        Self::PersistentVolumeClaim,
        Self::ConfigMap,
        Self::Secret,
        Self::Service,
        Self::ServiceAccount,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
        Self::Role,
        Self::RoleBinding,
    ];

    /// The kind that manifests write as `kind` in `group`.
    pub fn find(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|candidate| {
            let definition = candidate.definition();
            definition.group == group && definition.kind == kind
        })
    }

    /// What there is to know of it.
    pub const fn definition(self) -> &'static ResourceDefinition {
        definitions::definition(self)
    }

    /// How its objects may be named.
    pub const fn name_rule(self) -> NameRule {
        match self {
            Self::Namespace => NameRule::DnsLabel,
            Self::Service => NameRule::Dns1035Label,
            Self::ClusterRole | Self::ClusterRoleBinding | Self::Role | Self::RoleBinding => {
                NameRule::PathSegment
            }
            Self::VirtualMachine
            | Self::VirtualMachineInstance
            | Self::VirtualMachineInstanceMigration
            | Self::MigrationPolicy
            | Self::KubeVirt
            | Self::HyperConverged
            | Self::NetworkAttachmentDefinition
            | Self::Node
            | Self::Pod
            | Self::Event
            | Self::Lease
            | Self::PersistentVolumeClaim
            | Self::ConfigMap
            | Self::Secret
            | Self::ServiceAccount => NameRule::DnsSubdomain,
        }
    }

    /// Whether real clusters know it from a CustomResourceDefinition. Those are stricter than
    /// Kubernetes' own kinds where its history made it lenient, print their cells differently, and
    /// take other patches.
    pub const fn is_custom(self) -> bool {
        match self {
            Self::VirtualMachine
            | Self::VirtualMachineInstance
            | Self::VirtualMachineInstanceMigration
            | Self::MigrationPolicy
            | Self::KubeVirt
            | Self::HyperConverged
            | Self::NetworkAttachmentDefinition => true,
            Self::Node
            | Self::Namespace
            | Self::Pod
            | Self::Event
            | Self::Lease
            | Self::PersistentVolumeClaim
            | Self::ConfigMap
            | Self::Secret
            | Self::Service
            | Self::ServiceAccount
            | Self::ClusterRole
            | Self::ClusterRoleBinding
            | Self::Role
            | Self::RoleBinding => false,
        }
    }

    /// Its schema in `version`, or `None` where that is not served.
    pub fn schema(self, version: &str) -> Option<&'static Schema> {
        // Made when first asked for: a program that reads virtual machines needs no pods.
        static SCHEMAS: [OnceLock<Vec<Schema>>; Kind::ALL.len()] =
            [const { OnceLock::new() }; Kind::ALL.len()];
        let versions = self.definition().versions;
        let index = versions.iter().position(|served| served.name == version)?;
        let schemas = SCHEMAS[self as usize].get_or_init(|| {
            versions.iter().map(|version| definitions::schema(self, version.name)).collect()
        });
        schemas.get(index)
    }
}

impl ResourceDefinition {
    /// `group/version`, or only the version for Kubernetes' core.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() { version.to_owned() } else { format!("{}/{version}", self.group) }
    }

    /// The version of that name, if it is served.
    pub fn version(&self, name: &str) -> Option<&'static Version> {
        self.versions.iter().find(|version| version.name == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.definition().kind)
    }
}
