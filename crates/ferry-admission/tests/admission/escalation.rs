//! Nobody gives what he does not have.

use serde_json::{Value, json};

use crate::common::{Attempt, World, changed, forbidden, invalid, member, user};
use crate::rbac::{binding, cluster_role, role, subject};

/// Alice may read pods and write roles; Bob may read pods and may bind and escalate besides.
fn world() -> World {
    let rbac = "rbac.authorization.k8s.io";
    let kinds = json!(["roles", "clusterroles", "rolebindings", "clusterrolebindings"]);
    let pods = json!({ "verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"] });
    let roles = json!({ "verbs": ["create"], "apiGroups": [rbac], "resources": kinds });
    let escalate = json!({
        "verbs": ["escalate", "bind"], "apiGroups": [rbac], "resources": ["roles", "clusterroles"],
    });
    World::of([
        cluster_role("alice", &json!([pods, roles])),
        cluster_role("bob", &json!([pods, roles, escalate])),
        cluster_role("admin", &json!([{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }])),
        cluster_role("pods", &json!([pods])),
        binding("", "alice", ("ClusterRole", "alice"), &json!([subject("User", "alice")])),
        binding("", "bob", ("ClusterRole", "bob"), &json!([subject("User", "bob")])),
        binding("ns", "carol", ("ClusterRole", "alice"), &json!([subject("User", "carol")])),
    ])
}

#[test]
fn parity_a_role_holds_no_more_than_its_writer() {
    let world = world();
    let with = |verbs: Value, resources: Value| {
        role("ns", "r", &json!([{ "verbs": verbs, "apiGroups": [""], "resources": resources }]))
    };
    let fine = with(json!(["get"]), json!(["pods"]));
    for name in ["alice", "bob", "carol"] {
        Attempt::by(user(name), &world).create(&fine).unwrap();
    }
    // Carol has nothing outside her namespace.
    let elsewhere = changed(&fine, &json!({ "metadata": { "namespace": "other" } }));
    assert!(Attempt::by(user("carol"), &world).create(&elsewhere).is_err());

    let more = with(json!(["get", "delete", "create"]), json!(["pods", "secrets"]));
    assert_eq!(
        forbidden(Attempt::by(user("alice"), &world).create(&more)),
        "user \"alice\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions \
         not currently held:\n\
         {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\" \"create\"]}\n\
         {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\" \"create\"]}"
    );
    Attempt::by(user("bob"), &world).create(&more).unwrap();
    Attempt::by(member("root", &["system:masters"]), &world).create(&more).unwrap();
    // The same goes for changes, but what only the collector looks at may change.
    let attempt = Attempt::by(user("alice"), &world);
    assert!(attempt.update(&fine, &more).is_err());
    let freed = changed(&more, &json!({ "metadata": { "ownerReferences": [] } }));
    attempt.update(&more, &freed).unwrap();
}

#[test]
fn parity_what_is_held_covers_what_is_given() {
    // Held by the writer; wanted; covered?
    let subresources = json!({ "verbs": ["*"], "apiGroups": [""], "resources": ["*/log", "pods"] });
    let named = json!({
        "verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["a", "b"],
    });
    let paths = json!({ "verbs": ["get"], "nonResourceURLs": ["/apis/*"] });
    let wanted =
        |resource: &str| json!({ "verbs": ["get"], "apiGroups": [""], "resources": [resource] });
    let mut of_a = wanted("pods");
    of_a["resourceNames"] = json!(["a"]);
    let mut of_c = of_a.clone();
    of_c["resourceNames"] = json!(["a", "c"]);
    let path = |path: &str| json!({ "verbs": ["get"], "nonResourceURLs": [path] });
    for (held, wanted, covered) in [
        (&subresources, wanted("pods/log"), true),
        (&subresources, wanted("nodes/log"), true),
        (&subresources, wanted("pods/exec"), false),
        (&subresources, wanted("*"), false),
        (&subresources, of_a.clone(), true),
        (&named, of_a, true),
        (&named, of_c, false),
        (&named, wanted("pods"), false),
        (&paths, path("/apis/x"), true),
        (&paths, path("/apis/x/*"), true),
        (&paths, path("/apis"), false),
        (&paths, path("*"), false),
    ] {
        let world = World::of([
            cluster_role("held", &json!([held])),
            binding("", "held", ("ClusterRole", "held"), &json!([subject("User", "a")])),
        ]);
        let given = cluster_role("given", &json!([wanted]));
        let result = Attempt::by(user("a"), &world).create(&given);
        assert_eq!(result.is_ok(), covered, "{held} {wanted}: {result:?}");
    }
}

