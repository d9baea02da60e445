//! What is served, in the forms that clients read it in.

use std::collections::BTreeSet;

use expect_test::expect;
use ferry_api::discovery::{self, Edition, Root};
use ferry_api::{KindVersion, Misfiled, VirtualResource, openapi};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    APIGroup, APIGroupList, APIResourceList, APIVersions,
};
use kube_core::discovery::v2::APIGroupDiscoveryList;
use serde_json::{Value, json};

use crate::common::text;

/// Every resource of a group and version in one line.
fn resources(group: &str, version: &str) -> Vec<String> {
    let document = discovery::resources(group, version).expect("it is served");
    let list: APIResourceList = serde_json::from_value(document).expect("it is a list");
    let line = |resource: &k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource| {
        let scope = if resource.namespaced { "namespaced" } else { "cluster" };
        let elsewhere = match (&resource.group, &resource.version) {
            (Some(group), Some(version)) => format!(" of {group}/{version}"),
            _ => String::new(),
        };
        format!(
            "{} {scope} {}{elsewhere}: {}",
            resource.name,
            resource.kind,
            resource.verbs.join(" ")
        )
    };
    list.resources.iter().map(line).collect()
}

#[test]
fn groups_come_in_the_order_of_preference() {
    let versions: APIVersions = serde_json::from_value(discovery::api_versions()).unwrap();
    assert_eq!(versions.versions, ["v1"]);
    let groups: APIGroupList = serde_json::from_value(discovery::groups()).unwrap();
    let lines: Vec<String> = groups
        .groups
        .iter()
        .map(|group| {
            let versions: Vec<_> =
                group.versions.iter().map(|v| v.group_version.as_str()).collect();
            let preferred = group.preferred_version.as_ref().map(|v| v.version.as_str());
            assert_eq!(preferred, Some(group.versions[0].version.as_str()));
            versions.join(" ")
        })
        .collect();
    expect![[r#"
        kubevirt.io/v1 kubevirt.io/v1alpha3
        migrations.kubevirt.io/v1alpha1
        hco.kubevirt.io/v1 hco.kubevirt.io/v1beta1
        k8s.cni.cncf.io/v1
        coordination.k8s.io/v1
        events.k8s.io/v1
        rbac.authorization.k8s.io/v1
        authorization.k8s.io/v1
        authentication.k8s.io/v1
        subresources.kubevirt.io/v1
    "#]]
    .assert_eq(&text(&lines));
    for group in &groups.groups {
        let alone: APIGroup =
            serde_json::from_value(discovery::group(&group.name).unwrap()).unwrap();
        assert_eq!(&alone, group);
    }
    assert_eq!(discovery::group("apps"), None);
    assert_eq!(discovery::group(""), None);
}

#[test]
fn everything_that_is_served_is_found() {
    for served in KindVersion::all() {
        let list = discovery::resources(served.group(), served.version()).unwrap();
        let names: Vec<&Value> =
            list["resources"].as_array().unwrap().iter().map(|r| &r["name"]).collect();
        // That one stands in another group as well, and a name is only told once in this form.
        let is_told = served != KindVersion::MISFILED_MACHINE;
        assert_eq!(names.contains(&&json!(served.definition().plural)), is_told, "{served}");
        assert!(discovery::group_versions().contains(&(served.group(), served.version())));
    }
    for resource in VirtualResource::ALL {
        assert!(discovery::group_versions().contains(&(resource.group, resource.version)));
        let found = VirtualResource::of_path(resource.group, resource.version, resource.plural);
        assert_eq!(found, Some(resource));
    }
    assert_eq!(discovery::resources("", "v2"), None);
    assert_eq!(discovery::resources("kubevirt.io", "v1beta1"), None);
}

#[test]
fn the_core_has_what_kubectl_drain_looks_for() {
    let lines = resources("", "v1");
    let below: Vec<&String> = lines.iter().filter(|line| line.contains('/')).collect();
    expect![[r#"
        namespaces/finalize cluster Namespace: update
        namespaces/status cluster Namespace: get patch update
        nodes/status cluster Node: get patch update
        persistentvolumeclaims/status namespaced PersistentVolumeClaim: get patch update
        pods/binding namespaced Binding: create
        pods/eviction namespaced Eviction of policy/v1: create
        pods/status namespaced Pod: get patch update
        serviceaccounts/token namespaced TokenRequest of authentication.k8s.io/v1: create
        services/status namespaced Service: get patch update
    "#]]
    .assert_eq(&text(&below));
    let of = |name| lines.iter().find(|line| line.starts_with(name)).map(String::as_str);
    assert_eq!(of("bindings "), Some("bindings namespaced Binding: create"));
    assert_eq!(
        of("nodes "),
        Some("nodes cluster Node: create delete deletecollection get list patch update watch"),
    );
}

#[test]
fn reviews_and_actions_have_no_objects() {
    let mut lines = resources("authorization.k8s.io", "v1");
    lines.extend(resources("authentication.k8s.io", "v1"));
    lines.extend(resources("subresources.kubevirt.io", "v1"));
    expect![[r#"
        localsubjectaccessreviews namespaced LocalSubjectAccessReview: create
        selfsubjectaccessreviews cluster SelfSubjectAccessReview: create
        selfsubjectrulesreviews cluster SelfSubjectRulesReview: create
        subjectaccessreviews cluster SubjectAccessReview: create
        selfsubjectreviews cluster SelfSubjectReview: create
        tokenreviews cluster TokenReview: create
        virtualmachineinstances/evacuate/cancel namespaced EvacuateCancelOptions of kubevirt.io/v1: update
        virtualmachineinstances/pause namespaced PauseOptions of kubevirt.io/v1: update
        virtualmachineinstances/unpause namespaced UnpauseOptions of kubevirt.io/v1: update
        virtualmachines/evacuate/cancel namespaced EvacuateCancelOptions of kubevirt.io/v1: update
        virtualmachines/migrate namespaced MigrateOptions of kubevirt.io/v1: update
        virtualmachines/restart namespaced RestartOptions of kubevirt.io/v1: update
        virtualmachines/start namespaced StartOptions of kubevirt.io/v1: update
        virtualmachines/stop namespaced StopOptions of kubevirt.io/v1: update
    "#]].assert_eq(&text(&lines));
}

#[test]
fn names_that_people_type_are_told() {
    let list = discovery::resources("kubevirt.io", "v1").unwrap();
    let machines = list["resources"].as_array().unwrap();
    let machine = machines.iter().find(|resource| resource["name"] == "virtualmachines").unwrap();
    assert_eq!(machine["shortNames"], json!(["vm", "vms"]));
    assert_eq!(machine["categories"], json!(["all"]));
    assert_eq!(machine["singularName"], "virtualmachine");
}

/// The plain lists and the aggregated ones say the same, but for what only the latter have.
#[test]
fn both_forms_tell_the_same() {
    let mut aggregated = BTreeSet::new();
    for root in [Root::Core, Root::Groups] {
        let document = discovery::aggregated(root, Edition::V2, Misfiled::NotServed);
        let list: APIGroupDiscoveryList = serde_json::from_value(document).unwrap();
        for group in list.items {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            for version in group.versions {
                let of = format!("{name}/{}", version.version.unwrap());
                for resource in version.resources {
                    let plural = resource.resource.unwrap();
                    if !resource.verbs.is_empty() {
                        aggregated.insert(format!("{of} {plural} {:?}", resource.verbs));
                    }
                    for below in resource.subresources {
                        let name = below.subresource.unwrap();
                        aggregated.insert(format!("{of} {plural}/{name} {:?}", below.verbs));
                    }
                }
            }
        }
    }
    let mut plain = BTreeSet::new();
    for (group, version) in discovery::group_versions() {
        let list = discovery::resources(group, version).unwrap();
        let list: APIResourceList = serde_json::from_value(list).unwrap();
        for resource in list.resources {
            plain.insert(format!("{group}/{version} {} {:?}", resource.name, resource.verbs));
        }
    }
    assert_eq!(aggregated, plain);
    let misfiled = discovery::aggregated(Root::Groups, Edition::V2, Misfiled::Served);
    assert_eq!(misfiled["items"][1]["versions"][0]["resources"][1]["resource"], "virtualmachines");
}

#[test]
fn older_clients_read_the_beta_of_the_same() {
    let mut beta = discovery::aggregated(Root::Groups, Edition::V2Beta1, Misfiled::Served);
    assert_eq!(beta["apiVersion"], "apidiscovery.k8s.io/v2beta1");
    beta["apiVersion"] = json!("apidiscovery.k8s.io/v2");
    assert_eq!(beta, discovery::aggregated(Root::Groups, Edition::V2, Misfiled::Served));
}

#[test]
fn a_resource_that_is_only_a_path_has_an_empty_kind() {
    let document = discovery::aggregated(Root::Groups, Edition::V2, Misfiled::Served);
    let last = document["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["metadata"]["name"], "subresources.kubevirt.io");
    let machine = &last["versions"][0]["resources"][1];
    assert_eq!(machine["resource"], "virtualmachines");
    assert_eq!(machine["responseKind"], json!({ "group": "", "version": "", "kind": "" }));
    assert_eq!(machine["verbs"], json!([]));
    assert_eq!(
        machine["subresources"][0],
        json!({
            "subresource": "start",
            "responseKind": { "group": "kubevirt.io", "version": "v1", "kind": "StartOptions" },
            "verbs": ["update"],
        }),
    );
}

#[test]
fn a_cluster_of_kubevirts_has_no_machines_among_the_policies() {
    let group = "migrations.kubevirt.io";
    let shown = |misfiled| {
        [
            discovery::aggregated(Root::Groups, Edition::V2, misfiled)["items"]
                .as_array()
                .and_then(|groups| groups.iter().find(|one| one["metadata"]["name"] == group))
                .cloned()
                .unwrap(),
            openapi::v3(group, "v1alpha1", misfiled).unwrap(),
        ]
    };
    for (served, unknown) in shown(Misfiled::Served).iter().zip(shown(Misfiled::NotServed)) {
        let is_machine = |document: &Value| document.to_string().contains("VirtualMachine");
        assert!(is_machine(served) && !is_machine(&unknown), "{unknown}");
        assert!(unknown.to_string().contains("MigrationPolicy"), "{unknown}");
    }
    let hash = |misfiled| openapi::v3_hash(group, "v1alpha1", misfiled).unwrap();
    assert_ne!(hash(Misfiled::Served), hash(Misfiled::NotServed));
    let machines = KindVersion::of_path("kubevirt.io", "v1", "virtualmachines").unwrap();
    assert!(Misfiled::NotServed.has(machines));
}
