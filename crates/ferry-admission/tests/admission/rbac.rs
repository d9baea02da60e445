//! Rules, roles and bindings, case by case.

use ferry_admission::{Attributes, Authorizer, ResourceAttributes, Rule};
use serde_json::{Value, json};

use crate::common::{World, member, user};

fn list(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| if word == "core" { String::new() } else { word.to_owned() })
        .collect()
}

fn rule(verbs: &str, groups: &str, resources: &str, names: &str) -> Rule {
    Rule {
        verbs: list(verbs),
        groups: list(groups),
        resources: list(resources),
        names: list(names),
        paths: Vec::new(),
    }
}

/// `verb group resource[/subresource] name`; a dash is nothing.
fn attributes(text: &str) -> Attributes<'_> {
    let mut words = text.split_whitespace().map(|word| if word == "-" { "" } else { word });
    let mut next = || words.next().unwrap_or_default();
    let (verb, group, path, name) = (next(), next(), next(), next());
    let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
    let resource = ResourceAttributes {
        verb,
        group,
        version: "v1",
        resource,
        subresource,
        namespace: "",
        name,
    };
    Attributes::Resource(resource)
}

#[test]
fn parity_a_rule_lets_through_what_upstreams_does() {
    let all = rule("*", "*", "*", "");
    let exact = rule("verb1", "group1", "resource1", "");
    let subresources = rule("*", "*", "pods/log resource1", "");
    let any_status = rule("*", "*", "*/scale", "");
    let named = rule("get", "group1", "resource1", "a b");
    for (rule, wanted, expected) in [
        (&all, "verb1 group1 resource1 -", true),
        (&all, "verb1 - resource1/sub name", true),
        (&rule("*", "group1", "resource1", ""), "verb1 group1 resource1 -", true),
        (&rule("*", "group1", "resource1", ""), "verb1 group2 resource1 -", false),
        (&exact, "verb1 group1 resource1 -", true),
        (&exact, "verb2 group1 resource1 -", false),
        (&exact, "verb1 group1 resource2 -", false),
        (&exact, "verb1 group1 resource1/sub -", false),
        (&rule("*", "core", "pods", ""), "get - pods any", true),
        (&subresources, "verb1 - pods/log -", true),
        (&subresources, "verb1 - pods -", false),
        (&subresources, "verb1 - pods/exec -", false),
        (&any_status, "verb1 group1 resource1/scale -", true),
        (&any_status, "verb1 group1 resource1 -", false),
        (&any_status, "verb1 group1 resource1/scaled -", false),
        (&any_status, "verb1 group1 resource1/a/scale -", false),
        (&named, "get group1 resource1 a", true),
        (&named, "get group1 resource1 c", false),
        (&named, "get group1 resource1 -", false),
        (&rule("*", "*", "pods/*", ""), "get - pods/log -", false),
        (
            &rule("*", "*", "virtualmachines/evacuate/cancel", ""),
            "update - virtualmachines/evacuate/cancel vm",
            true,
        ),
        (&Rule::default(), "get - pods -", false),
    ] {
        assert_eq!(rule.allows(&attributes(wanted)), expected, "{rule:?} {wanted}");
    }
}

#[test]
fn parity_a_path_is_covered_by_itself_and_by_a_star_at_the_end() {
    for (patterns, path, expected) in [
        ("/apis", "/apis", true),
        ("/apis", "/apis/x", false),
        ("/apis/*", "/apis/x/y", true),
        ("/apis/*", "/apis", false),
        ("/apis*", "/apis", true),
        ("*", "/anything", true),
        ("/a*c", "/abc", false),
        ("/healthz /version", "/version", true),
    ] {
        let rule = Rule { verbs: list("get"), paths: list(patterns), ..Rule::default() };
        let wanted = |verb| Attributes::Path { verb, path };
        assert_eq!(rule.allows(&wanted("get")), expected, "{patterns} {path}");
        assert!(!rule.allows(&wanted("post")), "{patterns} {path}");
    }
    // A rule about objects says nothing about paths.
    assert!(!rule("*", "*", "*", "").allows(&Attributes::Path { verb: "get", path: "/" }));
}

