//! Rows as `kubectl get` prints them, wide columns included.

use expect_test::expect;
use ferry_api::{Kind, KindVersion, table};
use ferry_units::WallTime;
use serde_json::{Value, json};

use crate::common::{documents, text};
use crate::round_trip::MANIFESTS;

const NOW: &str = "2026-11-23T08:20:00Z";

fn now() -> WallTime {
    NOW.parse().expect("a time")
}

fn cells(kind: Kind, object: &Value) -> Vec<Value> {
    table::cells(kind, object.as_object().expect("an object"), now())
}

/// The cells of an object in one line. An empty one is written as `-`.
fn row(kind: Kind, object: &Value) -> String {
    let cells = cells(kind, object);
    let shown = cells.iter().map(|cell| match cell.as_str() {
        Some("") => "-".to_owned(),
        Some(text) => text.to_owned(),
        None => cell.to_string(),
    });
    shown.collect::<Vec<String>>().join(" | ")
}

#[test]
fn every_row_has_a_cell_for_each_column() {
    for kind in Kind::ALL {
        let columns = table::columns(kind);
        let columns = columns.as_array().unwrap();
        let found = cells(kind, &json!({}));
        assert_eq!(found.len(), columns.len(), "{kind}");
        let names = columns.iter().filter(|column| column["format"] == "name");
        let at = columns.iter().position(|column| column["name"] == "Name").unwrap();
        assert_eq!(names.count(), 1, "{kind}");
        assert_eq!(cells(kind, &json!({ "metadata": { "name": "a" } }))[at], "a", "{kind}");
    }
}

#[test]
fn a_column_says_what_it_is() {
    let columns = table::columns(Kind::VirtualMachineInstance);
    assert_eq!(
        columns[0]["description"],
        "the name, which is the only one of its kind in its namespace"
    );
    let column = json!({
        "name": "Live-Migratable",
        "type": "string",
        "format": "",
        "description": "whether the guest can be moved while it runs",
        "priority": 1,
    });
    assert_eq!(columns[6], column);
}

