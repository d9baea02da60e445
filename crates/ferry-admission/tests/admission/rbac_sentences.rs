//! What is said of a yes and of a no.

use ferry_admission::{Attributes, Authorizer, ResourceAttributes, Verdict};
use serde_json::json;

use crate::common::{World, user};
use crate::rbac::{binding, cluster_role, role, subject};

#[test]
fn parity_a_refusal_says_who_what_and_where() {
    let machines = ResourceAttributes {
        verb: "get",
        group: "kubevirt.io",
        version: "v1",
        resource: "virtualmachines",
        namespace: "default",
        name: "vm",
        ..ResourceAttributes::default()
    };
    let eviction = ResourceAttributes {
        verb: "create",
        resource: "pods",
        subresource: "eviction",
        namespace: "default",
        ..ResourceAttributes::default()
    };
    for (wanted, expected) in [
        (
            Attributes::Resource(machines),
            "User \"a\" cannot get resource \"virtualmachines\" in API group \"kubevirt.io\" in the \
             namespace \"default\"",
        ),
        (
            Attributes::Resource(ResourceAttributes { namespace: "", ..machines }),
            "User \"a\" cannot get resource \"virtualmachines\" in API group \"kubevirt.io\" at the \
             cluster scope",
        ),
        (
            Attributes::Resource(eviction),
            "User \"a\" cannot create resource \"pods/eviction\" in API group \"\" in the namespace \
             \"default\"",
        ),
        (
            Attributes::Path { verb: "get", path: "/metrics" },
            "User \"a\" cannot get path \"/metrics\"",
        ),
    ] {
        assert_eq!(wanted.sentence(&user("a"), ""), expected);
        let reason = "RBAC: role.rbac.authorization.k8s.io \"x\" not found";
        assert_eq!(wanted.sentence(&user("a"), reason), format!("{expected}: {reason}"));
    }
}

#[test]
fn parity_a_verdict_names_the_binding_or_the_roles_that_are_not_there() {
    let rules = json!([{ "verbs": ["get"], "apiGroups": [""], "resources": ["pods"] }]);
    let robot = json!({ "kind": "ServiceAccount", "name": "robot" });
    let world = World::of([
        cluster_role("reader", &rules),
        role("ns", "reader", &rules),
        binding("", "z", ("ClusterRole", "reader"), &json!([subject("Group", "readers")])),
        binding("ns", "a", ("Role", "reader"), &json!([subject("User", "a"), robot])),
        binding("ns", "b", ("Role", "gone"), &json!([subject("User", "eve")])),
        binding("ns", "c", ("ClusterRole", "gone"), &json!([subject("User", "eve")])),
        binding("ns", "d", ("ClusterRole", "gone"), &json!([subject("User", "eve")])),
    ]);
    let authorizer = Authorizer::compile(&world);
    let wanted = Attributes::Resource(ResourceAttributes {
        verb: "get",
        resource: "pods",
        namespace: "ns",
        ..ResourceAttributes::default()
    });
    let mut reader = user("a");
    for (name, reason) in [
        ("a", "RBAC: allowed by RoleBinding \"a/ns\" of Role \"reader\" to User \"a\""),
        (
            "system:serviceaccount:ns:robot",
            "RBAC: allowed by RoleBinding \"a/ns\" of Role \"reader\" to ServiceAccount \"robot/ns\"",
        ),
    ] {
        let verdict = authorizer.authorize(&user(name), &wanted);
        assert_eq!(verdict, Verdict::Allowed { reason: reason.to_owned() });
    }
    // Bindings of the cluster are looked at first.
    reader.groups.push("readers".to_owned());
    let reason =
        "RBAC: allowed by ClusterRoleBinding \"z\" of ClusterRole \"reader\" to Group \"readers\"";
    let verdict = authorizer.authorize(&reader, &wanted);
    assert_eq!(verdict, Verdict::Allowed { reason: reason.to_owned() });

    let reason = "RBAC: [role.rbac.authorization.k8s.io \"gone\" not found, \
                  clusterrole.rbac.authorization.k8s.io \"gone\" not found]";
    let verdict = authorizer.authorize(&user("eve"), &wanted);
    assert_eq!(verdict, Verdict::Denied { reason: reason.to_owned() });
    let verdict = authorizer.authorize(&user("bob"), &wanted);
    assert_eq!(verdict, Verdict::Denied { reason: String::new() });
}