pub(crate) fn cluster_role(name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": name },
        "rules": rules,
    })
}

pub(crate) fn role(namespace: &str, name: &str, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": { "name": name, "namespace": namespace },
        "rules": rules,
    })
}

/// A binding; an empty namespace is the whole cluster.
pub(crate) fn binding(namespace: &str, name: &str, role: (&str, &str), subjects: &Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let mut binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": { "name": name },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1,
        },
        "subjects": subjects,
    });
    if !namespace.is_empty() {
        binding["metadata"]["namespace"] = namespace.into();
    }
    binding
}

pub(crate) fn subject(kind: &str, name: &str) -> Value {
    json!({ "kind": kind, "name": name, "apiGroup": "rbac.authorization.k8s.io" })
}

fn allows(authorizer: &Authorizer, name: &str, groups: &[&str], place: &str, wanted: &str) -> bool {
    let Attributes::Resource(wanted) = attributes(wanted) else { unreachable!() };
    let wanted = ResourceAttributes { namespace: place, ..wanted };
    authorizer.authorize(&member(name, groups), &Attributes::Resource(wanted)).is_allowed()
}

// The cases of plugin/pkg/auth/authorizer/rbac/rbac_test.go: TestAuthorizer.
#[test]
fn parity_bindings_hold_where_they_are() {
    let admin =
        cluster_role("admin", &json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }]));
    let world = World::of([
        admin,
        role(
            "ns3",
            "reader",
            &json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]),
        ),
        binding(
            "ns1",
            "admins",
            ("ClusterRole", "admin"),
            &json!([
                subject("User", "admin"),
                subject("Group", "admins"),
                { "kind": "ServiceAccount", "name": "robot" },
                { "kind": "ServiceAccount", "name": "robot", "namespace": "ns9" },
            ]),
        ),
        binding("", "all", ("ClusterRole", "admin"), &json!([subject("User", "root")])),
        binding(
            "",
            "lost",
            ("ClusterRole", "admin"),
            &json!([{ "kind": "ServiceAccount", "name": "nowhere" }]),
        ),
        binding("ns3", "readers", ("Role", "reader"), &json!([subject("User", "eve")])),
    ]);
    let authorizer = Authorizer::compile(&world);
    for (name, groups, place, wanted, expected) in [
        ("admin", &[][..], "ns1", "get - Pods -", true),
        ("admin", &[], "ns2", "get - Pods -", false),
        ("admin", &[], "", "get - Nodes -", false),
        ("foo", &["admins"], "ns1", "get - Pods -", true),
        ("foo", &["admins"], "ns2", "get - Pods -", false),
        // A user is no group, and a group no user.
        ("admins", &[], "ns1", "get - Pods -", false),
        ("foo", &["admin"], "ns1", "get - Pods -", false),
        ("system:serviceaccount:ns1:robot", &[], "ns1", "get - Pods -", true),
        ("system:serviceaccount:ns9:robot", &[], "ns1", "get - Pods -", true),
        ("system:serviceaccount:ns2:robot", &[], "ns1", "get - Pods -", false),
        ("system:serviceaccount::nowhere", &[], "", "get - Pods -", false),
        ("root", &[], "ns2", "delete group1 things/status x", true),
        ("root", &[], "", "delete group1 things -", true),
        ("eve", &[], "ns3", "get - pods p", true),
        ("eve", &[], "ns3", "delete - pods p", false),
        ("eve", &[], "ns1", "get - pods p", false),
        ("mallory", &["system:masters"], "ns1", "delete - nodes n", true),
    ] {
        assert_eq!(allows(&authorizer, name, groups, place, wanted), expected, "{name} {wanted}");
    }
}

