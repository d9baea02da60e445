//! The index says what looking at every binding says.

use ferry_admission::{Attributes, Authorizer, ResourceAttributes, Rule};
use k8s_openapi::api::rbac::v1::PolicyRule;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::common::{World, member};
use crate::rbac::{binding, cluster_role, role, subject};

/// A role as it is drawn: its namespace (empty for the cluster), its name and its rules.
type Role = (&'static str, &'static str, Vec<Value>);
/// A binding as it is drawn: its namespace, the kind and name of its role, and its subjects.
type Binding = (&'static str, &'static str, &'static str, Vec<Value>);

fn words(list: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(list), 1..3)
}

fn rules() -> impl Strategy<Value = Vec<Value>> {
    let names = prop::collection::vec(select(&["x", "y"][..]), 0..2);
    let resources = (
        words(&["get", "list", "*"]),
        words(&["", "g", "*"]),
        words(&["pods", "pods/log", "*/log", "nodes", "*"]),
        names,
    )
        .prop_map(|(verbs, groups, resources, names)| {
            json!({
                "verbs": verbs, "apiGroups": groups, "resources": resources,
                "resourceNames": names,
            })
        });
    let paths = (words(&["get", "*"]), words(&["/a", "/a/*", "*"]))
        .prop_map(|(verbs, paths)| json!({ "verbs": verbs, "nonResourceURLs": paths }));
    prop::collection::vec(prop_oneof![3 => resources, 1 => paths], 0..3)
}

fn roles() -> impl Strategy<Value = Vec<Role>> {
    let one = (select(&["", "n1", "n2"][..]), select(&["r1", "r2", "r3"][..]), rules());
    prop::collection::vec(one, 0..6)
}

fn bindings() -> impl Strategy<Value = Vec<Binding>> {
    let subjects = prop_oneof![
        select(&["u1", "u2"][..]).prop_map(|name| subject("User", name)),
        select(&["g1", "g2"][..]).prop_map(|name| subject("Group", name)),
        select(&["", "n1"][..]).prop_map(|namespace| {
            json!({ "kind": "ServiceAccount", "name": "s", "namespace": namespace })
        }),
        Just(subject("Planet", "u1")),
    ];
    let one = (
        select(&["", "n1", "n2"][..]),
        select(&["Role", "ClusterRole"][..]),
        select(&["r1", "r2", "r3", "gone"][..]),
        prop::collection::vec(subjects, 0..3),
    );
    prop::collection::vec(one, 0..6)
}

/// Whether somebody may, found by looking at everything.
fn naive(
    roles: &[Role],
    bindings: &[Binding],
    name: &str,
    groups: &[&str],
    wanted: &Attributes<'_>,
) -> bool {
    let place = match wanted {
        Attributes::Resource(resource) => resource.namespace,
        Attributes::Path { .. } => "",
    };
    bindings.iter().any(|(namespace, kind, role, subjects)| {
        let holds_here = namespace.is_empty() || *namespace == place;
        let is_meant = subjects.iter().any(|subject| {
            let text = |field: &str| subject[field].as_str().unwrap_or_default();
            match text("kind") {
                "User" => text("name") == name,
                "Group" => groups.contains(&text("name")),
                "ServiceAccount" => {
                    let own = text("namespace");
                    let own = if own.is_empty() { namespace } else { own };
                    !own.is_empty() && name == format!("system:serviceaccount:{own}:s")
                }
                _ => false,
            }
        });
        let home = if *kind == "Role" { namespace } else { "" };
        // The last one of a name is the one that the cluster has. A role of a namespace cannot be
        // bound in the whole cluster.
        let found = roles.iter().rev().find(|(within, name, _)| *within == home && name == role);
        let reachable = *kind == "ClusterRole" || !namespace.is_empty();
        holds_here
            && is_meant
            && reachable
            && found.is_some_and(|(_, _, rules)| {
                rules.iter().any(|rule| {
                    let rule: PolicyRule = serde_json::from_value(rule.clone()).unwrap();
                    Rule::from(rule).allows(wanted)
                })
            })
    })
}

proptest! {
    #[test]
    fn the_index_says_what_looking_at_every_binding_says(
        roles in roles(),
        bindings in bindings(),
        name in select(&["u1", "u2", "g1", "system:serviceaccount:n1:s", "system:serviceaccount:n2:s"][..]),
        groups in prop::collection::vec(select(&["g1", "g2", "u1"][..]), 0..2),
        verb in select(&["get", "list", "delete"][..]),
        group in select(&["", "g"][..]),
        resource in select(&["pods", "nodes"][..]),
        subresource in select(&["", "log"][..]),
        namespace in select(&["", "n1", "n2"][..]),
        object in select(&["", "x", "z"][..]),
        path in select(&["/a", "/a/b", "/c"][..]),
    ) {
        let objects = roles.iter().map(|(namespace, name, rules)| {
            if namespace.is_empty() {
                cluster_role(name, &json!(rules))
            } else {
                role(namespace, name, &json!(rules))
            }
        });
        let bound = bindings.iter().enumerate().map(|(number, (namespace, kind, name, subjects))| {
            binding(namespace, &format!("b{number}"), (kind, name), &json!(subjects))
        });
        let authorizer = Authorizer::compile(&World::of(objects.chain(bound)));
        let user = member(name, &groups);
        let resource = ResourceAttributes {
            verb, group, version: "v1", resource, subresource, namespace, name: object,
        };
        for wanted in [Attributes::Resource(resource), Attributes::Path { verb, path }] {
            let expected = naive(&roles, &bindings, name, &groups, &wanted);
            prop_assert_eq!(authorizer.authorize(&user, &wanted).is_allowed(), expected);
            // Whatever is allowed is also listed, and whatever is listed is allowed.
            let place = if let Attributes::Resource(_) = wanted { namespace } else { "" };
            let rules = authorizer.rules(&user, place);
            let listed = rules.resources.iter().chain(&rules.paths).any(|rule| rule.allows(&wanted));
            prop_assert_eq!(listed, expected);
        }
    }
}
