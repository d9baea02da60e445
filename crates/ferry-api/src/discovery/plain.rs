//! Discovery one version at a time: what python, kube-rs and `kubectl drain` read.

use serde_json::{Map, Value, json};

use super::{GROUPS, body, kinds, versions, virtual_resources};
use crate::catalog::{KindVersion, Misfiled, Scope, Subresource, VirtualResource};

/// The answer at `/api`: the versions of the core group.
pub fn api_versions() -> Value {
    json!({
        "kind": "APIVersions",
        "versions": versions(""),
        "serverAddressByClientCIDRs": [],
    })
}

/// The answer at `/apis`: all other groups.
pub fn groups() -> Value {
    let groups: Vec<Value> = GROUPS.iter().map(|group| described(group)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// The answer at `/apis/<name>`, if there is such a group.
pub fn group(name: &str) -> Option<Value> {
    let known = GROUPS.iter().find(|group| **group == name)?;
    let mut group = described(known);
    group["kind"] = json!("APIGroup");
    group["apiVersion"] = json!("v1");
    Some(group)
}

fn described(group: &str) -> Value {
    let versions: Vec<Value> = versions(group)
        .into_iter()
        .map(|version| json!({ "groupVersion": format!("{group}/{version}"), "version": version }))
        .collect();
    json!({ "name": group, "preferredVersion": versions.first(), "versions": versions })
}

/// The answer at `/api/<version>`, or at `/apis/<group>/<version>`, if that is served.
///
/// Misfiled machines are not in it, served or not: clients that read this form look for a name in all
/// groups and refuse one that stands in two. kubectl, which reads the other form, finds them there.
pub fn resources(group: &str, version: &str) -> Option<Value> {
    let kept = kinds(group, version, Misfiled::NotServed).flat_map(kept);
    let answered = virtual_resources(group, version).flat_map(answered);
    let mut resources: Vec<Value> = kept.chain(answered).collect();
    if resources.is_empty() {
        return None;
    }
    resources.sort_by(|one, other| one["name"].as_str().cmp(&other["name"].as_str()));
    let group_version =
        if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }))
}

/// A kind, and the paths below its objects.
fn kept(served: KindVersion) -> Vec<Value> {
    let definition = served.definition();
    let mut own = Map::from_iter([
        ("name".to_owned(), json!(definition.plural)),
        ("singularName".to_owned(), json!(definition.singular)),
        ("namespaced".to_owned(), json!(definition.scope == Scope::Namespaced)),
        ("kind".to_owned(), json!(definition.kind)),
        ("verbs".to_owned(), json!(served.verbs())),
    ]);
    if !definition.short_names.is_empty() {
        own.insert("shortNames".to_owned(), json!(definition.short_names));
    }
    if !definition.categories.is_empty() {
        own.insert("categories".to_owned(), json!(definition.categories));
    }
    let names = (served.group(), served.version(), definition.kind);
    let below = served.subresources().iter();
    std::iter::once(Value::Object(own))
        .chain(below.map(|sub| subresource(definition.plural, definition.scope, names, sub)))
        .collect()
}

/// A resource without objects. One that is only there for what is below it is not named itself.
fn answered(resource: &VirtualResource) -> Vec<Value> {
    let own = (!resource.kind.is_empty()).then(|| {
        json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.scope == Scope::Namespaced,
            "kind": resource.kind,
            "verbs": resource.verbs,
        })
    });
    let names = (resource.group, resource.version, resource.kind);
    let below = resource.subresources.iter();
    let below = below.map(|sub| subresource(resource.plural, resource.scope, names, sub));
    own.into_iter().chain(below).collect()
}

fn subresource(
    plural: &str,
    scope: Scope,
    own: (&str, &str, &str),
    subresource: &Subresource,
) -> Value {
    let (group, version, kind) = body(subresource, own);
    let mut described = json!({
        "name": format!("{plural}/{}", subresource.name),
        "singularName": "",
        "namespaced": scope == Scope::Namespaced,
        "kind": kind,
        "verbs": subresource.verbs,
    });
    // Named only where they are not those of the list. The core's group has no name to give.
    if (group, version) != (own.0, own.1) && !group.is_empty() {
        described["group"] = json!(group);
        described["version"] = json!(version);
    }
    described
}
