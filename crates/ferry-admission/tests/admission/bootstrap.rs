//! What the roles that every cluster begins with let people and components do.

use ferry_admission::identity::CONTROLLER;
use ferry_admission::{Attributes, Authorizer, ResourceAttributes, bootstrap};
use ferry_api::{Decoded, decode};
use ferry_registry::User;
use serde_json::{Value, json};

use crate::common::{Attempt, World, document, member, node, user};
use crate::rbac::{binding, subject};

fn world() -> World {
    let bound = ["admin", "edit", "view", "kubevirt.io:migrate"].map(|role| {
        let people = json!([subject("User", role)]);
        binding("ns", &format!("{role}s"), ("ClusterRole", role), &people)
    });
    World::of(bootstrap::objects()).with(bound)
}

/// `verb resource[/subresource].group`
fn may(authorizer: &Authorizer, user: &User, namespace: &str, wanted: &str) -> bool {
    let (verb, path) = wanted.split_once(' ').unwrap();
    let (path, group) = path.split_once('.').unwrap_or((path, ""));
    let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
    let wanted = ResourceAttributes {
        verb,
        group,
        version: "v1",
        resource,
        subresource,
        namespace,
        name: "x",
    };
    authorizer.authorize(user, &Attributes::Resource(wanted)).is_allowed()
}

