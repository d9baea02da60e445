//! A kind in one of the groups and versions that it is served in.

use std::fmt;
use std::sync::OnceLock;

use crate::catalog::{Kind, ResourceDefinition, definitions};
use crate::schema::Schema;

/// A kind in one of the groups and versions that it is served in: what a URL or the head of a
/// document names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindVersion {
    kind: Kind,
    group: &'static str,
    version: &'static str,
}

impl KindVersion {
    /// The one that a document with this `apiVersion` (`group/version`, or `v1`) and `kind` means.
    pub fn of_document(api_version: &str, kind: &str) -> Option<Self> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        Self::all().find(|served| {
            served.group == group && served.version == version && served.definition().kind == kind
        })
    }

    /// The one that the URL `/apis/group/version/…/plural` means; the core's group is empty.
    pub fn of_path(group: &str, version: &str, plural: &str) -> Option<Self> {
        Self::all().find(|served| {
            served.group == group
                && served.version == version
                && served.definition().plural == plural
        })
    }

    /// The one that objects of `kind` are kept in.
    pub fn storage(kind: Kind) -> Self {
        let definition = kind.definition();
        Self { kind, group: definition.group, version: definition.storage_version }
    }

    /// Events in the group that was made for them: the same objects under other field names.
    pub const NEW_EVENT: Self = Self { kind: Kind::Event, group: "events.k8s.io", version: "v1" };

    /// All that is served, the preferred version of each kind first.
    pub fn all() -> impl Iterator<Item = Self> {
        Kind::ALL.into_iter().flat_map(|kind| {
            let definition = kind.definition();
            let own = definition.versions.iter().map(move |version| Self {
                kind,
                group: definition.group,
                version: version.name,
            });
            own.chain((kind == Kind::Event).then_some(Self::NEW_EVENT))
        })
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

    /// What there is to know of the kind.
    pub const fn definition(self) -> &'static ResourceDefinition {
        self.kind.definition()
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