#[test]
fn what_is_held_is_found_among_very_many_rules() {
    let rule = |number: usize| {
        let number = number.to_string();
        match number.len() % 3 {
            0 => json!({ "verbs": ["get"], "nonResourceURLs": [format!("/{number}/*")] }),
            1 => json!({ "verbs": [number], "apiGroups": ["*"], "resources": ["*/log"] }),
            _ => json!({
                "verbs": ["get"], "apiGroups": [""], "resources": ["pods"],
                "resourceNames": [number],
            }),
        }
    };
    let rules: Vec<Value> = (0..20_000).map(rule).collect();
    let world = World::of([
        cluster_role("held", &json!(rules)),
        binding("", "held", ("ClusterRole", "held"), &json!([subject("User", "a")])),
    ]);
    let attempt = Attempt::by(user("a"), &world);
    attempt.create(&cluster_role("given", &json!(rules))).unwrap();
    let mut more = rules;
    more.push(json!({ "verbs": ["get"], "nonResourceURLs": ["/100", "/100/x/*"] }));
    more.push(json!({ "verbs": ["7"], "apiGroups": [""], "resources": ["pods", "pods/log"] }));
    let message = forbidden(attempt.create(&cluster_role("given", &json!(more))));
    assert!(
        message.ends_with(
            "not currently held:\n\
             {APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"7\"]}\n\
             {NonResourceURLs:[\"/100\"], Verbs:[\"get\"]}"
        ),
        "{message}"
    );
}

#[test]
fn rules_of_more_combinations_than_can_be_compared_are_refused() {
    let names: Vec<String> = (0..1_000).map(|number| format!("x{number}")).collect();
    let given = json!([{ "verbs": names, "apiGroups": names, "resources": names }]);
    let message = forbidden(Attempt::by(user("alice"), &world()).create(&role("ns", "r", &given)));
    assert!(message.starts_with("the rules come to too many combinations"), "{message}");
    let root = member("root", &["system:masters"]);
    Attempt::by(root, &world()).create(&role("ns", "r", &given)).unwrap();
}

#[test]
fn parity_a_binding_gives_no_more_than_its_writer_has_or_may_bind() {
    let world = world();
    let subjects = json!([subject("User", "mallory")]);
    let fine = binding("ns", "b", ("ClusterRole", "pods"), &subjects);
    let all = binding("ns", "b", ("ClusterRole", "admin"), &subjects);
    let everywhere = binding("", "b", ("ClusterRole", "admin"), &subjects);
    Attempt::by(user("alice"), &world).create(&fine).unwrap();
    for binding in [&all, &everywhere] {
        let message = forbidden(Attempt::by(user("alice"), &world).create(binding));
        assert!(
            message.ends_with("{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}"),
            "{message}"
        );
        Attempt::by(user("bob"), &world).create(binding).unwrap();
        Attempt::by(member("root", &["system:masters"]), &world).create(binding).unwrap();
    }
    let lost = binding("ns", "b", ("Role", "gone"), &subjects);
    assert!(forbidden(Attempt::by(user("alice"), &world).create(&lost)).contains("not found"));
}

