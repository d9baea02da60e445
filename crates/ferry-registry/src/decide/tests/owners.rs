//! References to owners that stand twice.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::request::{Decision, OnConflict, Patch, Write};
use crate::testing::{Cluster, config_map, shown, target, vm};

fn owner(name: &str, uid: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid })
}

fn owned(mut object: Value, owners: &Value) -> Value {
    object["metadata"]["ownerReferences"] = owners.clone();
    object
}

/// What the client is warned of: of a patch, that it was noticed after admission.
fn warning(by_patch: bool, uids: &str) -> String {
    let when = if by_patch { " after mutating admission happens" } else { "" };
    format!(
        ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner \
         references in 1.20+, and may reject such requests as early as 1.24; please fix your \
         requests; duplicate UID(s) observed: {uids}"
    )
}

fn owners_of(decision: &Decision) -> Value {
    shown(decision)["metadata"]["ownerReferences"].clone()
}

#[test]
fn parity_references_to_owners_that_stand_twice_are_dropped_with_a_warning() {
    let mut blocking = owner("p", "u1");
    blocking["blockOwnerDeletion"] = json!(true);
    let mut controller = owner("p", "u1");
    controller["controller"] = json!(true);
    let (first, second) = (owner("p", "u1"), owner("q", "u2"));
    for (sent, kept, uids) in [
        (json!([first, second]), json!([first, second]), None),
        (json!([first, first]), json!([first]), Some("u1")),
        (json!([first, second, first, second, first]), json!([first, second]), Some("u1, u2, u1")),
        // The same uid alone makes no duplicate.
        (json!([first, blocking]), json!([first, blocking]), None),
        (json!([first, blocking, first]), json!([first, blocking]), Some("u1")),
        // Of one controller that stands twice, one is left: no second one is complained of.
        (json!([controller, controller]), json!([controller]), Some("u1")),
    ] {
        for (kind, plain) in [(Kind::ConfigMap, config_map("x")), (Kind::VirtualMachine, vm("x"))] {
            let mut cluster = Cluster::new();
            let warnings = |by_patch| uids.map(|uids| warning(by_patch, uids));
            let created = cluster.create(&owned(plain.clone(), &sent)).unwrap();
            assert_eq!(owners_of(&created), kept);
            assert_eq!(created.warnings, Vec::from_iter(warnings(false)));

            let updated = cluster.update(&owned(shown(&created), &sent)).unwrap();
            assert_eq!((updated.change.is_none(), owners_of(&updated)), (true, kept.clone()));
            assert_eq!(updated.warnings, Vec::from_iter(warnings(false)));

            let patch = json!({ "metadata": { "ownerReferences": sent } });
            let patched = cluster.merge(target(kind, "x"), patch).unwrap();
            assert_eq!((patched.change.is_none(), owners_of(&patched)), (true, kept.clone()));
            assert_eq!(patched.warnings, Vec::from_iter(warnings(true)));

            let replace =
                json!([{ "op": "replace", "path": "/metadata/ownerReferences", "value": sent }]);
            let patch = Patch::Json(serde_json::from_value(replace).unwrap());
            let request = cluster.request(target(kind, "x"), Write::Patch(patch));
            let patched = cluster.send(&request).unwrap();
            assert_eq!(patched.warnings, Vec::from_iter(warnings(true)));
        }
    }
}

#[test]
fn references_that_are_applied_twice_are_refused() {
    let mut cluster = Cluster::new();
    let config = owned(vm("x"), &json!([owner("p", "u1"), owner("p", "u1")]));
    let at = target(Kind::VirtualMachine, "x");
    let refusal = cluster.server_side_apply(at, &config, OnConflict::Refuse).unwrap_err();
    assert!(refusal.to_string().contains("ownerReferences"), "{refusal}");
}
