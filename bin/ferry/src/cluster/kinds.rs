//! Which kinds the server has, by all the names that people call them.

use anyhow::{Result, anyhow};
use ferry_api::KindVersion;
use ferry_config::Semantics;
use kube::core::discovery::v2::{APIGroupDiscovery, APIResourceDiscovery};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};

use super::connection::Cluster;

/// Everything that the server serves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kinds {
    kinds: Vec<ServedKind>,
}

/// A kind in one of its versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServedKind {
    pub(crate) resource: ApiResource,
    pub(crate) place: Place,
    singular: String,
    short_names: Vec<String>,
    categories: Vec<String>,
    reach: Reach,
}

/// How objects of a kind are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// They can be listed, so words of people mean them.
    Listed,
    /// Only who knows a name finds one: a manifest does.
    ByName,
}

/// Where objects of a kind are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the cluster itself.
    Cluster,
    /// In a namespace.
    Namespace,
}

impl Kinds {
    /// Asks the server.
    pub(crate) async fn of(cluster: &Cluster) -> Result<Self> {
        let client = &cluster.client;
        let asked = futures::future::try_join(
            client.list_core_api_versions_aggregated(),
            client.list_api_groups_aggregated(),
        );
        let (core, groups) = asked.await.map_err(|error| cluster.told(error))?;
        Ok(Self::from_groups(core.items.iter().chain(&groups.items)))
    }

    fn from_groups<'a>(groups: impl Iterator<Item = &'a APIGroupDiscovery>) -> Self {
        let mut kinds = Vec::new();
        for group in groups {
            let name = group.metadata.as_ref().and_then(|metadata| metadata.name.as_deref());
            for version in &group.versions {
                let number = version.version.as_deref().unwrap_or_default();
                let all = version.resources.iter();
                kinds.extend(
                    all.filter_map(|one| ServedKind::read(name.unwrap_or(""), number, one)),
                );
            }
        }
        Self { kinds }
    }

    /// The kind that a manifest says it is of.
    pub(crate) fn of_manifest(&self, api_version: &str, kind: &str) -> Option<&ServedKind> {
        self.kinds
            .iter()
            .find(|one| one.resource.api_version == api_version && one.resource.kind == kind)
    }

    /// Whose behaviour the cluster follows: with the documentation's, an example that only
    /// documentation has is served, a VirtualMachine in the group of migration policies.
    pub(crate) fn semantics(&self) -> Semantics {
        let misfiled = KindVersion::MISFILED_MACHINE;
        match self.of_manifest(&misfiled.api_version(), misfiled.definition().kind) {
            Some(_) => Semantics::Documented,
            None => Semantics::KubeVirt,
        }
    }

    /// What a person means who writes `vm`, `vms.kubevirt.io`, `VirtualMachine` or `all`, each in
    /// the version that the server prefers.
    pub(crate) fn named(&self, name: &str) -> Result<Vec<&ServedKind>> {
        let (word, group) = match name.split_once('.') {
            Some((word, group)) => (word, Some(group)),
            None => (name, None),
        };
        let in_group = |one: &&ServedKind| group.is_none_or(|group| one.is_of(group));
        if let Some(found) =
            self.listed().filter(in_group).find(|one| one.is_called(&word.to_lowercase()))
        {
            return Ok(vec![found]);
        }
        let mut of_category: Vec<&ServedKind> = Vec::new();
        for one in self.listed() {
            let is_there = |other: &&ServedKind| {
                other.resource.group == one.resource.group
                    && other.resource.kind == one.resource.kind
            };
            if one.categories.iter().any(|category| category == name)
                && !of_category.iter().any(is_there)
            {
                of_category.push(one);
            }
        }
        if of_category.is_empty() {
            return Err(anyhow!(
                "the server has no kind {name:?}; it has {}",
                self.short_list().join(", ")
            ));
        }
        Ok(of_category)
    }

    /// Those that words of people mean.
    fn listed(&self) -> impl Iterator<Item = &ServedKind> {
        self.kinds.iter().filter(|one| one.reach == Reach::Listed)
    }

    /// The plural of each kind, with its short names.
    fn short_list(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for one in self.listed() {
            let name = match one.short_names.first() {
                Some(short) => format!("{} ({short})", one.resource.plural),
                None => one.resource.plural.clone(),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.sort();
        names
    }
}

impl ServedKind {
    fn read(group: &str, version: &str, listed: &APIResourceDiscovery) -> Option<Self> {
        let kind = listed.response_kind.as_ref()?.kind.clone()?;
        let reach = reach(listed)?;
        let api_version =
            if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let place = match listed.scope.as_deref() {
            Some("Cluster") => Place::Cluster,
            Some(_) | None => Place::Namespace,
        };
        Some(Self {
            resource: ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version,
                kind,
                plural: listed.resource.clone()?,
            },
            place,
            singular: listed.singular_resource.clone().unwrap_or_default(),
            short_names: listed.short_names.clone(),
            categories: listed.categories.clone(),
            reach,
        })
    }

    fn is_called(&self, word: &str) -> bool {
        word == self.resource.plural
            || word == self.singular
            || word == self.resource.kind.to_lowercase()
            || self.short_names.iter().any(|short| word == short)
    }

    /// Whether `group` is its group, or its version and group (`v1.kubevirt.io`).
    fn is_of(&self, group: &str) -> bool {
        let ApiResource { group: own, version, .. } = &self.resource;
        let with_version = group.strip_prefix(version.as_str()).map(|rest| rest.strip_prefix('.'));
        group == own || with_version == Some(Some(own.as_str()))
    }

    /// `virtualmachine.kubevirt.io`, as kubectl prints it.
    pub(crate) fn printed(&self) -> String {
        let singular = if self.singular.is_empty() {
            self.resource.kind.to_lowercase()
        } else {
            self.singular.clone()
        };
        if self.resource.group.is_empty() {
            singular
        } else {
            format!("{singular}.{}", self.resource.group)
        }
    }

    /// Its objects: in `namespace` where they are in one.
    pub(crate) fn objects(&self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        match self.place {
            Place::Cluster => Api::all_with(client.clone(), &self.resource),
            Place::Namespace => Api::namespaced_with(client.clone(), namespace, &self.resource),
        }
    }
}

/// How objects of a kind are found. Questions that are answered are no objects.
fn reach(listed: &APIResourceDiscovery) -> Option<Reach> {
    let may = |wanted: &str| listed.verbs.iter().any(|verb| verb == wanted);
    if may("list") { Some(Reach::Listed) } else { may("get").then_some(Reach::ByName) }
}
