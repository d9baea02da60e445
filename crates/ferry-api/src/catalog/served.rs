//! A kind in one of the groups and versions that it is served in.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use crate::catalog::{Kind, ResourceDefinition, Subresource, definitions};
use crate::schema::Schema;

/// Objects that are listed here are those of `kubectl get all` and of a namespace that is deleted, and
/// they are listed in their own group.
const MISFILED_VERBS: &[&str] = &["create", "delete", "get", "patch", "update"];

/// A kind in one of the groups and versions that it is served in: what a URL or the head of a
/// document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindVersion {
    kind: Kind,
    group: &'static str,
    version: &'static str,
}

/// Whether virtual machines are also served in the group of migration policies.
///
/// An example of OpenShift's documentation has one there; KubeVirt serves none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfiled {
    /// They are, as [`KindVersion::MISFILED_MACHINE`].
    Served,
    /// They are not: there is no such kind in that group.
    NotServed,
}

impl Misfiled {
    /// Whether `served` is served at all.
    pub fn has(self, served: KindVersion) -> bool {
        match self {
            Self::Served => true,
            Self::NotServed => served != KindVersion::MISFILED_MACHINE,
        }
    }
}

/// All that is served, by a name, group and version: each request asks several times.
type Names = BTreeMap<[&'static str; 3], KindVersion>;

fn names(name: impl Fn(KindVersion) -> &'static str) -> Names {
    KindVersion::all().map(|it| ([name(it), it.group, it.version], it)).collect()
}

fn found<'n>(
    names: &BTreeMap<[&'n str; 3], KindVersion>,
    name: [&'n str; 3],
) -> Option<KindVersion> {
    names.get(&name).copied()
}

impl KindVersion {
    /// The one that a document with this `apiVersion` (`group/version`, or `v1`) and `kind` means.
    pub fn of_document(api_version: &str, kind: &str) -> Option<Self> {
        static BY_KIND: LazyLock<Names> = LazyLock::new(|| names(|it| it.definition().kind));
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        found(&BY_KIND, [kind, group, version])
    }

    /// The one that the URL `/apis/group/version/…/plural` means; the core's group is empty.
    pub fn of_path(group: &str, version: &str, plural: &str) -> Option<Self> {
        static BY_PLURAL: LazyLock<Names> = LazyLock::new(|| names(|it| it.definition().plural));
        found(&BY_PLURAL, [plural, group, version])
    }

    /// The one that objects of `kind` are kept in.
    pub fn storage(kind: Kind) -> Self {
        let definition = kind.definition();
        Self { kind, group: definition.group, version: definition.storage_version }
    }

    /// Events in the group that was made for them: the same objects under other field names.
    pub const NEW_EVENT: Self = Self { kind: Kind::Event, group: "events.k8s.io", version: "v1" };

    /// Virtual machines in the group of migration policies, where an example of OpenShift's
    /// documentation has them: the same objects, which are found there by name and not listed.
    pub const MISFILED_MACHINE: Self =
        Self { kind: Kind::VirtualMachine, group: "migrations.kubevirt.io", version: "v1alpha1" };

    /// All that is served, the preferred version of each kind first.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|kind| {
            let definition = kind.definition();
            let own = definition.versions.iter().map(move |version| Self {
                kind,
                group: definition.group,
                version: version.name,
            });
            let elsewhere = [Self::NEW_EVENT, Self::MISFILED_MACHINE];
            own.chain(elsewhere.into_iter().filter(move |served| served.kind == kind))
        })
    }

    /// The paths below its objects.
    pub fn subresources(self) -> &'static [Subresource] {
        if self == Self::MISFILED_MACHINE { &[] } else { self.kind.subresources() }
    }

    /// The kind.
    pub const fn kind(self) -> Kind {
        self.kind
    }

    /// The group; empty for Kubernetes' core.
    pub const fn group(self) -> &'static str {
        self.group
    }

    /// The version, such as `v1`.
    pub const fn version(self) -> &'static str {
        self.version
    }

    /// What there is to know of the kind. In a group that is not its own it has no short names.
    pub fn definition(self) -> &'static ResourceDefinition {
        if self == Self::MISFILED_MACHINE {
            &definitions::MISFILED_MACHINE
        } else {
            self.kind.definition()
        }
    }

    /// What can be done with objects of it.
    pub fn verbs(self) -> &'static [&'static str] {
        if self == Self::MISFILED_MACHINE { MISFILED_VERBS } else { self.kind.verbs() }
    }

    /// Whether the kind is kept in this group and version.
    pub fn is_storage(self) -> bool {
        self == Self::storage(self.kind)
    }

    /// The schema of this version.
    pub fn schema(self) -> &'static Schema {
        static NEW_EVENT: OnceLock<Schema> = OnceLock::new();
        if self == Self::NEW_EVENT {
            return NEW_EVENT.get_or_init(definitions::new_event_schema);
        }
        if self == Self::MISFILED_MACHINE {
            return Self::storage(self.kind).schema();
        }
        self.kind.schema(self.version).expect("every version that is served has a schema")
    }

    /// What documents of it carry as `apiVersion`.
    pub fn api_version(self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

impl fmt::Display for KindVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, Kind={}", self.api_version(), self.definition().kind)
    }
}
