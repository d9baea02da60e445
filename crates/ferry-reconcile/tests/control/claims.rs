//! Claims: bound at once, held while they are used, and what is left of them.

use ferry_api::{Selector, View};
use ferry_reconcile::Part;
use ferry_reconcile::claims::{Image, left_over, unused};
use ferry_reconcile::guest::{Disk, DiskPlace, GuestEnd, GuestState};
use ferry_units::Bytes;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::nodes::Deed;
use crate::objects::{claim, instance, text, with};

const CLAIM: &str = "PersistentVolumeClaim";

fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

/// A machine that runs on the claim `data`.
fn used() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.create(&claim("data", "ReadWriteMany"));
    let volumes = json!({ "spec": { "volumes": [
        { "name": "data", "persistentVolumeClaim": { "claimName": "data" } },
    ] } });
    cluster.create(&with(instance("vm"), &volumes));
    cluster.settle();
    cluster
}

#[test]
fn parity_a_claim_is_bound_as_soon_as_it_is_seen_and_has_what_it_asked_for_then() {
    let mut cluster = Cluster::new();
    cluster.create(&claim("data", "ReadWriteOnce"));
    let own = json!({ "spec": { "volumeName": "tape-7" } });
    cluster.create(&with(claim("tape", "ReadOnlyMany"), &own));
    cluster.settle();
    let chosen = cluster.get(CLAIM, "data");
    assert_eq!(text(&chosen, "/spec/volumeName"), format!("pvc-{}", uid(&chosen)));
    assert_eq!(
        chosen["status"],
        json!({
            "phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": { "storage": "1Gi" },
        })
    );
    let metadata = |claim: &Value| {
        let metadata = &claim["metadata"];
        (metadata["annotations"].clone(), metadata["finalizers"].clone())
    };
    let (complete, by_us) =
        ("pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller");
    let held = json!(["kubernetes.io/pvc-protection"]);
    let ours = |mut annotations: Value| {
        annotations["volume.kubernetes.io/storage-provisioner"] = json!("file.ferry.dev");
        annotations
    };
    let own = ours(json!({ complete: "yes", by_us: "yes" }));
    assert_eq!(metadata(&chosen), (own, held.clone()));
    let given = cluster.get(CLAIM, "tape");
    assert_eq!(text(&given, "/spec/volumeName"), "tape-7");
    assert_eq!(text(&given, "/status/phase"), "Bound");
    assert_eq!(metadata(&given), (ours(json!({ complete: "yes" })), held));

    let more = json!({ "spec": { "resources": { "requests": { "storage": "2Gi" } } } });
    cluster.patch("user", CLAIM, Part::Main, "data", &more);
    cluster.settle();
    assert_eq!(text(&cluster.get(CLAIM, "data"), "/status/capacity/storage"), "1Gi");
}

#[test]
fn parity_a_claim_whose_volume_somebody_else_makes_is_let_alone() {
    for annotations in [json!({}), json!({ "volume.kubernetes.io/storage-provisioner": "tapes" })] {
        let mut cluster = Cluster::new();
        let foreign = json!({
            "metadata": { "annotations": annotations, "finalizers": ["kubernetes.io/pvc-protection"] },
            "spec": { "storageClassName": "tapes" },
        });
        cluster.create(&with(claim("data", "ReadWriteMany"), &foreign));
        let before = cluster.get(CLAIM, "data");
        cluster.settle();
        assert_eq!(cluster.get(CLAIM, "data"), before);
        cluster.delete(CLAIM, "data");
        cluster.settle();
        assert!(!cluster.get(CLAIM, "data").is_null(), "who protects it lets it go");
    }
}

#[test]
fn parity_a_claim_that_is_deleted_stays_as_long_as_a_pod_on_a_node_uses_it() {
    let mut cluster = used();
    cluster.create(&claim("other", "ReadWriteMany"));
    cluster.settle();
    for name in ["data", "other"] {
        cluster.delete(CLAIM, name);
    }
    cluster.settle();
    assert!(cluster.get(CLAIM, "other").is_null(), "nobody uses it");
    let leaving = cluster.get(CLAIM, "data");
    assert!(!text(&leaving, "/metadata/deletionTimestamp").is_empty(), "{leaving:#}");
    assert_eq!(text(&leaving, "/status/phase"), "Bound");
    cluster.delete("VirtualMachineInstance", "vm");
    cluster.settle();
    assert!(!cluster.get(CLAIM, "data").is_null(), "its pod has not ended");
    cluster.do_one(|deed| matches!(deed, Deed::EndPod(_)));
    cluster.settle();
    assert!(cluster.get(CLAIM, "data").is_null());
}