#[test]
fn manifests_print_as_these_rows() {
    let mut rows = Vec::new();
    for document in MANIFESTS.iter().flat_map(|(_, text)| documents(text)) {
        let head = |field: &str| document.value[field].as_str().unwrap_or_default();
        let served = KindVersion::of_document(head("apiVersion"), head("kind"));
        let Some(served) = served else { continue };
        let kind = served.kind();
        rows.push(format!("{kind}: {}", row(kind, &Value::Object(document.value.clone()))));
    }
    rows.sort();
    rows.dedup();
    expect![[r#"
        ClusterRole: kubevirt.io:migrate | null
        ClusterRoleBinding: migrators | ClusterRole/kubevirt.io:migrate | <unknown> | - | operators | billing/migrator
        ConfigMap: win2k25-autounattend | 2 | <unknown>
        Event: 21h | Normal | Migrating | virtualmachineinstance/postgres-primary | - | virt-handler, worker-1 | VirtualMachineInstance is migrating. | 21h | 3 | postgres-primary.17f1c2a4b5d6e7f8
        HyperConverged: kubevirt-hyperconverged | null
        KubeVirt: kubevirt | null | Deployed
        KubeVirt: kubevirt | null | null
        Lease: virt-controller | virt-controller-7d9f | <unknown>
        MigrationPolicy: databases | null
        MigrationPolicy: everything | null
        MigrationPolicy: slow | null
        Namespace: billing | Active | <unknown>
        NetworkAttachmentDefinition: bare | null
        NetworkAttachmentDefinition: migration-network | null
        Node: worker-1 | Ready,SchedulingDisabled | worker | <unknown> | v1.33.4 | 192.0.2.11 | <none> | Red Hat Enterprise Linux CoreOS 9.6 | 5.14.0-570.el9.x86_64 | cri-o://1.33.4
        PersistentVolumeClaim: postgres-root | Bound | pvc-0d1e | 60Gi | RWX | ceph-rbd-virtualization | <unset> | <unknown> | Block
        Pod: virt-launcher-postgres-primary-m9z4q | 1/1 | Running | 0 | <unknown> | 10.131.0.12 | <none> | <none> | 0/1
        Role: viewer | null
        RoleBinding: viewers | Role/viewer | <unknown> | jane | - | -
        Secret: postgres-cloud-init | Opaque | 2 | <unknown>
        Service: postgres | ClusterIP | 172.30.14.2 | <none> | 5432/TCP,9187/TCP | <unknown> | kubevirt.io/domain=postgres-primary
        ServiceAccount: migrator | 1 | <unknown>
        VirtualMachine: - | null | null | null
        VirtualMachine: everything | null | Running | null
        VirtualMachine: postgres-primary | null | Paused | False
        VirtualMachine: radio-unit | null | Running | null
        VirtualMachine: win2k25-template-test | null | null | null
        VirtualMachineInstance: build-agent | null | Running | null | worker-1 | null | null | null
        VirtualMachineInstance: everything | null | Failed | null | null | null | null | null
        VirtualMachineInstance: postgres-primary | 3d2h | Running | 10.131.0.169 | worker-2 | True | True | null
        VirtualMachineInstance: receiver | null | WaitingForSync | null | null | null | null | null
        VirtualMachineInstanceMigration: - | null | postgres-primary
        VirtualMachineInstanceMigration: arrive | WaitingForSync | postgres-primary
        VirtualMachineInstanceMigration: kubevirt-migrate-vm-7q2bx | Failed | postgres-primary
        VirtualMachineInstanceMigration: leave | null | postgres-primary
        VirtualMachineInstanceMigration: postgres-to-gpu | null | postgres-primary
    "#]].assert_eq(&text(&rows));
}

#[test]
fn parity_ages_have_two_figures_at_most() {
    let mut ages = Vec::new();
    let (minute, hour, day) = (60, 3600, 86400);
    for seconds in [
        -3600,
        -2,
        -1,
        0,
        32,
        119,
        2 * minute,
        5 * minute + 10,
        10 * minute - 1,
        10 * minute,
        3 * hour - 1,
        3 * hour,
        3 * hour + 59,
        7 * hour + 59 * minute,
        8 * hour,
        2 * day - 1,
        2 * day,
        2 * day + 5 * hour,
        8 * day - 1,
        8 * day,
        2 * 365 * day - 1,
        2 * 365 * day,
        2 * 365 * day + 40 * day,
        8 * 365 * day,
        30 * 365 * day,
    ] {
        let then = WallTime::from_unix_seconds(now().unix_seconds() - seconds).unwrap();
        ages.push(format!("{seconds}: {}", table::age(then, now())));
    }
    expect![[r#"
        -3600: <invalid>
        -2: <invalid>
        -1: 0s
        0: 0s
        32: 32s
        119: 119s
        120: 2m
        310: 5m10s
        599: 9m59s
        600: 10m
        10799: 179m
        10800: 3h
        10859: 3h
        28740: 7h59m
        28800: 8h
        172799: 47h
        172800: 2d
        190800: 2d5h
        691199: 7d23h
        691200: 8d
        63071999: 729d
        63072000: 2y
        66528000: 2y40d
        252288000: 8y
        946080000: 30y
    "#]]
    .assert_eq(&text(&ages));
}

#[test]
fn parity_a_cell_that_a_custom_kind_does_not_have_is_null() {
    let machine = json!({ "metadata": { "name": "a" }, "status": { "printableStatus": null } });
    assert_eq!(
        cells(Kind::VirtualMachine, &machine),
        [json!("a"), Value::Null, Value::Null, Value::Null]
    );
    let odd = json!({ "metadata": { "creationTimestamp": 5 }, "status": { "phase": { "a": 1 } } });
    assert_eq!(row(Kind::KubeVirt, &odd), r#"- | <invalid> | {"a":1}"#);
    let role = json!({ "metadata": { "name": "a", "creationTimestamp": NOW } });
    assert_eq!(row(Kind::Role, &role), format!("a | {NOW}"));
}

#[test]
fn parity_a_node_is_described_by_its_labels_and_conditions() {
    let mut rows = Vec::new();
    for node in [
        json!({}),
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } }),
        json!({
            "metadata": { "labels": {
                "node-role.kubernetes.io/worker": "",
                "node-role.kubernetes.io/control-plane": "",
                "node-role.kubernetes.io/": "",
                "kubernetes.io/role": "edge",
            } },
            "spec": { "unschedulable": true },
            "status": {
                "conditions": [{ "type": "Ready", "status": "True" }],
                "addresses": [
                    { "type": "ExternalIP", "address": "198.51.100.1" },
                    { "type": "InternalIP", "address": "192.0.2.1" },
                ],
                "nodeInfo": { "kubeletVersion": "v1.33.4", "osImage": "Linux" },
            },
        }),
    ] {
        rows.push(row(Kind::Node, &node));
    }
    expect![[r#"
        - | Unknown | <none> | <unknown> | - | <none> | <none> | <unknown> | <unknown> | <unknown>
        - | NotReady | <none> | <unknown> | - | <none> | <none> | <unknown> | <unknown> | <unknown>
        - | Ready,SchedulingDisabled | control-plane,edge,worker | <unknown> | v1.33.4 | 192.0.2.1 | 198.51.100.1 | Linux | <unknown> | <unknown>
    "#]].assert_eq(&text(&rows));
}

#[test]
fn parity_an_event_tells_when_it_was_first_and_last_seen() {
    let about = json!({ "kind": "VirtualMachineInstance", "name": "db", "fieldPath": "spec" });
    let mut rows = Vec::new();
    for event in [
        json!({}),
        json!({
            "metadata": { "name": "db.1" }, "involvedObject": about, "type": "Normal",
            "reason": "Migrating", "message": " moving\n", "count": 3,
            "firstTimestamp": "2026-11-23T08:15:00Z", "lastTimestamp": "2026-11-23T08:19:28Z",
            "source": { "component": "virt-handler", "host": "node-1" },
        }),
        json!({
            "metadata": { "name": "db.2" }, "involvedObject": { "kind": "Node" },
            "eventTime": "2026-11-23T08:15:00.123456Z", "reportingComponent": "ferry-node",
            "reportingInstance": "node-1", "firstTimestamp": null, "lastTimestamp": null,
        }),
        json!({
            "eventTime": "2026-11-23T08:15:00.123456Z", "reportingComponent": "ferry-node",
            "series": { "count": 7, "lastObservedTime": "2026-11-23T08:19:59.000000Z" },
        }),
    ] {
        rows.push(row(Kind::Event, &event));
    }
    expect![[r#"
        <unknown> | - | - | - | - | - | - | <unknown> | 1 | -
        32s | Normal | Migrating | virtualmachineinstance/db | spec | virt-handler, node-1 | moving | 5m | 3 | db.1
        5m | - | - | node | - | ferry-node, node-1 | - | 5m | 1 | db.2
        1s | - | - | - | - | ferry-node | - | 5m | 7 | -
    "#]].assert_eq(&text(&rows));
}

#[test]
fn parity_a_service_shows_how_it_is_reached() {
    let ports = json!([
        { "port": 80, "protocol": "TCP" },
        { "port": 443, "nodePort": 30443, "protocol": "TCP" },
    ]);
    let mut rows = Vec::new();
    for (spec, status) in [
        (json!({ "type": "ClusterIP", "clusterIPs": ["None"] }), json!({})),
        (
            json!({
                "type": "NodePort", "clusterIP": "172.30.0.9", "ports": ports,
                "externalIPs": ["198.51.100.7"], "selector": { "b": "2", "a": "1" },
            }),
            json!({}),
        ),
        (json!({ "type": "LoadBalancer" }), json!({})),
        (
            json!({ "type": "LoadBalancer", "externalIPs": ["198.51.100.7"] }),
            json!({ "loadBalancer": { "ingress": [{ "hostname": "lb.example" }, { "ip": "1.2.3.4" }] } }),
        ),
        (json!({ "type": "ExternalName", "externalName": "db.example" }), json!({})),
    ] {
        rows.push(row(Kind::Service, &json!({ "spec": spec, "status": status })));
    }
    expect![[r#"
        - | ClusterIP | None | <none> | <none> | <unknown> | <none>
        - | NodePort | 172.30.0.9 | 198.51.100.7 | 80/TCP,443:30443/TCP | <unknown> | a=1,b=2
        - | LoadBalancer | <none> | <pending> | <none> | <unknown> | <none>
        - | LoadBalancer | <none> | 1.2.3.4,lb.example,198.51.100.7 | <none> | <unknown> | <none>
        - | ExternalName | <none> | db.example | <none> | <unknown> | <none>
    "#]]
    .assert_eq(&text(&rows));
}

#[test]
fn parity_a_binding_names_its_subjects_by_kind() {
    let binding = json!({
        "metadata": { "name": "a", "creationTimestamp": NOW },
        "roleRef": { "kind": "ClusterRole", "name": "view" },
        "subjects": [
            { "kind": "User", "name": "jane" }, { "kind": "User", "name": "joe" },
            { "kind": "Group", "name": "operators" },
            { "kind": "ServiceAccount", "name": "ci", "namespace": "build" },
            { "kind": "ServiceAccount", "name": "here" },
        ],
    });
    expect!["a | ClusterRole/view | 0s | jane, joe | operators | build/ci, here"]
        .assert_eq(&row(Kind::RoleBinding, &binding));
}

#[test]
fn parity_a_claim_without_a_volume_has_no_size() {
    let mut rows = Vec::new();
    for (spec, status) in [
        (json!({}), json!({ "phase": "Pending", "capacity": { "storage": "1Gi" } })),
        (
            json!({ "volumeName": "pv", "storageClassName": "fast", "volumeMode": "Block" }),
            json!({
                "phase": "Bound", "capacity": { "storage": "1024Mi" },
                "accessModes": ["ReadWriteMany", "ReadWriteOnce", "ReadWriteMany"],
            }),
        ),
        (json!({ "volumeName": "pv" }), json!({})),
    ] {
        let claim = json!({ "spec": spec, "status": status });
        rows.push(row(Kind::PersistentVolumeClaim, &claim));
    }
    let leaving = json!({
        "metadata": {
            "deletionTimestamp": NOW,
            "annotations": { "volume.beta.kubernetes.io/storage-class": "old" },
        },
        "status": { "phase": "Bound" },
    });
    rows.push(row(Kind::PersistentVolumeClaim, &leaving));
    expect![[r#"
        - | Pending | - | - | - | - | <unset> | <unknown> | <unset>
        - | Bound | pv | 1Gi | RWO,RWX | fast | <unset> | <unknown> | Block
        - | - | pv | 0 | - | - | <unset> | <unknown> | <unset>
        - | Terminating | - | - | - | old | <unset> | <unknown> | <unset>
    "#]]
    .assert_eq(&text(&rows));
}