#[test]
fn parity_a_role_that_gathers_others_has_what_they_have_at_the_moment() {
    let gathering = |name: &str, label: &str, own: Option<&str>| {
        let mut role = cluster_role(name, &json!([]));
        let selector = json!({ "matchLabels": { label: "true" } });
        role["aggregationRule"] = json!({ "clusterRoleSelectors": [selector] });
        if let Some(own) = own {
            role["metadata"]["labels"] = json!({ own: "true" });
        }
        role
    };
    let mut pods = cluster_role(
        "pods",
        &json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]),
    );
    pods["metadata"]["labels"] = json!({ "to-view": "true" });
    let subjects = json!([subject("User", "a")]);
    let world = World::of([
        pods,
        gathering("view", "to-view", Some("to-edit")),
        gathering("edit", "to-edit", Some("to-view")),
        binding("", "edit", ("ClusterRole", "edit"), &subjects),
    ]);
    let authorizer = Authorizer::compile(&world);
    assert!(allows(&authorizer, "a", &[], "ns", "get - pods p"));
    assert!(!allows(&authorizer, "a", &[], "ns", "list - pods -"));

    // A new role joins without anything else being written.
    let mut more = cluster_role(
        "more",
        &json!([{ "verbs": ["list"], "apiGroups": [""], "resources": ["pods"] }]),
    );
    more["metadata"]["labels"] = json!({ "to-edit": "true" });
    let authorizer = Authorizer::compile(&world.with([more]));
    assert!(allows(&authorizer, "a", &[], "ns", "list - pods -"));
}

#[test]
fn what_somebody_may_do_is_listed_once_in_the_order_of_bindings() {
    let pods = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]);
    let paths = json!([{ "verbs": ["get"], "nonResourceURLs": ["/api"] }]);
    let subjects = json!([subject("User", "a"), subject("Group", "system:authenticated")]);
    let world = World::of([
        cluster_role("paths", &paths),
        cluster_role("pods", &pods),
        role("ns", "pods", &pods),
        binding("", "b", ("ClusterRole", "pods"), &subjects),
        binding("", "a", ("ClusterRole", "paths"), &subjects),
        binding("ns", "c", ("Role", "pods"), &subjects),
        binding("ns", "d", ("Role", "gone"), &subjects),
    ]);
    let rules = Authorizer::compile(&world).rules(&user("a"), "ns");
    let expected = Rule {
        verbs: list("get"),
        groups: list("core"),
        resources: list("pods"),
        ..Rule::default()
    };
    assert_eq!(rules.resources, [expected]);
    assert_eq!(rules.paths.len(), 1);
    assert_eq!(rules.error, "RBAC: role.rbac.authorization.k8s.io \"gone\" not found");
    let masters = Authorizer::default().rules(&member("m", &["system:masters"]), "");
    assert_eq!((masters.resources.len(), masters.paths.len()), (1, 1));
}

#[test]
fn very_many_rules_are_listed_once_each_and_in_their_order() {
    let named = |number: usize| json!({ "verbs": ["get"], "apiGroups": [""], "resources": [format!("r{number}")] });
    // Each stands twice in the role, and the second one gathers it.
    let rules: Vec<Value> = (0..40_000).rev().map(|number| named(number / 2)).collect();
    let mut many = cluster_role("many", &json!(rules));
    many["metadata"]["labels"] = json!({ "to-all": "true" });
    let mut all = cluster_role("all", &json!([]));
    all["aggregationRule"] =
        json!({ "clusterRoleSelectors": [{ "matchLabels": { "to-all": "true" } }] });
    let subjects = json!([subject("User", "a")]);
    let world = World::of([
        many,
        all,
        binding("", "a", ("ClusterRole", "many"), &subjects),
        binding("", "b", ("ClusterRole", "all"), &subjects),
    ]);
    let rules = Authorizer::compile(&world).rules(&user("a"), "ns").resources;
    let expected = (0..20_000).rev().map(|number| format!("r{number}"));
    assert!(rules.iter().map(|rule| &rule.resources[0]).eq(&expected.collect::<Vec<String>>()));
}