#[test]
fn what_a_cluster_begins_with_is_sound() {
    let root = member("root", &["system:masters"]);
    let mut names = Vec::new();
    for object in bootstrap::objects() {
        match decode(&document(&object)) {
            Ok(Decoded::Known { .. }) => {}
            other => panic!("{object}: {other:?}"),
        }
        Attempt::by(root.clone(), &World::default()).create(&object).unwrap();
        names.push((object["kind"].clone().to_string(), object["metadata"]["name"].to_string()));
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
    // Every binding has its role.
    let authorizer = Authorizer::compile(&world());
    for user in [user("a"), node("n"), root, user(CONTROLLER)] {
        assert_eq!(authorizer.rules(&user, "").error, "");
    }
}

#[test]
fn parity_a10_seeing_migrations_is_not_making_them() {
    let authorizer = Authorizer::compile(&world());
    let migrations = "virtualmachineinstancemigrations.kubevirt.io";
    for (who, wanted, expected) in [
        ("admin", format!("get {migrations}"), true),
        ("edit", format!("watch {migrations}"), true),
        ("view", format!("list {migrations}"), true),
        ("admin", format!("create {migrations}"), false),
        ("edit", format!("delete {migrations}"), false),
        ("admin", "update virtualmachines/migrate.subresources.kubevirt.io".to_owned(), false),
        ("edit", "update virtualmachines/start.subresources.kubevirt.io".to_owned(), true),
        ("admin", "create virtualmachines.kubevirt.io".to_owned(), true),
        ("admin", "deletecollection virtualmachines.kubevirt.io".to_owned(), true),
        ("edit", "deletecollection virtualmachines.kubevirt.io".to_owned(), false),
        ("view", "create virtualmachines.kubevirt.io".to_owned(), false),
        ("view", "update virtualmachines/start.subresources.kubevirt.io".to_owned(), false),
        ("view", "get secrets".to_owned(), false),
        ("edit", "get secrets".to_owned(), true),
        ("edit", "create rolebindings.rbac.authorization.k8s.io".to_owned(), false),
        ("admin", "create rolebindings.rbac.authorization.k8s.io".to_owned(), true),
        ("edit", "create pods/eviction".to_owned(), true),
        ("view", "create pods/eviction".to_owned(), false),
        ("kubevirt.io:migrate", format!("create {migrations}"), true),
        ("kubevirt.io:migrate", format!("deletecollection {migrations}"), true),
        (
            "kubevirt.io:migrate",
            "update virtualmachines/migrate.subresources.kubevirt.io".to_owned(),
            true,
        ),
        ("kubevirt.io:migrate", "get virtualmachines.kubevirt.io".to_owned(), false),
        ("admin", "create migrationpolicies.migrations.kubevirt.io".to_owned(), false),
        ("admin", "get migrationpolicies.migrations.kubevirt.io".to_owned(), true),
        ("nobody", format!("get {migrations}"), false),
    ] {
        assert_eq!(may(&authorizer, &user(who), "ns", &wanted), expected, "{who} {wanted}");
        // A binding of a namespace says nothing of others.
        assert!(!may(&authorizer, &user(who), "other", &wanted), "{who} {wanted}");
    }
}

#[test]
fn parity_the_rule_of_migrating_is_kubevirts() {
    let role = bootstrap::objects()
        .into_iter()
        .find(|object| object["metadata"]["name"] == "kubevirt.io:migrate")
        .unwrap();
    assert_eq!(
        role["rules"],
        json!([
            {
                "apiGroups": ["subresources.kubevirt.io"],
                "resources": ["virtualmachines/migrate"],
                "verbs": ["update"],
            },
            {
                "apiGroups": ["kubevirt.io"],
                "resources": ["virtualmachineinstancemigrations"],
                "verbs": [
                    "get", "delete", "create", "update", "patch", "list", "watch",
                    "deletecollection",
                ],
            },
        ])
    );
    assert_eq!(role["metadata"]["labels"], json!({ "kubevirt.io": "" }));
    assert_eq!(role["metadata"].get("annotations"), None::<&Value>);
}

#[test]
fn parity_everybody_finds_his_way_and_learns_what_he_may() {
    let authorizer = Authorizer::compile(&world());
    let anonymous = member("system:anonymous", &["system:unauthenticated"]);
    let get = |user: &User, path: &str| {
        authorizer.authorize(user, &Attributes::Path { verb: "get", path }).is_allowed()
    };
    for (path, known, unknown) in [
        ("/version", true, true),
        ("/healthz", true, true),
        ("/api", true, false),
        ("/apis/kubevirt.io/v1", true, false),
        ("/openapi/v3", true, false),
        ("/metrics", false, false),
    ] {
        assert_eq!((get(&user("a"), path), get(&anonymous, path)), (known, unknown), "{path}");
    }
    for review in [
        "create selfsubjectaccessreviews.authorization.k8s.io",
        "create selfsubjectrulesreviews.authorization.k8s.io",
        "create selfsubjectreviews.authentication.k8s.io",
        "get kubevirts.kubevirt.io",
    ] {
        assert!(may(&authorizer, &user("a"), "", review), "{review}");
        assert!(!may(&authorizer, &anonymous, "", review), "{review}");
    }
    assert!(!may(&authorizer, &user("a"), "", "create subjectaccessreviews.authorization.k8s.io"));
    let root = member("root", &["system:masters"]);
    assert!(may(&authorizer, &root, "", "delete anything.example.com"));
}

#[test]
fn components_may_do_their_work_and_no_more() {
    let authorizer = Authorizer::compile(&world());
    for (who, wanted, expected) in [
        (node("n"), "patch virtualmachineinstances.kubevirt.io", true),
        (node("n"), "update nodes/status", true),
        (node("n"), "update leases.coordination.k8s.io", true),
        (node("n"), "create events", true),
        (node("n"), "get secrets", false),
        (node("n"), "create virtualmachineinstancemigrations.kubevirt.io", false),
        (user(CONTROLLER), "create virtualmachineinstancemigrations.kubevirt.io", true),
        (user(CONTROLLER), "update virtualmachineinstancemigrations/status.kubevirt.io", true),
        (user(CONTROLLER), "create pods/binding", true),
        (user(CONTROLLER), "get secrets", false),
        (user(CONTROLLER), "create clusterrolebindings.rbac.authorization.k8s.io", false),
        (user("system:node:n"), "update nodes/status", false),
    ] {
        assert_eq!(may(&authorizer, &who, "ns", wanted), expected, "{} {wanted}", who.name);
    }
}