#[test]
fn parity_who_gathers_roles_has_everything() {
    let world = world();
    let mut gathering = cluster_role("g", &json!([]));
    gathering["aggregationRule"] =
        json!({ "clusterRoleSelectors": [{ "matchLabels": { "a": "b" } }] });
    let message = forbidden(Attempt::by(user("alice"), &world).create(&gathering));
    let start = "must have cluster-admin privileges to use an aggregationRule";
    assert!(message.starts_with(start), "{message}");
    Attempt::by(member("root", &["system:masters"]), &world).create(&gathering).unwrap();
}

#[test]
fn parity_roles_and_bindings_are_complete_and_refer_to_one_role_for_ever() {
    let world = World::default();
    let root = Attempt::by(member("root", &["system:masters"]), &world);
    let subjects =
        json!([{ "kind": "User", "name": "a" }, { "kind": "ServiceAccount", "name": "s" }]);
    let mut written = binding("ns", "b", ("ClusterRole", "pods"), &subjects);
    written["roleRef"].as_object_mut().unwrap().remove("apiGroup");
    let made = root.create(&written).unwrap();
    assert_eq!(made["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    assert_eq!(made["subjects"][1].get("apiGroup"), None);
    assert_eq!(made["roleRef"]["apiGroup"], "rbac.authorization.k8s.io");
    let other = changed(&made, &json!({ "roleRef": { "name": "other" } }));
    assert!(invalid(root.update(&made, &other))[0].ends_with("cannot change roleRef"));

    for (object, wrong) in [
        (binding("", "b", ("Role", "r"), &json!([])), "roleRef.kind: Unsupported value: \"Role\""),
        (binding("ns", "b", ("ClusterRole", ""), &json!([])), "roleRef.name: Required value"),
        (
            binding("ns", "b", ("Role", "r"), &json!([subject("Planet", "x")])),
            "subjects[0].kind: Unsupported value: \"Planet\"",
        ),
        (
            binding(
                "",
                "b",
                ("ClusterRole", "r"),
                &json!([{ "kind": "ServiceAccount", "name": "s" }]),
            ),
            "subjects[0].namespace: Required value",
        ),
        (
            role("ns", "r", &json!([{ "verbs": ["get"], "nonResourceURLs": ["/"] }])),
            "rules[0].nonResourceURLs: Invalid value: [\"/\"]: namespaced rules",
        ),
        (
            cluster_role("r", &json!([{ "verbs": [], "apiGroups": [""], "resources": ["pods"] }])),
            "rules[0].verbs: Required value",
        ),
        (
            cluster_role("r", &json!([{ "verbs": ["get"], "resources": ["pods"] }])),
            "rules[0].apiGroups: Required value",
        ),
        (
            cluster_role(
                "r",
                &json!([{
                    "verbs": ["get"], "nonResourceURLs": ["/"], "resources": ["pods"],
                }]),
            ),
            "rules[0].nonResourceURLs: Invalid value: [\"/\"]: rules cannot apply to both",
        ),
    ] {
        let errors = invalid(root.create(&object));
        assert!(errors[0].starts_with(wrong), "{errors:?}");
    }
}

#[test]
fn parity_a_service_account_that_is_bound_has_a_name_that_there_can_be() {
    let world = World::default();
    let root = Attempt::by(member("root", &["system:masters"]), &world);
    for namespace in ["ns", ""] {
        for (kind, name, fits) in [
            ("ServiceAccount", "a.b-1", true),
            ("ServiceAccount", "Bad_", false),
            ("User", "Bad_", true),
        ] {
            let mut who = subject(kind, name);
            if kind == "ServiceAccount" {
                who = json!({ "kind": kind, "name": name, "namespace": "x" });
            }
            let result = root.create(&binding(namespace, "b", ("ClusterRole", "r"), &json!([who])));
            if fits {
                result.unwrap();
            } else {
                let errors = invalid(result);
                let start =
                    "subjects[0].name: Invalid value: \"Bad_\": a lowercase RFC 1123 subdomain";
                assert!(errors.len() == 1 && errors[0].starts_with(start), "{errors:?}");
            }
        }
    }
}
