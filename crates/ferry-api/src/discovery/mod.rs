//! What is served, as clients ask for it before anything else: groups, versions, resources, verbs.
//!
//! There are two forms. The plain one takes a request for each version of each group; the
//! aggregated one tells all in two. Both are made from the same table of kinds.

mod aggregated;
mod plain;

use std::collections::BTreeSet;

use crate::catalog::{KindVersion, Misfiled, Subresource, VirtualResource};

pub use aggregated::{Edition, Root, aggregated};
pub use plain::{api_versions, group, groups, resources};

/// The groups beside the core, in the order that clients look for a name in.
const GROUPS: [&str; 10] = [
    "kubevirt.io",
    "migrations.kubevirt.io",
    "hco.kubevirt.io",
    "k8s.cni.cncf.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "rbac.authorization.k8s.io",
    "authorization.k8s.io",
    "authentication.k8s.io",
    "subresources.kubevirt.io",
];

/// The versions of a group, the preferred one first.
fn versions(group: &str) -> Vec<&'static str> {
    let kept = KindVersion::all().map(|served| (served.group(), served.version()));
    let answered = VirtualResource::ALL.iter().map(|resource| (resource.group, resource.version));
    let mut seen = BTreeSet::new();
    kept.chain(answered)
        .filter(|(of, _)| *of == group)
        .map(|(_, version)| version)
        .filter(|version| seen.insert(*version))
        .collect()
}

/// Every group and version that is served, the core first.
pub fn group_versions() -> Vec<(&'static str, &'static str)> {
    let all = std::iter::once("").chain(GROUPS);
    all.flat_map(|group| versions(group).into_iter().map(move |version| (group, version))).collect()
}

/// The kinds that are served in a group and version.
fn kinds(group: &str, version: &str, misfiled: Misfiled) -> impl Iterator<Item = KindVersion> {
    KindVersion::all()
        .filter(move |served| served.group() == group && served.version() == version)
        .filter(move |served| misfiled.has(*served))
}

/// The resources without objects in a group and version.
fn virtual_resources(group: &str, version: &str) -> impl Iterator<Item = &'static VirtualResource> {
    let all = VirtualResource::ALL.iter();
    all.filter(move |resource| resource.group == group && resource.version == version)
}

/// Group, version and kind of a subresource's bodies; of an object's own where it has no others.
fn body<'s>(
    subresource: &'s Subresource,
    own: (&'s str, &'s str, &'s str),
) -> (&'s str, &'s str, &'s str) {
    match subresource.body {
        Some(body) => (body.group, body.version, body.kind),
        None => own,
    }
}
