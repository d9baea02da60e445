//! What becomes of a change to an object that is not there.

use ferry_api::Kind;
use serde_json::{Value, json};

use crate::request::{Answer, Creation, OnConflict};
use crate::testing::{Cluster, config_map, shown, target};

const DENIED: &str = "User \"alice\" cannot create resource";

fn lease() -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": { "name": "x", "namespace": "a" },
        "spec": { "holderIdentity": "n" },
    })
}

/// A cluster whose user may change and not create.
fn denying() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.creation = Creation::Denied { message: DENIED.to_owned() };
    cluster
}

#[test]
fn parity_whoever_may_only_change_creates_nothing() {
    let mut cluster = denying();
    let at = target(Kind::ConfigMap, "x");
    let refused =
        cluster.server_side_apply(at.clone(), &config_map("x"), OnConflict::TakeOver).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string()),
        (403, format!("configmaps \"x\" is forbidden: {DENIED}"))
    );
    let refused = cluster.update(&lease()).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string()),
        (403, format!("leases.coordination.k8s.io \"x\" is forbidden: {DENIED}"))
    );
    assert_eq!((cluster.get(&at), cluster.get(&target(Kind::Lease, "x"))), (None, None));
    // What no PUT makes is not there, whoever asks.
    assert_eq!(cluster.update(&config_map("x")).unwrap_err().code(), 404);
}

#[test]
fn whoever_may_only_change_changes_what_is_there() {
    let mut cluster = Cluster::new();
    cluster.create(&config_map("x")).unwrap();
    let live = shown(&cluster.create(&lease()).unwrap());
    cluster.creation = denying().creation;
    let at = target(Kind::ConfigMap, "x");
    let mut changed = config_map("x");
    changed["data"]["k"] = json!("w");
    cluster.server_side_apply(at.clone(), &changed, OnConflict::TakeOver).unwrap();
    assert_eq!(cluster.get(&at).unwrap()["data"]["k"], "w");
    let mut renewed = live;
    renewed["spec"]["holderIdentity"] = json!("m");
    assert!(matches!(cluster.update(&renewed).unwrap().answer, Answer::Object(_)));
}

#[test]
fn parity_whoever_knows_a_uid_means_no_new_object() {
    let mut cluster = Cluster::new();
    let at = target(Kind::ConfigMap, "x");
    let mut known = config_map("x");
    known["metadata"]["uid"] = json!("u");
    let refused = cluster.server_side_apply(at.clone(), &known, OnConflict::TakeOver).unwrap_err();
    assert_eq!(
        (refused.code(), refused.to_string().as_str()),
        (
            409,
            "Operation cannot be fulfilled on configmaps \"x\": uid mismatch: the provided object \
             specified uid u, and no existing object was found"
        )
    );
    let mut lease = lease();
    lease["metadata"]["uid"] = json!("u");
    for object in [known, lease] {
        let refused = cluster.update(&object).unwrap_err();
        let message = "Precondition failed: UID in precondition: u, UID in object meta: ";
        assert_eq!(refused.code(), 409);
        assert!(refused.to_string().ends_with(message), "{refused}");
    }
    assert_eq!((cluster.get(&at), cluster.get(&target(Kind::Lease, "x"))), (None, None));
}
