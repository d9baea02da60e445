//! Objects whose fields nobody owns any longer, because a client said so.

use ferry_api::{Kind, KindVersion};
use serde_json::{Value, json};

use crate::object::{Part, Target};
use crate::request::{OnConflict, Patch, Write};
use crate::testing::{Cluster, config_map, shown, target};

fn operations(value: Value) -> Patch {
    Patch::Json(serde_json::from_value(value).unwrap())
}

fn at() -> Target {
    target(Kind::ConfigMap, "x")
}

/// A cluster with an object that is tracked.
fn tracked() -> Cluster {
    let mut cluster = Cluster::new();
    let made = cluster.server_side_apply(at(), &config_map("x"), OnConflict::Refuse).unwrap();
    assert_ne!(shown(&made)["metadata"]["managedFields"], Value::Null);
    cluster
}

#[test]
fn parity_an_empty_list_of_managed_fields_ends_the_tracking() {
    let path = "/metadata/managedFields";
    for empty in [json!([]), json!([{}])] {
        for patch in [
            Patch::Merge(json!({ "metadata": { "managedFields": empty } })),
            Patch::Strategic(json!({ "metadata": { "managedFields": empty } })),
            operations(json!([{ "op": "replace", "path": path, "value": empty }])),
        ] {
            let mut cluster = tracked();
            let request = cluster.request(at(), Write::Patch(patch.clone()));
            cluster.send(&request).unwrap();
            let metadata = cluster.get(&at()).unwrap()["metadata"].clone();
            assert!(metadata.get("managedFields").is_none(), "{patch:?}: {metadata}");
        }
        let mut cluster = tracked();
        let mut replaced = config_map("x");
        replaced["metadata"]["managedFields"] = empty;
        let shown = shown(&cluster.update(&replaced).unwrap());
        assert!(shown["metadata"].get("managedFields").is_none(), "{shown}");
        // It stays so until somebody applies.
        cluster.merge(at(), json!({ "metadata": { "labels": { "a": "b" } } })).unwrap();
        assert_eq!(cluster.get(&at()).unwrap()["metadata"]["managedFields"], Value::Null);
        cluster.server_side_apply(at(), &config_map("x"), OnConflict::Refuse).unwrap();
        assert_ne!(cluster.get(&at()).unwrap()["metadata"]["managedFields"], Value::Null);
    }
}

#[test]
fn an_empty_list_of_managed_fields_is_kept_nowhere() {
    let mut cluster = Cluster::new();
    let mut new = config_map("x");
    new["metadata"]["managedFields"] = json!([]);
    let made = shown(&cluster.create(&new).unwrap());
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "test");
    // The path of a status does not change who owns the rest.
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n", "labels": { "a": "b" } } });
    let mut node = shown(&cluster.create(&node).unwrap());
    node["metadata"]["managedFields"] = json!([]);
    node["status"] = json!({ "phase": "Running" });
    let served = KindVersion::storage(Kind::Node);
    let at = Target { served, part: Part::Status, ..target(Kind::Node, "n") };
    let node = shown(&cluster.update_at(at, &node).unwrap());
    let managers = node["metadata"]["managedFields"].as_array().unwrap();
    assert!(!managers.is_empty(), "{node}");
}