#[test]
fn a_claim_that_is_to_go_is_not_taken_into_use_by_others() {
    let mut cluster = used();
    cluster.delete(CLAIM, "data");
    let volumes = json!({ "spec": { "volumes": [
        { "name": "data", "dataVolume": { "name": "data" } },
    ] } });
    cluster.create(&with(instance("other"), &volumes));
    cluster.settle();
    assert!(cluster.pods_of("other").is_empty());
    let waits = |cluster: &Cluster, message: &str| {
        let seen = cluster.get("VirtualMachineInstance", "other");
        seen["status"]["conditions"].to_string().contains(message)
    };
    assert!(waits(&cluster, "PVC data is being deleted"));
    cluster.delete("VirtualMachineInstance", "vm");
    cluster.settle();
    cluster.do_one(|deed| matches!(deed, Deed::EndPod(_)));
    cluster.settle();
    assert!(waits(&cluster, "PVC data does not exist"));
    cluster.create(&claim("data", "ReadWriteMany"));
    cluster.settle();
    assert_eq!(cluster.pods_of("other").len(), 1);
}

#[test]
fn a_claim_is_held_by_no_pod_that_is_nowhere() {
    let mut cluster = Cluster::new();
    cluster.create(&claim("data", "ReadWriteMany"));
    let nowhere = json!({ "spec": {
        "nodeSelector": { "name": "node-9" },
        "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data" } }],
    } });
    cluster.create(&with(instance("vm"), &nowhere));
    cluster.settle();
    assert_eq!(cluster.pods_of("vm").len(), 1);
    cluster.delete(CLAIM, "data");
    cluster.settle();
    assert!(cluster.get(CLAIM, "data").is_null());
}

#[test]
fn a_file_is_left_over_once_its_claim_is_gone_even_if_there_is_another_of_that_name() {
    let mut cluster = Cluster::new();
    cluster.create(&claim("data", "ReadWriteMany"));
    cluster.create(&claim("kept", "ReadWriteMany"));
    cluster.settle();
    let image = |claim: &PersistentVolumeClaim| Image {
        namespace: claim.metadata.namespace.clone().unwrap(),
        name: claim.metadata.name.clone().unwrap(),
        uid: claim.metadata.uid.clone().unwrap(),
    };
    let claims: Vec<PersistentVolumeClaim> =
        View::list(&cluster.state, Some("ns"), &Selector::default());
    let images: Vec<Image> = claims.iter().map(image).collect();
    assert_eq!(left_over(&cluster.state, &images), [&images[0]; 0]);
    cluster.delete(CLAIM, "data");
    cluster.settle();
    assert_eq!(left_over(&cluster.state, &images), [&images[0]]);
    cluster.create(&claim("data", "ReadWriteMany"));
    cluster.settle();
    assert_eq!(left_over(&cluster.state, &images), [&images[0]]);
}

#[test]
fn a_file_is_used_as_long_as_a_guest_has_it_that_has_not_ended() {
    let image = |name: &str| Image {
        namespace: "ns".to_owned(),
        name: name.to_owned(),
        uid: format!("uid-of-{name}"),
    };
    let images = ["ended", "here", "shared", "nobodys"].map(image);
    let [ended, here, shared, nobodys] = images.clone();
    let disk = |place: DiskPlace| Disk { name: "d".to_owned(), size: Bytes::from_mib(1), place };
    let path = || "/ns/nobodys".into();
    let dead = [disk(DiskPlace::Claim(ended.clone()))];
    let alive = [
        disk(DiskPlace::Claim(here)),
        disk(DiskPlace::SharedClaim(shared)),
        disk(DiskPlace::Ephemeral),
        disk(DiskPlace::Host { path: path() }),
        disk(DiskPlace::SharedHost { path: path() }),
        // Another claim of that name.
        disk(DiskPlace::Claim(Image { uid: "other".to_owned(), ..nobodys.clone() })),
    ];
    for state in [GuestState::Starting, GuestState::Waiting, GuestState::Running, GuestState::Held]
    {
        let guests = [(state, &alive[..]), (GuestState::Ended(GuestEnd::ShutDown), &dead[..])];
        assert_eq!(unused(images.to_vec(), guests), [ended.clone(), nobodys.clone()]);
    }
}
