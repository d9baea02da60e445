//! The types of a document: the kinds of a group and version, and what their requests and answers
//! are made of.

use k8s_openapi::api::authentication::v1::{SelfSubjectReview, TokenRequest, TokenReview};
use k8s_openapi::api::authorization::v1::{
    LocalSubjectAccessReview, SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview,
};
use k8s_openapi::api::core::v1::Binding;
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, ObjectMeta, Status};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::options;
use crate::catalog::{BodyKind, KindVersion, Misfiled, VirtualResource};
use crate::schema::Schema;

/// Where references to types begin.
pub(super) const PREFIX: &str = "#/components/schemas/";

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

/// The name of a type in documents: its group backwards, then its version and kind.
pub(super) fn name(group: &str, version: &str, kind: &str) -> String {
    let built_in = match group {
        "" => Some("core"),
        "rbac.authorization.k8s.io" => Some("rbac"),
        "policy" => Some("policy"),
        _ if BUILT_IN.contains(&group) => group.split('.').next(),
        _ => None,
    };
    let Some(short) = built_in else {
        let backwards: Vec<&str> = group.rsplit('.').collect();
        return format!("{}.{version}.{kind}", backwards.join("."));
    };
    format!("io.k8s.api.{short}.{version}.{kind}")
}

/// Groups whose types have names of Kubernetes' own packages.
const BUILT_IN: [&str; 4] =
    ["coordination.k8s.io", "events.k8s.io", "authorization.k8s.io", "authentication.k8s.io"];

/// The name of a type that all groups share, such as `ObjectMeta`.
pub(super) fn meta_name(kind: &str) -> String {
    format!("{META}.{kind}")
}

/// A reference to a type.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("{PREFIX}{name}") })
}

/// The types of a group and version.
pub(super) fn of(group: &str, version: &str, misfiled: Misfiled) -> Map<String, Value> {
    let mut types = Map::new();
    for (kind, schema) in [
        ("ObjectMeta", schema_of::<ObjectMeta>()),
        ("ListMeta", schema_of::<ListMeta>()),
        ("DeleteOptions", schema_of::<DeleteOptions>()),
        ("Status", schema_of::<Status>()),
        ("Patch", json!({ "type": "object", "description": "Changes to an object." })),
    ] {
        types.insert(meta_name(kind), schema);
    }
    for served in KindVersion::all().filter(|served| misfiled.has(*served)) {
        if (served.group(), served.version()) == (group, version) {
            add_kind(&mut types, served);
        }
    }
    for resource in VirtualResource::ALL {
        if (resource.group, resource.version) == (group, version) {
            if !resource.kind.is_empty() {
                add_body(&mut types, (group, version, resource.kind));
            }
            let bodies = resource.subresources.iter().filter_map(|below| below.body);
            bodies.for_each(|body| add_body(&mut types, (body.group, body.version, body.kind)));
        }
    }
    types
}

fn add_kind(types: &mut Map<String, Value>, served: KindVersion) {
    let kind = served.definition().kind;
    let names = (served.group(), served.version(), kind);
    let name = name(names.0, names.1, names.2);
    types.insert(name.clone(), described(served.schema().to_openapi(), names));
    let list = format!("{kind}List");
    let schema = json!({
        "type": "object",
        "description": format!("A list of objects of the kind {kind}."),
        "required": ["items"],
        "properties": {
            "apiVersion": { "type": "string", "description": "The version of the list." },
            "kind": { "type": "string", "description": "What the list is." },
            "metadata": metadata("ListMeta", "The revision of the list, and how to go on."),
            "items": {
                "type": "array",
                "description": "The objects.",
                "items": { "allOf": [reference(&name)], "default": {} },
            },
        },
    });
    let list_names = (names.0, names.1, list.as_str());
    types.insert(format!("{name}List"), described(schema, list_names));
    let bodies = served.subresources().iter().filter_map(|below| below.body);
    if served.is_storage() {
        bodies
            .for_each(|BodyKind { group, version, kind }| add_body(types, (group, version, kind)));
    }
}

/// A body that is no object of a kind.
fn add_body(types: &mut Map<String, Value>, names: (&str, &str, &str)) {
    let schema = match names.2 {
        "Eviction" => schema_of::<Eviction>(),
        "Binding" => schema_of::<Binding>(),
        "TokenRequest" => schema_of::<TokenRequest>(),
        "TokenReview" => schema_of::<TokenReview>(),
        "SelfSubjectReview" => schema_of::<SelfSubjectReview>(),
        "SelfSubjectAccessReview" => schema_of::<SelfSubjectAccessReview>(),
        "SelfSubjectRulesReview" => schema_of::<SelfSubjectRulesReview>(),
        "SubjectAccessReview" => schema_of::<SubjectAccessReview>(),
        "LocalSubjectAccessReview" => schema_of::<LocalSubjectAccessReview>(),
        options => options::schema(options),
    };
    types.insert(name(names.0, names.1, names.2), described(schema, names));
}

/// The schema with its metadata by reference, and with the group, version and kind that clients
/// find it by.
fn described(mut schema: Value, (group, version, kind): (&str, &str, &str)) -> Value {
    if let Some(own) = schema.pointer_mut("/properties/metadata")
        && own.get("allOf").is_none()
    {
        let description = own["description"].as_str().unwrap_or_default().to_owned();
        *own = metadata("ObjectMeta", &description);
    }
    schema["x-kubernetes-group-version-kind"] =
        json!([{ "group": group, "version": version, "kind": kind }]);
    schema
}

fn metadata(kind: &str, description: &str) -> Value {
    json!({
        "description": description,
        "default": {},
        "allOf": [reference(&meta_name(kind))],
    })
}

fn schema_of<T: JsonSchema>() -> Value {
    Schema::of::<T>().to_openapi()
}
